#!/bin/sh
# SPDX-License-Identifier: MIT
# For each attribute: takes it out of every configuration of the functional tests, and some test must fail. Takes a
# minute or two.
#   attribute_effects.sh [NAME...]      PORTERD and BUILD_DIR as for tests/run.sh
set -u
: "${PORTERD:?}" "${BUILD_DIR:?}"
cd "$(dirname "$0")/../functional" || exit 1
names=${*:-$("$PORTERD" --help-attributes | sed -n 's/^\([a-z_0-9]*\)[a-z_, ]* = .*/\1/p')}

# Prints the first test program that fails without the attribute. An error that is gone is no effect: not badinput.
noticed_by() # name
{
	for file in test_*.c; do
		[ "$file" != test_badinput.c ] || continue
		grep -qE "(^|[^a-z_]|\\\\t)$1 [-+]?=" "$file" || continue
		PORTER_DROP=$1 PORTER_ANSWER_MS=3000 "$BUILD_DIR/tests/functional/${file%.c}" >/dev/null 2>&1 && continue
		echo "${file%.c}"
		return
	done
}

status=0
for name in $names; do
	found=$(noticed_by "$name")
	echo "$name: ${found:-NO TEST FAILS WITHOUT IT}"
	[ -n "$found" ] || status=1
done
exit $status
