#!/bin/sh
# SPDX-License-Identifier: MIT
# porterd beside the real xinetd on one file: what clients at several addresses see, and what the service log says.
# xinetd lies unpacked below PORTER_PEERS (tests/tools/peers.sh).
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
command -v python3 >/dev/null || skip "no python3"
[ "$(id -u)" = 0 ] || skip "not root"
unshare --mount --net true 2>/dev/null || skip "no namespaces here"
[ -x "$peers/usr/sbin/xinetd" ] || skip "xinetd is not there: tests/tools/peers.sh gets it"
libraries=$(find "$peers" -name '*.so*' -exec dirname {} \; | sort -u | paste -s -d : -)
export LD_LIBRARY_PATH="$libraries"
python3 -B "$SRC_ROOT/tests/system/drop_in/beside_xinetd.py" "$peers/usr/sbin/xinetd" "$PORTERD" "$tmp"
