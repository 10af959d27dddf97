#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual: its attribute list is the program's, every option is described, and mandoc has nothing to say.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cd "$SRC_ROOT"
sh tests/tools/attribute_list.sh check "$PORTERD" man/porterd.conf.5 >"$tmp/out" || fail "make man was forgotten"
for option in $("$PORTERD" --help | grep -o -e '--[a-z][a-z-]*' | sort -u); do
	escaped=$(printf %s "${option#--}" | sed 's/-/\\\\*-/g')
	grep -q -e "-$escaped" man/porterd.8 || fail "man/porterd.8 does not describe $option"
done
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning man/*.[0-9] >"$tmp/out" 2>&1 || fail "mandoc finds faults in the manual"
else
	skip_part "no mandoc"
fi
