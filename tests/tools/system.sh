# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For the tests in tests/system, which source this file: PORTERD is the built daemon, BUILD_DIR the directory of the
# build, SRC_ROOT the checkout.
set -eu
tmp=$(mktemp -d)
chmod 755 "$tmp"
pids=

clean_up()
{
	for pid in $pids; do
		kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || :
	done
	rm -rf "$tmp"
}
trap clean_up EXIT

skip()
{
	echo "$*"
	exit 77
}

# A part of the test that is left out; the rest goes on.
skip_part()
{
	echo "$(basename "$0" .sh): $*" >>"${PORTER_SKIPS:-/dev/null}"
}

fail()
{
	echo "FAILED: $*" >&2
	[ ! -s "$tmp/out" ] || sed 's/^/  out: /' "$tmp/out" >&2
	exit 1
}

# Runs a command again and again until it succeeds, for at most so many seconds.
retry() # seconds command...
{
	until_time=$(($(date +%s) + $1))
	shift
	until "$@" >"$tmp/retry" 2>&1; do
		[ "$(date +%s)" -le "$until_time" ] || {
			cat "$tmp/retry" >&2
			return 1
		}
		sleep 0.05
	done
}

# True if something listens on the TCP port.
is_listening() # port
{
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    grep -qi ":$(printf %04X "$1") [0-9A-F]*:0000 0A "
}

# Prints a port below the range of outgoing connections such that it and the next nine are free on TCP.
free_ports()
{
	while :; do
		number=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
		first=$((10000 + number % 2000 * 10))
		port=$first
		while [ "$port" -lt $((first + 10)) ] && ! is_listening "$port"; do port=$((port + 1)); done
		[ "$port" -lt $((first + 10)) ] || break
	done
	echo "$first"
}

# Sends a line and prints the first line of the answer; fails if there is none within five seconds.
ask() # port line [tcp|udp]
{
	# head takes a whole datagram at once; read would take one byte of it and lose the rest.
	bash -c 'exec 3<>"/dev/$3/127.0.0.1/$1" && printf "%s\n" "$2" >&3 && timeout 5 head -n 1 <&3 | grep .' ask \
	    "$1" "$2" "${3:-tcp}" 2>/dev/null
}

answers() # port line expected [tcp|udp]
{
	[ "$(ask "$1" "$2" "${4:-tcp}")" = "$3" ]
}

# Opens connections to a line echo and keeps them until clean_up or its pid is killed. Each word written to the pipe
# $tmp/hold.in makes it ask on every connection and write "held N" to $tmp/hold.out for the N that answered.
hold() # count port
{
	rm -f "$tmp/hold.in" "$tmp/hold.out"
	mkfifo "$tmp/hold.in"
	# shellcheck disable=SC2016 # for bash to expand
	bash -c 'for i in $(seq "$1"); do exec {fd}<>"/dev/tcp/127.0.0.1/$2" && fds+=("$fd"); done
	    exec 9<>"$3/hold.in"
	    while read -r word <&9; do
	        n=0
	        for fd in "${fds[@]}"; do
	            echo "$word" >&"$fd" && read -t 5 -r back <&"$fd" && [ "$back" = "$word" ] && n=$((n + 1))
	        done
	        echo "held $n" >>"$3/hold.out"
	    done' hold "$1" "$2" "$tmp" 2>/dev/null &
	holder=$!
	pids="$pids $holder"
	still_held "$1"
}

still_held() # count
{
	: >"$tmp/hold.out"
	echo hello >"$tmp/hold.in"
	retry 10 grep -q held "$tmp/hold.out" && grep -q "held $1" "$tmp/hold.out"
}

# Runs this test again inside a root that is the machine's with the tree laid over it, in namespaces of its own: what
# it starts ends with it. PORTER_INSIDE tells the second run. With own_network=--net its ports are its own, too.
own_network=
run_inside() # tree
{
	[ "$(id -u)" = 0 ] || skip "not root"
	unshare --mount --pid --fork --kill-child true 2>/dev/null || skip "no mount namespaces here"
	mkdir -p "$1/porter-test/tests/tools" "$1/porter-test/tests/system" "$tmp/lay" "$tmp/tree"
	cp "$SRC_ROOT/tests/tools/system.sh" "$1/porter-test/tests/tools"
	cp "$0" "$1/porter-test/tests/system"
	cp "$SRC_ROOT/tests/conf/good/myecho.conf" "$1/porter-test/tests"
	# shellcheck disable=SC2016 # for the inner shell to expand
	inside='[ -z "$4" ] || ip link set lo up || exit 78
	    mount -t tmpfs tmpfs "$1/lay" && mkdir "$1/lay/upper" "$1/lay/work" &&
	    mount -t overlay -o "lowerdir=/,upperdir=$1/lay/upper,workdir=$1/lay/work" overlay "$1/tree" &&
	    tar -C "$2" -cf - . | tar -C "$1/tree" --keep-directory-symlink --no-overwrite-dir -xf - &&
	    mount --rbind /dev "$1/tree/dev" && mount -t proc proc "$1/tree/proc" &&
	    mount -t tmpfs tmpfs "$1/tree/run" && mount -t tmpfs tmpfs "$1/tree/tmp" || exit 78
	    exec chroot "$1/tree" /usr/bin/env PORTER_INSIDE=1 PORTER_SKIPS=/dev/null SRC_ROOT=/porter-test sh "/porter-test/tests/system/$3"'
	status=0
	# shellcheck disable=SC2086 # an option or nothing
	unshare --mount --pid $own_network --fork --kill-child sh -c "$inside" inside "$tmp" "$1" "$(basename "$0")" \
	    "$own_network" || status=$?
	[ "$status" != 78 ] || skip "no mount namespace with an overlay can be made"
	return "$status"
}

# Runs this test inside a root into which porterd and its examples were installed.
run_installed()
{
	[ -z "${PORTER_INSIDE-}" ] || return 0
	[ "$(id -u)" = 0 ] || skip "not root"
	${MAKE:-make} -C "$SRC_ROOT" --no-print-directory DESTDIR="$tmp/root" install install-examples >/dev/null
	run_inside "$tmp/root"
	exit
}

ends_with() # status command...
{
	expected=$1 got=0
	shift
	"$@" >"$tmp/out" 2>&1 || got=$?
	[ "$got" = "$expected" ] || fail "$* ended with $got instead of $expected"
}

# Drops a line echo into the installed conf.d.
drop_service() # port instances
{
	sed -e 's/disable = yes/disable = no/' -e "s/port = 3600/port = $1/" -e "s/instances = 5/instances = $2/" \
	    /etc/porterd/conf.d/myecho >/etc/porterd/conf.d/dropped
}
