#!/bin/sh
# SPDX-License-Identifier: MIT
# What the daemon itself takes of memory: with one service, for each further one, and after many connections.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v python3 >/dev/null || skip "no python3"
! nm "$PORTERD" 2>/dev/null | grep -q __asan_init || skip "sanitizers take memory of their own"
awk '/^Max open files/ { exit $5 != "unlimited" && $5 < 2200 }' /proc/self/limits || skip "too few descriptors"
# KiB with one service; bytes for each further one; KiB more after connections that leave nothing behind.
most_resident=3072
most_each=3072
most_growth=64

number_of() # key pid
{
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"
}

# Starts a daemon with so many services and sets pid.
start() # services
{
	mkdir -p "$tmp/$1"
	sh "$SRC_ROOT/tests/bench/gen_services.sh" "$1" | sed "s/3600/$port/;s/user = root/user = $(id -un)/" >"$tmp/$1/conf"
	"$PORTERD" -F -f "$tmp/$1/conf" --rundir "$tmp/$1" 2>"$tmp/$1/log" &
	pid=$!
	pids="$pids $pid"
	retry 20 grep -q "event=ready services=$1 listeners=$1 unbound=0" "$tmp/$1/log" || fail "it does not start"
}

stop()
{
	kill -TERM "$pid"
	wait "$pid" || fail "it ends with an error"
}

# Clients of the first service, each of whom leaves when its program is there.
connect() # count
{
	python3 - "$port" "$1" <<-'END'
		import socket, sys
		for i in range(int(sys.argv[2])):
		    with socket.create_connection(("127.1.0.1", int(sys.argv[1])), 10) as s:
		        s.sendall(b"x")
		        s.recv(1)
	END
}

has_no_programs()
{
	[ -z "$(cat "/proc/$pid/task/$pid/children")" ]
}

port=$(free_ports)
# How much of files the kernel maps around what is touched differs from start to start: the least counts.
for left in 2 1 0; do
	start 1
	# Until the lines that are kept in memory are as many as there may be.
	connect 2000
	retry 10 has_no_programs || fail "programs stay"
	resident=$(number_of VmRSS "$pid")
	if [ "$resident" -le "$most_resident" ] || [ "$left" = 0 ]; then break; fi
	stop
done
before=$(number_of RssAnon "$pid")
[ "$resident" -le "$most_resident" ] || fail "$resident KiB with one service"
connect 1000
retry 10 has_no_programs || fail "programs stay"
after=$(number_of RssAnon "$pid")
[ $((after - before)) -le "$most_growth" ] || fail "$((after - before)) KiB more after 1,000 connections"
stop
start 1000
thousand=$(number_of RssAnon "$pid")
stop
start 2000
each=$((($(number_of RssAnon "$pid") - thousand) * 1024 / 1000))
stop
[ "$each" -le "$most_each" ] || fail "$each bytes for each service"
echo "$resident KiB with one service, $each bytes for each further one"
