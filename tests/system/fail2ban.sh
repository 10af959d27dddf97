#!/bin/sh
# SPDX-License-Identifier: MIT
# fail2ban's own filter for xinetd finds the clients that porterd has refused, in the service log and in the system log.
# fail2ban lies unpacked below PORTER_PEERS (tests/tools/peers.sh).
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
command -v python3 >/dev/null || skip "no python3"
[ "$(id -u)" = 0 ] || skip "not root"
unshare --mount --net true 2>/dev/null || skip "no namespaces here"
[ -x "$peers/usr/bin/fail2ban-regex" ] || skip "fail2ban is not there: tests/tools/peers.sh gets it"
status=0
python3 -B "$SRC_ROOT/tests/system/drop_in/fail2ban.py" "$peers" "$PORTERD" "$tmp" >"$tmp/out" 2>&1 || status=$?
cat "$tmp/out"
[ "$status" = 0 ] || exit "$status"
sed -n 's/^LEFT OUT: //p' "$tmp/out" >"$tmp/left"
while read -r reason; do skip_part "$reason"; done <"$tmp/left"
