#!/bin/sh
# SPDX-License-Identifier: MIT
# Configurations in xinetd's language with one feature each, ours and those of the folder PORTER_CORPUS where it is at
# hand: what porterd makes of each stands in a table.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v python3 >/dev/null || skip "no python3"
[ "$(id -u)" = 0 ] || skip "not root"
unshare --mount --net true 2>/dev/null || skip "no namespaces here"
run_table() # table folder
{
	mkdir "$tmp/root-$(basename "$2")"
	python3 -B "$SRC_ROOT/tests/system/drop_in/micro.py" "$1" "$2" "$PORTERD" "$tmp/root-$(basename "$2")" || failed=yes
}

failed=
run_table "$SRC_ROOT/tests/conf/xinetd/TABLE.tsv" "$SRC_ROOT/tests/conf/xinetd"
if [ -n "${PORTER_CORPUS-}" ]; then
	run_table "$SRC_ROOT/tests/system/drop_in/micro.tsv" "$PORTER_CORPUS/micro"
else
	skip_part "those of others: PORTER_CORPUS names no folder of configuration files"
fi
[ -z "$failed" ] || fail "the tables are not met"
