#!/bin/sh
# SPDX-License-Identifier: MIT
# The service file of tests/conf/good/myecho.conf, not one byte changed, with the program that install-examples puts in
# place: five clients are served at once, the sixth is refused and said so.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
if unshare --net true 2>/dev/null && command -v ip >/dev/null; then
	# shellcheck disable=SC2034 # for run_inside
	own_network=--net
elif [ -z "${PORTER_INSIDE-}" ] && is_listening 3600; then
	skip "port 3600 is taken"
fi
run_installed
log=/var/log/porterd/activity.log

cp "$SRC_ROOT/tests/myecho.conf" /etc/porterd/conf.d/mine
ends_with 0 /usr/local/sbin/porterd --check
ends_with 0 /usr/local/sbin/porterd
answers 3600 hello hello || fail "the file does not serve"
retry 10 grep -q "EXIT: myecho status=0" $log || fail "the end of the first client is not in the log"

hold 5 3600 || fail "five clients cannot be held"
! ask 3600 hello || fail "a sixth client was served"
retry 10 grep -q "FAIL: myecho service_limit from=127.0.0.1" $log || fail "the refusal is not in the log"
still_held 5 || fail "the refusal cost one of the five"

kill "$holder"
retry 10 sh -c "[ \"\$(grep -c 'EXIT: myecho' $log)\" = 6 ]" || fail "five clients left and not five programs ended"
answers 3600 again again || fail "nobody is served after they left"
kill "$(cat /run/porterd/pid)"
retry 10 test ! -e /run/porterd/pid || fail "the daemon does not end"
