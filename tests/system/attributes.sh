#!/bin/sh
# SPDX-License-Identifier: MIT
# Every attribute of porterd --help-attributes is set by some functional test. That it also matters there is what
# tests/tools/attribute_effects.sh shows.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cd "$SRC_ROOT/tests/functional" || exit 1
names=$("$PORTERD" --help-attributes | sed -n 's/^\([a-z_0-9]*\)[a-z_, ]* = .*/\1/p')
[ "$(echo "$names" | wc -l)" -ge 40 ] || fail "--help-attributes has lost rows"
for name in $names; do
	grep -qE "(^|[^a-z_]|\\\\t)$name [-+]?=" test_*.c || fail "no functional test sets $name"
done
