#!/bin/sh
# SPDX-License-Identifier: MIT
# The demo answers on its ports, as root and as nobody, logs to the terminal, skips what cannot be served and ends by
# the interrupt signal.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v bash >/dev/null || skip "no bash"
# Copies that every user can reach.
mkdir "$tmp/tree" "$tmp/tree/compiled"
cp -r "$SRC_ROOT/examples" "$tmp/tree"
cp "$PORTERD" "$tmp/tree/porterd"
find "$BUILD_DIR/examples" -maxdepth 1 -type f -perm -u+x -exec cp {} "$tmp/tree/compiled" \;
chmod -R go+rX,go-w "$tmp/tree"

has_answer() # port
{
	[ -n "$(ask "$1" hello)" ]
}


demo() # directory command-prefix...
{
	where=$1
	shift
	first=$(free_ports)
	mkdir "$tmp/$where"
	[ $# = 0 ] || chown 65534:65534 "$tmp/$where"
	PORTER_DEMO_SHIFT=$((first - 3600)) "$@" setsid sh "$tmp/tree/examples/demo/run.sh" "$tmp/tree/porterd" \
	    "$tmp/tree/compiled" "$tmp/$where/demo" >"$tmp/out" 2>&1 &
	demo_pid=$!
	pids="$pids $demo_pid"
	retry 20 answers "$first" hello hello || fail "$where: the shell echo does not answer"
	retry 10 answers $((first + 1)) hello hello || fail "$where: the C echo does not answer"
	retry 10 answers $((first + 2)) hello HELLO udp || fail "$where: the UDP service does not answer"
	retry 10 has_answer $((first + 3)) || fail "$where: the builtin does not answer"
	ask $((first + 4)) '' | grep -q 'serving environment for 127.0.0.1' || fail "$where: no environment is shown"
	grep -q "^  $first/tcp " "$tmp/out" || fail "$where: the ports are not printed"
	retry 10 grep -q 'START: myecho .*from=127.0.0.1' "$tmp/out" || fail "$where: no connection in the log"
	# One port further some are free: what is taken is named, and the rest is served.
	PORTER_DEMO_SHIFT=$((first + 1 - 3600)) "$@" sh "$tmp/tree/examples/demo/run.sh" /bin/true "$tmp/tree/compiled" \
	    "$tmp/$where/second" >"$tmp/second"
	grep -q "myecho: port $((first + 1)) is taken" "$tmp/second" || fail "$where: a taken port is not named"
	! PORTER_DEMO_SHIFT=$((first - 3600)) "$@" sh "$tmp/tree/examples/demo/run.sh" /bin/true "$tmp/tree/compiled" \
	    "$tmp/$where/second" >"$tmp/second" 2>&1 || fail "$where: a demo with nothing to serve is started"
	kill -INT "$demo_pid"
	wait "$demo_pid" || fail "$where: the demo ended with status $?"
	! is_listening "$first" || fail "$where: the port is still open"
}

demo self
if [ "$(id -u)" != 0 ]; then
	skip_part "as nobody: not root"
elif ! command -v setpriv >/dev/null; then
	skip_part "as nobody: no setpriv"
else
	demo nobody setpriv --reuid=65534 --regid=65534 --clear-groups
fi
