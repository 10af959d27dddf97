#!/bin/sh
# SPDX-License-Identifier: MIT
# Clients of services of all kinds come steadily, at half of the rate that the machine can do, and some stay all the
# time. Meanwhile the configuration is reloaded again and again, each time changed, and the binary is replaced and
# executed. At the end every client has been served to the end, logs and counters have as many as the clients count,
# no process is left, and the daemon has neither more descriptors nor noticeably more memory than before.
# With PORTER_SOAK_UPGRADE set these are 500 reloads and 20 upgrades, otherwise a few.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v ps >/dev/null || skip "no ps"
if [ -n "${PORTER_SOAK_UPGRADE-}" ]; then reloads=500 upgrades=20; else reloads=20 upgrades=3; fi
port=$(free_ports)
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
programs=$BUILD_DIR/tests/programs
for program in hold worker waiter; do cp "$programs/$program" "$tmp"; done
# A sanitizer keeps what was freed for a while: that is not what is measured.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0"

service() # id line...
{
	printf 'service %s\n{\n\tuser = %s\n\tinstances = %s\n' "$1" "$user" "$instances"
	shift
	printf '\t%s\n' "$@"
	printf '}\n'
}

tcp() # id port line...
{
	id=$1 listen=$2
	shift 2
	service "$id" "type = UNLISTED" "socket_type = stream" "protocol = tcp" "wait = no" "listen = 127.0.0.1:$listen" "$@"
}

# Writes the configuration with limits a or b, the renamed service as a or b, the extra service or not, pools of a or b.
# Workers that accept by themselves have so long for a client when they are asked to end.
configure() # limits name extra pool
{
	instances=$([ "$1" = a ] && echo 700 || echo 800)
	workers=$([ "$4" = a ] && echo 12 || echo 9)
	{
		cat <<-END
			defaults
			{
				log_type = FILE $tmp/activity.log
				daemon_log = FILE $tmp/daemon.log
				log_on_success = PID HOST EXIT DURATION
				log_on_failure = HOST
				cps = 0
				on_limit = queue
				per_source = UNLIMITED
			}
		END
		tcp fork "$port" "server = $tmp/hold"
		tcp once $((port + 1)) "server = $tmp/worker" "server_args = porter" "pool = static" "pool_max = $workers"
		tcp fresh $((port + 2)) "server = $tmp/hold" "pool = static" "pool_exec = fresh" "pool_max = $workers"
		tcp shared $((port + 3)) "server = $tmp/worker" "server_args = listen graceful" \
		    "pool = static" "pool_accept = worker" "pool_max = $workers" "stop_grace = 10m"
		tcp "other_$2" $((port + 5)) "server = $tmp/hold"
		[ "$3" = no ] || tcp extra $((port + 7)) "server = $tmp/hold"
		service echo "type = INTERNAL UNLISTED" "socket_type = stream" "protocol = tcp" "wait = no" \
		    "listen = 127.0.0.1:$((port + 4))"
		service unix "type = UNLISTED" "socket_type = stream" "wait = no" "server = $tmp/hold" "listen = unix:$tmp/sock"
		service udp "type = UNLISTED" "socket_type = dgram" "protocol = udp" "wait = yes" "server = $tmp/waiter" \
		    "server_args = dgram 20" "listen = 127.0.0.1:$((port + 6))"
	} >"$tmp/porterd.conf.new"
	mv "$tmp/porterd.conf.new" "$tmp/porterd.conf"
}

ctl()
{
	"$PORTERCTL" --control "$tmp/run/control" "$@" >"$tmp/out" 2>&1 || fail "porterctl $* ended with $?"
}

# Another file each time, as a new version is: one that runs cannot be written to.
upgrade()
{
	cp "$PORTERD" "$tmp/porterd.new"
	mv "$tmp/porterd.new" "$tmp/porterd"
	ctl upgrade
	upgraded=$((upgraded + 1))
}

toggle() # word one other
{
	if [ "$1" = "$2" ]; then echo "$3"; else echo "$2"; fi
}

# Not a look at the kernel's table: it has very many connections of the last minute.
is_closed() # port
{
	! bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"' closed "$1"
}

# Every fifth time the configuration is again what it was at first.
reload()
{
	step=$((reloaded % 5))
	case $step in 0 | 4) limits=$(toggle "$limits" a b) ;; esac
	case $step in 1 | 4) name=$(toggle "$name" a b) ;; esac
	case $step in 2 | 4) extra=$(toggle "$extra" no yes) ;; esac
	case $step in 3 | 4) pool=$(toggle "$pool" a b) ;; esac
	configure "$limits" "$name" "$extra" "$pool"
	ctl reload
	reloaded=$((reloaded + 1))
	# Clients of it cannot come without knowing whether it is there.
	if [ "$extra" = no ]; then
		# A child that has just been forked has the socket, too, until it executes its program.
		retry 5 is_closed $((port + 7)) || fail "a service that was removed still listens"
	elif [ "$step" = 4 ]; then
		answers $((port + 7)) hello hello || fail "a service that was added does not serve"
		asked=$((asked + 1))
	fi
}

# Each waits a little for the clients of that time.
changes() # reloads upgrades every: how many reloads are between two upgrades
{
	done=0
	for turn in $(seq "$1"); do
		if [ "$done" -lt "$2" ] && [ $((turn % $3)) = 0 ]; then
			upgrade
			done=$((done + 1))
			sleep 0.1
		fi
		reload
		kill -0 "$steady" 2>/dev/null || fail "the clients have ended: $(cat "$tmp/steady.err")"
		sleep 0.1
	done
}

# Clients at half of the greatest rate, and some who stay, until finish_clients.
start_clients()
{
	# shellcheck disable=SC2086 # one word each
	"$programs/steady_clients" -r $((fastest / 2)) $targets >"$tmp/steady" 2>"$tmp/steady.err" &
	steady=$!
	"$programs/steady_clients" "fork=tcp:$port/2" "unix=unix:$tmp/sock/2" "once=tcp:$((port + 1))/2" \
	    "fresh=tcp:$((port + 2))/2" "shared=tcp:$((port + 3))/2" "echo=tcp:$((port + 4))/2" \
	    "other=tcp:$((port + 5))/2" "extra=tcp:$((port + 7))/2" >"$tmp/held" 2>"$tmp/held.err" &
	held=$!
	pids="$pids $steady $held"
	retry 10 has_stayers || fail "those who stay are not served: $(cat "$tmp/held.err")"
}

# One of the services whom they stay with is to be removed soon.
has_stayers()
{
	"$PORTERCTL" --control "$tmp/run/control" metrics >"$tmp/metrics" && [ "$(figure service_connections extra)" = 2 ]
}

# Afterwards each pool has its workers, and nothing else is left.
finish_clients()
{
	kill -TERM "$steady" "$held"
	wait "$steady" || fail "clients were not served right: $(cat "$tmp/steady.err" "$tmp/steady")"
	wait "$held" || fail "those who stayed were not served right: $(cat "$tmp/held.err" "$tmp/held")"
	cat "$tmp/steady" "$tmp/held" >>"$tmp/all_clients"
	retry 20 is_at_rest || fail "not all has come to rest after $reloaded reloads"
}

# How many clients of the services with these names there were, those who stayed, too.
clients_of() # name
{
	awk -v name="$1" '$1 == name { n += $2 } END { print n + 0 }' "$tmp/all_clients"
}

# The sum of a figure of all services, or of one.
figure() # name [service]
{
	awk -v name="porterd_$1" -v service="${2-}" 'index($1, name "{") == 1 || $1 == name {
		if (service == "" || index($1, "service=\"" service "\"")) n += $NF } END { printf "%d\n", n }' "$tmp/metrics"
}

lines() # pattern
{
	grep -c "$1" "$tmp/activity.log" || :
}

resident() # prints the daemon's memory in kB
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$daemon/status"
}

open_descriptors()
{
	find "/proc/$daemon/fd" -mindepth 1 | wc -l
}

# The program of datagrams may wait for some more of them, and each of three pools has twelve workers.
is_at_rest()
{
	"$PORTERCTL" --control "$tmp/run/control" metrics >"$tmp/metrics" || return 1
	processes=$((36 + $(figure service_processes udp)))
	ps -o pid,stat,args --ppid "$daemon"
	[ "$(figure pool_workers)" = 36 ] && [ "$(figure pool_leaving)" = 0 ] &&
	    [ "$(ps -o pid= --ppid "$daemon" | wc -l)" = "$processes" ]
}

is_alike() # what one other
{
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}

has_as_many_lines() # what one other
{
	[ "$(lines "$1")" = "$(lines "$2")" ]
}

has_followed()
{
	[ "$(grep -c "START: extra \|EXIT: extra " "$tmp/followed")" = "$(lines ": extra ")" ]
}

configure a a yes a
cp "$PORTERD" "$tmp/porterd"
"$tmp/porterd" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"
# Whoever looks at the log goes on looking.
"$PORTERCTL" --control "$tmp/run/control" logs -f --service extra >"$tmp/followed" 2>&1 &
follower=$!
pids="$pids $follower"
limits=a name=a extra=yes pool=a reloaded=0 upgraded=0 asked=0
targets="fork=tcp:$port unix=unix:$tmp/sock once=tcp:$((port + 1)) fresh=tcp:$((port + 2)) shared=tcp:$((port + 3))
    echo=tcp:$((port + 4)) other=tcp:$((port + 5)) udp=udp:$((port + 6))"
: >"$tmp/all_clients"
# shellcheck disable=SC2086 # one word each
"$programs/steady_clients" -c 8 -s 2 $targets >"$tmp/fastest" 2>&1 || fail "clients were not served: $(cat "$tmp/fastest")"
cat "$tmp/fastest" >>"$tmp/all_clients"
fastest=$(sed -n 's/^all .*rate=\([0-9]*\).*/\1/p' "$tmp/fastest")
begin=$(date +%s)
start_clients
changes 5 1 3
finish_clients
descriptors=$(open_descriptors)
memory=$(resident)
start_clients
# The last quarter is without upgrades: what reloads leave behind is not thrown away.
changes $((reloads - 5)) $((upgrades - 1)) $(((reloads - 5) * 3 / 4 / (upgrades - 1)))
finish_clients
end=$(date +%s)
descriptors_after=$(open_descriptors)
memory_after=$(resident)
result=$(tail -n 1 "$tmp/steady")
is_alike reloads "$reloaded" "$reloads"
is_alike upgrades "$upgraded" "$upgrades"

# The daemon's counters, and its log, against what the clients say.
ctl --json status
is_alike pid "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$tmp/out")" "$daemon"
cp "$tmp/out" "$tmp/status"
is_alike reloads "$(figure reloads_total)" "$reloads"
is_alike upgrades "$(figure upgrades_total)" "$upgrades"
for name in fork unix once fresh echo; do
	is_alike "$name, accepted" "$(figure service_accepted_total $name)" "$(clients_of $name)"
	is_alike "$name, START" "$(lines "START: $name ")" "$(clients_of $name)"
	is_alike "$name, EXIT" "$(lines "EXIT: $name status=0 ")" "$(clients_of $name)"
done
for name in once fresh; do
	is_alike "$name, served" "$(figure pool_served_total $name)" "$(clients_of $name)"
done
is_alike "other, START" "$(lines "START: other_[ab] ")" "$(clients_of other)"
is_alike "other, EXIT" "$(lines "EXIT: other_[ab] status=0 ")" "$(clients_of other)"
is_alike "extra, START" "$(lines "START: extra ")" $(($(clients_of extra) + asked))
is_alike "extra, EXIT" "$(lines "EXIT: extra status=0 ")" $(($(clients_of extra) + asked))
retry 10 has_followed || fail "whoever follows the log has $(grep -c . "$tmp/followed") lines of extra"
is_alike "udp, started" "$(figure service_started_total udp)" "$(lines "START: udp ")"
# Each of its programs answers twenty; the last one may still wait for some.
[ "$(lines "START: udp ")" = $((($(clients_of udp) + 19) / 20)) ] ||
    fail "$(lines "START: udp ") programs for $(clients_of udp) datagrams"
served=$(($(awk '$1 != "all" && $1 != "udp" && $1 != "shared" { n += $2 } END { print n }' "$tmp/all_clients") + asked))
is_alike "accepted in all" "$(sed -n 's/.*"totals": *{[^}]*"accepted": *\([0-9]*\).*/\1/p' "$tmp/status")" \
    $((served + $(figure service_accepted_total udp)))
for name in service_refused service_failed service_aborted pool_workers_failed pool_given_up pool_lost pool_timed_out \
    pool_stray log_lines_lost; do
	is_alike "$name" "$(figure "${name}_total")" 0
done
is_alike FAIL "$(lines "FAIL: ")" 0
is_alike descriptors "$descriptors_after" "$descriptors"
# A new binary touches its table of process ids, 256 kB, little by little as programs are started.
case $BUILD_DIR in *asan*) slack=$((memory / 3)) ;; *) slack=512 ;; esac
[ "$memory_after" -le $((memory + slack)) ] || fail "$memory_after kB of memory instead of $memory"
all=$(awk '$1 == "all" { n += $2 } END { print n }' "$tmp/all_clients")
echo "soak_upgrade: $reloads reloads and $upgrades upgrades in $((end - begin)) s under $((fastest / 2)) connections a second" \
    "of $fastest; $all clients, every one served; $(figure pool_again_total) came back from a worker and went to another;" \
    "${result#all * * };" \
    "$descriptors descriptors before and $descriptors_after after, memory $memory kB before and $memory_after kB after"
ctl stop
wait "$daemon" || fail "porterd ended with status $?"
has_as_many_lines "START: " "EXIT: " || fail "$(lines "START: ") lines of START and $(lines "EXIT: ") of EXIT"
