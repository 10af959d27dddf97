#!/bin/sh
# SPDX-License-Identifier: MIT
# systemd finds nothing wrong with the unit, and knows every setting in it.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
sed 's|/usr/local/sbin/porterd|/bin/true|' "$SRC_ROOT/examples/init/porterd.service" >"$tmp/porterd.service"
systemd-analyze --man=no verify "$tmp/porterd.service" >"$tmp/out" 2>&1 || fail "the unit is not valid"
[ ! -s "$tmp/out" ] || fail "systemd complains of the unit"
