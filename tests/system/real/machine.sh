# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2154
# Part of tests/system/real.sh: surroundings for the programs.

# Runs the test again in namespaces of its own, where every port is free and what it starts ends with it, and ends; where
# there are none it returns. PORTER_INSIDE tells the second run.
enter_namespaces()
{
	open='ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || exit 78
	    shift 2; exec "$@"'
	as_self='ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || exit 78
	    uid=$1 gid=$2; shift 2; exec unshare --user "--map-user=$uid" "--map-group=$gid" "$@"'
	if [ "$(id -u)" = 0 ]; then
		set -- unshare --mount --net --pid --fork --kill-child --mount-proc sh -c "$open"
	else
		set -- unshare --map-root-user --net sh -c "$as_self"
	fi
	"$@" apart "$(id -u)" "$(id -g)" true >/dev/null 2>&1 || return 0
	inside=0
	PORTER_INSIDE=yes "$@" apart "$(id -u)" "$(id -g)" sh "$0" || inside=$?
	exit "$inside"
}

# As root in the namespaces: a user for the programs, the one that sshd wants, and a /run that is ours.
prepare_machine()
{
	grep -v -e '^sshd:' -e '^porter:' /etc/passwd >"$tmp/passwd"
	cp /etc/group "$tmp/group"
	echo "sshd:x:54320:65534::/run/sshd:/bin/false" >>"$tmp/passwd"
	echo "porter:x:54321:54321:Porter:$tmp/home:/bin/sh" >>"$tmp/passwd"
	echo "porter:x:54321:" >>"$tmp/group"
	chmod 644 "$tmp/passwd" "$tmp/group"
	mount --bind "$tmp/passwd" /etc/passwd
	mount --bind "$tmp/group" /etc/group
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -m 755 /run/sshd
}

# Porterd and the unpacked programs where every user can reach them.
copy_programs()
{
	peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
	mkdir "$tmp/peers" "$tmp/home" "$tmp/got"
	export HOME="$tmp/home"
	unset XDG_CONFIG_HOME
	cp "$PORTERD" "$tmp/porterd"
	chmod go+rX,go-w "$tmp/porterd"
	if [ -z "$is_root" ] || [ -z "$is_apart" ] || [ ! -d "$peers" ]; then
		copy_peers
	else
		trap 'umount -l "$tmp/peers" && clean_up' EXIT
		mount -o bind,ro "$peers" "$tmp/peers"
	fi
	libraries=$(find "$tmp/peers" -name '*.so*' -exec dirname {} \; | sort -u | paste -s -d : -)
	[ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
}

copy_peers()
{
	for part in usr/bin usr/sbin usr/lib lib; do
		# A link leads to what is copied already.
		if [ ! -d "$peers/$part" ] || [ -h "$peers/$part" ]; then continue; fi
		mkdir -p "$tmp/peers/$part"
		cp -r "$peers/$part/." "$tmp/peers/$part"
	done
	chmod -R go+rX,go-w "$tmp/peers"
}

# Files of several kinds, compared after each transfer.
make_data()
{
	mkdir -p "$tmp/data/sub directory"
	: >"$tmp/data/empty"
	printf x >"$tmp/data/one"
	head -c 300000 /dev/urandom >"$tmp/data/random"
	head -c 65536 /dev/zero >"$tmp/data/sub directory/zero"
	seq 20000 >"$tmp/data/sub directory/lines"
	chmod -R a+rX "$tmp/data"
}

# Prints where a program lies: among the peers, in PATH or where servers are.
program() # name
{
	PATH="$tmp/peers/usr/bin:$tmp/peers/usr/sbin:$PATH:/usr/sbin:/sbin" command -v "$1"
}

# Says which of the programs is missing, if one is.
lacks() # name...
{
	for name; do program "$name" >/dev/null || echo "$name is missing"; done
}
