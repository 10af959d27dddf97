#!/bin/sh
# SPDX-License-Identifier: MIT
# porterd beside openbsd-inetd over one inetd.conf: clients see the same. openbsd-inetd lies unpacked below PORTER_PEERS
# (tests/tools/peers.sh).
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
command -v python3 >/dev/null || skip "no python3"
[ "$(id -u)" = 0 ] || skip "not root"
unshare --mount --net true 2>/dev/null || skip "no namespaces here"
[ -x "$peers/usr/sbin/inetd" ] || skip "openbsd-inetd is not there: tests/tools/peers.sh gets it"
libraries=$(find "$peers" -name '*.so*' -exec dirname {} \; | sort -u | paste -s -d : -)
export LD_LIBRARY_PATH="$libraries"
python3 -B "$SRC_ROOT/tests/system/drop_in/beside_inetd.py" "$peers/usr/sbin/inetd" "$PORTERD" "$tmp"
