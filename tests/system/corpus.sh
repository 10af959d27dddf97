#!/bin/sh
# SPDX-License-Identifier: MIT
# Real xinetd and inetd files of other people, where a collection of them is at hand in the folder PORTER_CORPUS: porterd
# makes the same services of each as xinetd did, but for differences that are meant and counted.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
[ -n "${PORTER_CORPUS-}" ] || skip "PORTER_CORPUS names no folder of configuration files"
command -v python3 >/dev/null || skip "no python3"
[ "$(id -u)" = 0 ] || skip "not root"
unshare --mount --net true 2>/dev/null || skip "no namespaces here"
mkdir "$tmp/xinetd" "$tmp/inetd"
failed=
python3 -B "$SRC_ROOT/tests/system/drop_in/corpus.py" "$PORTER_CORPUS" "$PORTERD" "$tmp/xinetd" || failed=yes
python3 -B "$SRC_ROOT/tests/system/drop_in/inetd_corpus.py" "$PORTER_CORPUS" "$PORTERD" "$tmp/inetd" || failed=yes
[ -z "$failed" ] || fail "files that others wrote are read otherwise than they were"
