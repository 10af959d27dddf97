#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs that measure (tests/bench): the clients notice what is wrong and say how long clients waited, and every bare loop
# starts programs as it says.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v ps >/dev/null || skip "no ps"
bench=$BUILD_DIR/tests/bench

bare() # argument... with PORT 0
{
	rm -f "$tmp/port"
	"$bench/bare" "$@" >"$tmp/port" </dev/null &
	bare=$!
	pids="$pids $bare"
	retry 10 test -s "$tmp/port" || fail "bare $*: does not listen"
	port=$(cat "$tmp/port")
}

end_bare()
{
	kill "$bare"
	wait "$bare" 2>/dev/null || [ $? = 143 ] || fail "bare ended with $?"
}

loads() # status argument...
{
	status=$1
	shift
	ends_with "$status" "$bench/load" "$@" "$port"
}

has() # key value
{
	grep -q "\"$1\": $2[,}.]" "$tmp/out" || fail "$1 is not $2"
}

exceeds() # key value
{
	grep "\"$1\"" "$tmp/out" | sed "s/.*\"$1\": \([0-9]*\).*/\1/" | awk -v least="$2" '{ exit !($1 > least) }' || fail "$1 is not above $2"
}

# What a program sees: its user, descriptors (the last one is that of ls), signals that are blocked, its session.
# shellcheck disable=SC2016 # for the shell that is the program
look='read -r line; echo $(id -un) $(ls /proc/self/fd) $(sed -n "s/SigBlk:.//p" /proc/self/status) $(test "$(ps -o sid= -p $$ | tr -d " ")" = $$ && echo leads)'
user=$(id -un) as=
[ "$(id -u)" != 0 ] || user=nobody as="-u nobody"
for way in fork vfork files spawn-shared; do
	# shellcheck disable=SC2086 # options or nothing
	bare "$way" $as -p 2 -k 200 0 "$bench/echo"
	loads 0 -c 8 -n 300
	has connections 300
	end_bare
	# shellcheck disable=SC2086
	bare "$way" $as 0 /bin/sh -c "$look"
	answers "$port" hello "$user 0 1 2 3 0000000000000000 leads" || fail "$way: $(ask "$port" hello)"
	end_bare
done
for program in echo_dynamic tiny; do
	[ -x "$bench/$program" ] || continue
	bare fork 0 "$bench/$program"
	loads 0 -n 50
	end_bare
done

bare refuse 0
loads 0 -k refused -n 200
loads 1 -n 5
has closed 5
end_bare
bare spawn-shared 0 "$bench/http"
loads 0 -k http -n 100
end_bare
bare fork 0 /bin/echo hello
loads 1 -k http -n 5
has wrong 5
loads 1 -k refused -n 5
has wrong 5
loads 1 -n 5
has failures 5
end_bare
bare fork 0 /bin/sh -c 'head -n 1 | tr 0 1'
loads 1 -n 1
has wrong 1
end_bare

# Of connections that are to begin every millisecond, and take ten, the last one waits as long as all before it.
bare fork 0 /bin/sh -c "IFS= read -r line; sleep 0.01; printf '%s\\n' \"\$line\""
loads 0 -c 1 -r 1000 -R constant -n 40
exceeds max_us 300000
exceeds late_max_us 300000
end_bare
bare passing 0 2
loads 0 -r 2000 -n 400
exceeds seconds -1
exceeds p50_us 0
loads 0 --ports "$port,$port-$port" -s 1 -c 1 -w 20000
end_bare

# Connections are held until the input ends, and those that are gone by then have failed.
hold_twenty()
{
	rm -f "$tmp/held"
	mkfifo "$tmp/input"
	"$bench/load" -k hold -n 20 "$port" <"$tmp/input" >"$tmp/held" &
	holder=$!
	pids="$pids $holder"
	exec 9>"$tmp/input"
	rm "$tmp/input"
	retry 10 grep -q READY "$tmp/held" || fail "20 connections are not held"
}

children()
{
	cat "/proc/$bare/task/$bare/children"
}

bare fork 0 "$bench/echo"
hold_twenty
[ "$(children | wc -w)" = 20 ] || fail "held by $(children)"
exec 9>&-
wait "$holder" || fail "held connections are gone"
end_bare
bare fork 0 "$SRC_ROOT/tests/bench/echo.sh"
hold_twenty
# shellcheck disable=SC2016 # for the inner shell
retry 10 sh -c '[ -z "$(cat "/proc/$1/task/$1/children")" ]' none "$bare" || fail "programs are left"
exec 9>&-
! wait "$holder" || fail "nobody noticed that connections were gone"
grep -q '"closed": 20' "$tmp/held" || fail "$(cat "$tmp/held")"
end_bare

mkfifo "$tmp/input"
"$bench/bare" refuse -e 0 <"$tmp/input" >"$tmp/port" &
pids="$pids $!"
exec 9>"$tmp/input"
retry 10 test -s "$tmp/port" || fail "bare does not listen"
exec 9>&-
wait $! 2>/dev/null || [ $? = 143 ] || fail "bare did not end with its input"
