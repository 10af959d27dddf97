#!/bin/sh
# SPDX-License-Identifier: MIT
# After two thousand connections, twenty at a time, of which each client checks what it gets: every start has its end in
# the log, no process is left, and the daemon has neither more descriptors nor noticeably more memory than before.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v ps >/dev/null || skip "no ps"
port=$(free_ports)
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
cp "$BUILD_DIR/examples/echo_server_xinetd" "$tmp/server"
cat >"$tmp/porterd.conf" <<END
defaults
{
	log_type = FILE $tmp/activity.log
	daemon_log = FILE $tmp/error.log
}
service soak
{
	type = UNLISTED
	socket_type = stream
	bind = 127.0.0.1
	port = $port
	wait = no
	user = $user
	server = $tmp/server
}
END

clients() # at-a-time each
{
	"$BUILD_DIR/tests/programs/line_clients" "$port" "$1" "$2" >"$tmp/out" 2>&1 || fail "a client was not served"
}

# Processes that have the daemon as their parent, zombies among them.
has_no_child()
{
	[ -z "$(ps -o pid= --ppid "$daemon")" ]
}

has_lines() # count pattern
{
	[ "$(grep -c "$2" "$tmp/activity.log")" = "$1" ]
}

resident() # prints the daemon's memory in kB
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status"
}

open_descriptors()
{
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}

"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"
# What is allocated once is there after these.
clients 20 10
retry 10 has_no_child || fail "a process is left by the first clients"
memory=$(resident)
descriptors=$(open_descriptors)
clients 20 100
retry 10 has_no_child || fail "a process is left"
[ "$(open_descriptors)" = "$descriptors" ] || fail "$(open_descriptors) descriptors instead of $descriptors"
[ "$(resident)" -le $((memory + memory / 10)) ] || fail "$(resident) kB of memory instead of $memory"
retry 10 has_lines 2200 "EXIT: soak status=0 " || fail "not every program ended with status 0"
has_lines 2200 "START: soak pid=" || fail "not every connection was logged as started"
has_lines 4400 . || fail "there are other lines in the log: $(grep -v -e START -e EXIT "$tmp/activity.log")"
kill -TERM "$daemon"
wait "$daemon" || fail "porterd ended with status $?"
