#!/bin/sh
# SPDX-License-Identifier: MIT
# The servers of Debian that are made to be started by a super-server, from the service files and the server lines that
# people write for xinetd, each asked by its real client: the files of tests/system/backends with a program each, and
# tests/system/backends/table with those that need nothing but a line. The packages lie unpacked below PORTER_PEERS
# (tests/tools/peers.sh) and are laid over the machine in namespaces of their own, so that every path and every port is
# the usual one. At the end no process and no descriptor of theirs is left.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
parts=$SRC_ROOT/tests/system/backends
for part in "$SRC_ROOT/tests/system/real/daemon.sh" "$SRC_ROOT/tests/system/real/checks.sh" "$parts/lib/machine.sh" \
    "$parts/lib/clients.sh"; do
	# shellcheck source=/dev/null
	. "$part"
done
command -v ps >/dev/null || skip "no ps"
[ -n "${PORTER_INSIDE-}" ] || enter_machine
prepare_machine

# Runs a step, prepare or drive, of each part that has all of its programs.
each() # step
{
	for file in "$parts"/*.sh; do
		part=$(basename "$file" .sh)
		needs=
		# shellcheck source=/dev/null
		. "$file"
		# shellcheck disable=SC2086 # names of programs
		reason=$(lacks $needs)
		if [ -z "$reason" ]; then
			"$1"
		elif [ "$1" = drive ]; then
			skip_part "$part: $reason"
		fi
	done
}

# A part is done: nothing of it may be left.
passed() # what
{
	nothing_is_left "$1"
	echo "$1: passed"
}

# shellcheck disable=SC2034 # for the parts
who=root dir=$tmp/as-root conf=/etc/xinetd.conf
mkdir "$dir"
new_xinetd_configuration
each prepare
start_daemon
each drive
stop_daemon
