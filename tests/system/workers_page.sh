#!/bin/sh
# SPDX-License-Identifier: MIT
# Every program and every piece of configuration in examples/POOLS.md does what the page says. With PORTER_MEASURE=SECONDS
# each step is measured as well, and the rows of the page's table are printed.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
command -v "${CC:=cc}" >/dev/null || skip "no C compiler"
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
: "${PORTERD:=$SRC_ROOT/build/release/porterd}" "${BUILD_DIR:=$(dirname "$PORTERD")}"
page=$SRC_ROOT/examples/POOLS.md

# The blocks, as $tmp/LANGUAGE.NUMBER.
awk -v to="$tmp/" '
	/^```[a-z]/ { language = substr($0, 4); file = to language "." ++count[language]; next }
	/^```/ { language = ""; close(file); next }
	language != "" { print >file }' "$page"
for block in conf.4 python.2 diff.1 c.1 dump.1; do
	[ -s "$tmp/$block" ] || fail "the page has no block $block"
done

# The programs, under the names that the page gives them.
mkdir "$tmp/bin"
cp "$tmp/python.1" "$tmp/bin/upper.py"
# The difference holds the whole of both.
sed -n 's/^[- ]//p' "$tmp/diff.1" | cmp -s - "$tmp/python.1" || fail "the difference is not one from the first program"
sed -n 's/^[+ ]//p' "$tmp/diff.1" >"$tmp/bin/worker.py"
"$CC" -Wall -Wextra -Werror -I"$SRC_ROOT/include" -o "$tmp/bin/upper" -x c "$tmp/c.1" -x none "$BUILD_DIR/libporter.a" >"$tmp/out" 2>&1 ||
    fail "the C program does not compile"
cp "$tmp/python.2" "$tmp/bin/shared.py"
chmod 755 "$tmp"/bin/*

# The service of step 1, with what the other steps add, on ports from this one up.
first=$(free_ports)
cat >"$tmp/porterd.conf" <<END
defaults
{
	log_type = FILE $tmp/activity.log
	daemon_log = FILE $tmp/error.log
}
END
steps='plain warm worker library shared'
add_service() # step block program
{
	port=$((first + added))
	added=$((added + 1))
	sed -e "s/^service upper$/service $1/" -e "s/= 3650$/= $port/" -e "s/= nobody$/= $user/" \
	    -e "s|/usr/local/bin/upper.py|$tmp/bin/$3|" -e '$d' "$tmp/conf.1" >>"$tmp/porterd.conf"
	[ "$2" = 1 ] || cat "$tmp/conf.$2" >>"$tmp/porterd.conf"
	echo '}' >>"$tmp/porterd.conf"
}
added=0
add_service plain 1 upper.py
add_service warm 2 upper.py
add_service worker 3 worker.py
add_service library 3 upper
add_service shared 4 shared.py
"$PORTERD" --check -f "$tmp/porterd.conf" >"$tmp/out" 2>&1 || fail "the configuration of the page has errors"
! grep -q ': warning:\|: note:' "$tmp/out" || fail "the configuration of the page has warnings"
"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"
port=$first
for step in $steps; do
	for count in 1 2 3; do
		answers "$port" "hello $count" "HELLO $count" || fail "step $step does not answer client $count"
	done
	timeout 60 /usr/bin/python3 "$SRC_ROOT/tests/system/workers_client.py" together "$port" 5 'hello there' 'HELLO THERE' \
	    >"$tmp/out" 2>&1 || fail "step $step does not serve five clients at a time"
	port=$((port + 1))
done

# Three rounds, so that a busy moment of the machine hits all steps alike; of each figure the middle one.
measure()
{
	for round in 1 2 3; do
		port=$first
		for step in $steps; do
			for clients in 16 1; do
				"$SRC_ROOT/examples/measure.py" "$port" "$clients" "$PORTER_MEASURE" >"$tmp/out" 2>&1 ||
				    fail "step $step cannot be measured in round $round"
				sed "s/^/$step $clients /" "$tmp/out" >>"$tmp/measured"
			done
			port=$((port + 1))
		done
	done
	for step in $steps; do
		rate=$(grep "^$step 16 " "$tmp/measured" | sort -n -k 3 | awk 'NR == 2 { print $3 }')
		time_ms=$(grep "^$step 1 " "$tmp/measured" | sort -n -k 8 | awk 'NR == 2 { print $8 }')
		echo "$step: $rate connections a second, first answer after $time_ms ms"
	done
}
[ -z "${PORTER_MEASURE-}" ] || measure

# What the page shows of the log and of the dump is what they look like, but for names and values.
shape() # file
{
	sed -e 's/service [a-z]*$/service/' -e 's/\(START\|EXIT\): [a-z]* /\1: /' -e 's/=[^ (]*/=/g' \
	    -e 's/\(program\|running\|listener tcp\):.*/\1/' "$1" | sort -u
}
held=$((first + 2))
bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && echo busy >&3 && head -n 1 <&3 && exec sleep 60' held "$held" >"$tmp/held" &
pids="$pids $!"
retry 10 grep -q BUSY "$tmp/held" || fail "no connection can be held"
kill -USR1 "$daemon"
retry 10 grep -q 'state=busy' "$tmp/run/dump" || fail "the dump shows no busy worker"
sed -n '/^service worker$/,/^$/p' "$tmp/run/dump" >"$tmp/dump.real"
sed -n 's/^    \(START\|EXIT\)/\1/p' "$page" >"$tmp/log.1"
sed 's/^[^ ]*: \(START\|EXIT\)/\1/' "$tmp/activity.log" >"$tmp/log.real"
for what in dump log; do
	[ -s "$tmp/$what.1" ] || fail "the page shows no $what"
	shape "$tmp/$what.1" >"$tmp/shown"
	shape "$tmp/$what.real" | comm -13 - "$tmp/shown" >"$tmp/out"
	[ ! -s "$tmp/out" ] || fail "the $what has no such lines as the page shows"
done
kill -TERM "$daemon"
wait "$daemon" || fail "porterd ended with status $?"

# Events, attributes and files that the page names are there.
grep -o 'event=[a-z-]*' "$page" | sort -u | while read -r event; do
	grep -rqF "\"$event " "$SRC_ROOT/src" || fail "there is no $event"
done
"$PORTERD" --help-attributes >"$tmp/attributes"
grep -o '`pool_[a-z_]*' "$page" | tr -d '`' | sort -u | while read -r name; do
	grep -q "^$name" "$tmp/attributes" || fail "there is no attribute $name"
done
for file in $(grep -oE '\]\([^)#:]+\)' "$page" | tr -d '])('); do
	[ -e "$SRC_ROOT/examples/$file" ] || fail "the page links to $file, which is not there"
done
