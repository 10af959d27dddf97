#!/bin/sh
# SPDX-License-Identifier: MIT
# Connections through a dynamic pool whose workers are replaced after 500 of them, eight at a time, of which each client
# checks what it gets: at the end every one was served, none is lost or refused, no process is left but the workers, and
# the daemon has neither more descriptors nor noticeably more memory than before. PORTER_SOAK says how many connections.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v ps >/dev/null || skip "no ps"
clients=8
spare=6
each=$((${PORTER_SOAK:-20000} / clients))
port=$(free_ports)
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
cp "$BUILD_DIR/tests/programs/worker" "$tmp/worker"
cat >"$tmp/porterd.conf" <<END
defaults
{
	log_type =
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
	server = $tmp/worker
	server_args = porter
	pool = dynamic
	pool_max = $clients
	pool_min_spare = $spare
	pool_max_spare = $spare
	pool_max_requests = 500
	on_limit = queue
}
END

connections() # each
{
	"$BUILD_DIR/tests/programs/line_clients" "$port" "$clients" "$1" >"$tmp/out" 2>&1 || fail "a client was not served"
}

resident() # prints the daemon's memory in kB
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status"
}

open_descriptors()
{
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}

# Prints the number behind the word in a fresh state dump of the daemon.
number() # word
{
	rm -f "$tmp/run/dump"
	kill -USR1 "$daemon"
	retry 10 test -s "$tmp/run/dump" || fail "no state dump"
	sed -n "s/.*[ :]$1=\([0-9]*\).*/\1/p" "$tmp/run/dump" | head -n 1
}

is_number() # word value
{
	[ "$(number "$1")" = "$2" ]
}

# No worker has a client, and the pool is as large as one that nobody uses.
is_at_rest()
{
	is_number busy 0 && is_number leaving 0 && is_number workers "$spare"
}

# A sanitizer keeps what was freed for a while: that is not what is measured.
ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0" "$PORTERD" -F -f "$tmp/porterd.conf" \
    --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"
# What is allocated once is there after these: each worker was replaced at least once.
connections 600
retry 20 is_at_rest || fail "the pool does not come to rest: $(cat "$tmp/run/dump")"
memory=$(resident)
descriptors=$(open_descriptors)
begin=$(date +%s)
connections "$each"
end=$(date +%s)
retry 20 is_at_rest || fail "the pool does not come to rest: $(cat "$tmp/run/dump")"
all=$((clients * (600 + each)))
[ "$(number accepted)" = "$all" ] || fail "$(number accepted) connections instead of $all"
[ "$(number served)" = "$all" ] || fail "$(number served) of $all were served"
for word in lost again refused failed stray timed-out aborted; do
	[ "$(number "$word")" = 0 ] || fail "$word=$(number "$word"): $(cat "$tmp/run/dump")"
done
ended=$(number ended)
[ "$ended" -ge $((all / 500 - clients)) ] || fail "only $ended workers were replaced"
[ "$(ps -o pid= --ppid "$daemon" | wc -l)" = "$spare" ] || fail "not $spare processes"
[ "$(open_descriptors)" = "$descriptors" ] || fail "$(open_descriptors) descriptors instead of $descriptors"
case $BUILD_DIR in *asan*) slack=$((memory / 3)) ;; *) slack=$((memory / 10)) ;; esac
[ "$(resident)" -le $((memory + slack)) ] || fail "$(resident) kB of memory instead of $memory"
echo "soak_pool: $((clients * each)) connections in $((end - begin)) s, every reply right;" \
    "$ended workers have ended, $descriptors descriptors before and after, memory $memory kB before and $(resident) kB after"
kill -TERM "$daemon"
wait "$daemon" || fail "porterd ended with status $?"
