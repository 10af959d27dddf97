#!/bin/sh
# SPDX-License-Identifier: MIT
# What measures pools (tests/bench) works: in a short run everything that it compares starts, every answer is right, and
# it ends with nothing left. How fast it was does not matter here. xinetd may lie unpacked below PORTER_PEERS
# (tests/tools/peers.sh); nothing is fetched.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v python3 >/dev/null || skip "no python3"
id -un >/dev/null 2>&1 || skip "the user has no name"
[ -x "${PORTER_PEERS:-$SRC_ROOT/build/peers}/usr/sbin/xinetd" ] || skip_part "no xinetd to compare with"

export PORTERD TMPDIR="$tmp" BENCH_DIR="$BUILD_DIR/tests/bench" BENCH_SHORT=1 BENCH_OFFLINE=1
timeout 120 python3 -B "$SRC_ROOT/tests/bench/pool.py" >"$tmp/out" 2>&1 || fail "the short run ended with $?"
for line in "worker programs, 8 / bare passing, 8" "shared listener, 8 / bare shared accept, 8" \
    "fork for each / warm, 8" "pooled, beside idle ones / pooled, alone"; do
	grep -q "^  $line  *[0-9.]* " "$tmp/out" || fail "no figure of: $line"
done
[ -z "$(find "$tmp" -mindepth 1 -maxdepth 1 -type d)" ] || fail "files are left: $(ls "$tmp")"
# As a pattern that does not match itself.
mine="${tmp%?}[${tmp#"${tmp%?}"}]"
! grep -ls "$mine" /proc/[0-9]*/cmdline || fail "a process is left"
