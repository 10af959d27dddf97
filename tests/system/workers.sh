#!/bin/sh
# SPDX-License-Identifier: MIT
# Each program and service file of examples/workers serves real clients behind porterd, speaks its protocol to the letter
# at the other end of a channel, and says what it is when it is started by hand.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
first=$(free_ports)
workers=$SRC_ROOT/examples/workers
# Copies that every user can reach.
mkdir "$tmp/bin"
cp "$SRC_ROOT"/examples/programs/echo_line.py "$workers"/*.py "$tmp/bin"
for source in "$workers"/*.c; do
	name=$(basename "$source" .c)
	cp "$BUILD_DIR/examples/workers/$name" "$tmp/bin/$name"
done

client() # command word...
{
	timeout 120 /usr/bin/python3 "$SRC_ROOT/tests/system/workers_client.py" "$@" >"$tmp/out" 2>&1 || fail "client $*"
}

# Without porterd.
for program in "$tmp"/bin/*; do
	case $program in
	*/echo_line.py) continue ;;
	*/prefork) client plain "$program" seqpacket && client plain "$program" stream ;;
	*/shared_listener.py) client shared "$program" ;;
	*) client channel "$program" ;;
	esac
	client refuses "$program"
done

# The service files, with these paths and ports, and prefork over the other kind of pair.
cat >"$tmp/porterd.conf" <<END
defaults
{
	log_type = FILE $tmp/activity.log
	daemon_log = FILE $tmp/error.log
}
END
cat "$workers"/*.conf >>"$tmp/porterd.conf"
sed -e 's/= seqpacket/= stream/' -e 's/^service prefork/service prefork-stream/' -e 's/= 3612/= 3617/' \
    "$workers/prefork.conf" >>"$tmp/porterd.conf"
sed -i -e "s|/usr/local/bin|$tmp/bin|" -e "s/user = nobody/user = $user/" "$tmp/porterd.conf"
for last in 0 1 2 3 4 5 6 7; do
	sed -i "s/port = 361$last\$/port = $((first + last))/" "$tmp/porterd.conf"
done
"$PORTERD" --check -f "$tmp/porterd.conf" >"$tmp/out" 2>&1 || fail "the service files have errors"
! grep -q ' warning: \|: note: ' "$tmp/out" || fail "the service files have warnings or notes"
"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"

# Pids of the processes that served a service's connections.
servers_of() # id
{
	sed -n "s/.*START: $1 pid=\([0-9]*\) .*/\1/p" "$tmp/activity.log" | sort -u | wc -l
}

port_of() # id
{
	sed -n "/^service $1\$/,/^}/s/.*port = //p" "$tmp/porterd.conf"
}

for id in echo-library echo-protocol prefork prefork-stream; do
	client echo "$(port_of "$id")" 5
	client together "$(port_of "$id")" 4
	# 5 rounds of 5, and 4.
	retry 10 sh -c "[ \$(grep -c 'EXIT: $id status=0' '$tmp/activity.log') = 29 ]" || fail "$id: not every connection is in the log"
	[ "$(servers_of "$id")" -le 16 ] || fail "$id: workers serve one connection each"
done
client together "$(port_of line-service)" 8 'hello, you' 'HELLO, YOU \(worker \d+, client \d+\)'
client stays "$(port_of line-service)" 8
client together "$(port_of shared-listener)" 4 'hello, you' 'HELLO, YOU \(worker \d+, client \d+\)'
client stays "$(port_of shared-listener)" 4
client http "$(port_of http-worker)"
client echo "$(port_of warm)" 2 lines_only
client together "$(port_of warm)" 10
[ "$(servers_of warm)" = 14 ] || fail "warm: $(servers_of warm) processes for fourteen clients"
if command -v curl >/dev/null; then
	curl -sS --max-time 10 "http://127.0.0.1:$(port_of http-worker)/" >"$tmp/out" 2>&1 || fail "curl gets no page"
	grep -q '^This is worker [0-9]*, ' "$tmp/out" || fail "curl gets another page"
else
	skip_part "no curl"
fi
if command -v nc >/dev/null; then
	[ "$(printf 'hello\n' | nc -N -w 5 127.0.0.1 "$(port_of echo-library)")" = hello ] || fail "nc gets no answer"
else
	skip_part "no nc"
fi

# The end is quick: every worker sees the end of its channel, or gets SIGTERM. Nothing is left of them.
processes_left()
{
	for file in /proc/[0-9]*/cmdline; do
		tr '\0' ' ' <"$file" | grep -F " $tmp/" || :
	done 2>/dev/null
}
processes_left | grep -q line_service.py || fail "no worker is found in /proc"
kill -TERM "$daemon"
wait "$daemon" || fail "porterd ended with status $?"
processes_left >"$tmp/out"
[ ! -s "$tmp/out" ] || fail "processes are left"
! grep -q 'Traceback\|no message\|no client came' "$tmp/error.log" || fail "a worker complained: $(cat "$tmp/error.log")"
