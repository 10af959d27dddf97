#!/bin/sh
# SPDX-License-Identifier: MIT
# The System V script as installed, with clients before and after: start, status, reload, stop, files with errors.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
run_installed
init=/etc/init.d/porterd
port=$(free_ports)
other=$((port + 1))

ends_with 3 $init status
ends_with 7 $init reload
ends_with 0 $init start
ends_with 0 $init status
ends_with 0 $init start
drop_service "$other" 2
ends_with 0 $init restart
hold 2 "$other" || fail "two sessions cannot be held"
pid=$(cat /run/porterd/pid)
printf 'service broken\n{\n\tport = 70000\n' >/etc/porterd/conf.d/broken
for command in restart reload force-reload; do
	ends_with 1 $init $command
	grep -q '^/etc/porterd/conf.d/broken:[0-9:]* error: ' "$tmp/out" || fail "$command does not print the errors"
	[ "$(cat /run/porterd/pid)" = "$pid" ] || fail "$command on a broken file replaced the daemon"
	still_held 2 || fail "$command on a broken file cut the sessions"
done
rm /etc/porterd/conf.d/broken

drop_service "$port" 5
ends_with 0 $init reload
retry 10 answers "$port" hello hello || fail "the new port does not answer after a reload"
still_held 2 || fail "a reload cut the sessions"
ends_with 0 $init stop
! is_listening "$port" || fail "the port is open after a stop"
[ ! -e /run/porterd/pid ] || fail "the pid file is left after a stop"
ends_with 3 $init status
echo $$ >/run/porterd/pid
ends_with 1 $init status
ends_with 0 $init stop
ends_with 0 $init start
answers "$port" hello hello || fail "no answer after a start over a stale pid file"
ends_with 0 $init stop
