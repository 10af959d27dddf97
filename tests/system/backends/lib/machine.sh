# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2154
# Part of tests/system/backends.sh: a machine that has the programs.

# Runs the test again in namespaces of its own, where every port is free and what it starts ends with it, and ends.
enter_machine()
{
	[ "$(id -u)" = 0 ] || skip "not root"
	export PORTER_PEERS="${PORTER_PEERS:-$SRC_ROOT/build/peers}"
	[ -d "$PORTER_PEERS/.packages" ] || skip "no unpacked programs in $PORTER_PEERS (tests/tools/peers.sh)"
	{ [ -h "$PORTER_PEERS/lib" ] && [ -h /lib ]; } || skip "/lib is no link to /usr/lib"
	set -- unshare --mount --net --uts --pid --fork --kill-child --mount-proc
	"$@" true 2>/dev/null || skip "no namespaces here"
	inside=0
	PORTER_INSIDE=yes "$@" sh "$0" || inside=$?
	[ "$inside" != 78 ] || skip "no directory can be laid over another here"
	exit "$inside"
}

# The programs laid over the machine; what is written to /etc, /var and /srv goes nowhere. Directories of the programs
# and of the machine must not lie one in the other for an overlay of both.
prepare_machine()
{
	trap 'umount -l "$tmp/lay" && clean_up' EXIT
	mkdir "$tmp/lay" "$tmp/home"
	mount -t tmpfs -o mode=755 tmpfs "$tmp/lay" || exit 78
	cp "$PORTERD" "$tmp/lay/porterd"
	lay_over usr "$PORTER_PEERS/usr"
	lay_over etc "$PORTER_PEERS/etc"
	lay_over var "$PORTER_PEERS/var"
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /srv
	ln -s lay/porterd "$tmp/porterd"
	ip link set lo up
	# Some resolve no name at all where no address but a loopback one is.
	ip address add 192.0.2.1/32 dev lo
	hostname backend
	# Names are those of this machine; nobody else is asked.
	printf '127.0.0.1\tlocalhost backend peer\n::1\tlocalhost\n' >/etc/hosts
	echo 'hosts: files' >/etc/nsswitch.conf
	add_user sshd /run/sshd /bin/false
	add_user porter "$tmp/home" /bin/sh
	add_user nagios /var/lib/nagios /bin/false
	add_user ftp /srv/ftp /bin/false
	mkdir -m 1777 /run/lock
	mkdir -p /run/sshd /srv/ftp /srv/data
	make_data
}

lay_over() # directory, tree
{
	mkdir -p "$tmp/lay/$1/upper" "$tmp/lay/$1/work"
	mount -t overlay -o "lowerdir=$2:/$1,upperdir=$tmp/lay/$1/upper,workdir=$tmp/lay/$1/work" overlay "/$1" || exit 78
}

# Adds a user of our own choice; what the machine has of that name does not count.
next_id=54320
add_user() # name home shell
{
	next_id=$((next_id + 1))
	for file in passwd group; do
		grep -v "^$1:" "/etc/$file" >"$tmp/$file" || :
		cat "$tmp/$file" >"/etc/$file"
	done
	echo "$1:x:$next_id:$next_id::$2:$3" >>/etc/passwd
	echo "$1:x:$next_id:" >>/etc/group
}

# What the servers have to give: text, bytes of every kind, and more than a packet of it.
make_data()
{
	seq 2000 >/srv/data/lines
	head -c 300000 /dev/urandom >/srv/data/random
	cp /srv/data/* /srv/ftp
	chmod -R a+rX /srv
}

# Says what is missing of the programs of a part.
lacks() # path...
{
	for path; do [ -x "$path" ] || command -v "$path" >/dev/null || echo "$path is missing"; done | head -n 1
}
