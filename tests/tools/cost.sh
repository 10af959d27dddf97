#!/bin/sh
# SPDX-License-Identifier: MIT
# What one connection costs the daemon itself: instructions in user space, counted by callgrind, and system calls, counted by
# strace. Its children are not counted.
#   cost.sh [show] [KIND...]     a table, and where the instructions go
#   cost.sh check                fails where a number is above its limit in cost.limits
#   cost.sh write                writes cost.limits anew
# From outside: PORTERD, the release daemon; BUILD_DIR, its directory. COST_FUNCTIONS: how many of them are shown.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD_DIR:=$here/../../build/release}"
: "${PORTERD:=$BUILD_DIR/porterd}"
export BUILD_DIR PORTERD
for tool in valgrind strace python3; do
	command -v "$tool" >/dev/null || {
		echo "$0: $tool is missing" >&2
		exit 77
	}
done
exec python3 -B "$here/cost.py" "$@"
