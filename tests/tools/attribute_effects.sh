#!/bin/sh
# SPDX-License-Identifier: MIT
# For each attribute: takes it out of every configuration of the functional tests, and some test must fail. Two at a time; takes root, for
# process namespaces.
#   attribute_effects.sh [NAME...]      PORTERD and BUILD_DIR as for tests/run.sh
set -u
: "${PORTERD:?}" "${BUILD_DIR:?}"
self=$(realpath "$0")
cd "$(dirname "$0")/../functional" || exit 1

# True as soon as one test of the program fails; it is ended then, with whatever it has started.
fails() # program
{
	pipe=$(mktemp -u)
	mkfifo -m 600 "$pipe" || exit 1
	CK_TAP_LOG_FILE_NAME=$pipe PORTER_ANSWER_MS=3000 unshare --pid --fork --kill-child --mount-proc \
	    "$BUILD_DIR/tests/functional/$1" >/dev/null 2>&1 &
	pid=$!
	grep -q -m 1 '^not ok' "$pipe"
	found=$?
	rm -f "$pipe"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return $found
}

# Prints the first test program that fails without the attribute. An error that is gone is no effect: not badinput.
notice() # name
{
	PORTER_DROP=$1
	export PORTER_DROP
	for file in test_*.c; do
		[ "$file" != test_badinput.c ] || continue
		grep -qE "(^|[^a-z_]|\\\\t)$1 [-+]?=" "$file" || continue
		if fails "${file%.c}"; then
			echo "$1: ${file%.c}"
			return 0
		fi
	done
	echo "$1: NO TEST FAILS WITHOUT IT"
	return 1
}

if [ "${1-}" = --one ]; then
	notice "$2"
	exit
fi
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 711 "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
if [ $# -gt 0 ]; then
	printf '%s\n' "$@"
else
	"$PORTERD" --help-attributes | sed -n 's/^\([a-z_0-9]*\)[a-z_, ]* = .*/\1/p'
fi | xargs -P "${JOBS:-2}" -n 1 sh "$self" --one
