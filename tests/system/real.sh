#!/bin/sh
# SPDX-License-Identifier: MIT
# Real programs from Debian behind porterd, each driven by its own client and what it transfers compared: rsync, git
# daemon, sshd, in.tftpd and in.fingerd, with porterd run by root and by an ordinary user. The programs may lie
# unpacked below PORTER_PEERS (tests/tools/peers.sh). At the end no process and no descriptor of theirs is left.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v ps >/dev/null || skip "no ps"
everything="rsync git ssh tftp finger"
for part in machine daemon checks $everything; do
	# shellcheck source=/dev/null
	. "$SRC_ROOT/tests/system/real/$part.sh"
done

serve_all() # identity, command that becomes it...
{
	who=$1
	shift
	chosen=
	new_configuration
	for part in $everything; do
		reason=$("lacks_$part" | head -n 1)
		if [ -n "$reason" ]; then
			skip_part "$part with porterd as $who: $reason"
			echo "$part with porterd as $who: skipped, $reason"
		else
			chosen="$chosen $part"
			"prepare_$part"
		fi
	done
	[ -n "$chosen" ] || return 0
	start_daemon "$@"
	for part in $chosen; do
		began=$(date +%s)
		"drive_$part"
		nothing_is_left "$part"
		echo "$part with porterd as $who: passed in $(($(date +%s) - began)) s"
	done
	stop_daemon
	has_run=yes
}

has_run=
[ -n "${PORTER_INSIDE-}" ] || enter_namespaces
is_root=$([ "$(id -u)" != 0 ] || echo yes)
is_apart=${PORTER_INSIDE-}
[ -z "$is_root" ] || [ -z "$is_apart" ] || prepare_machine
copy_programs
make_data
if [ -z "$is_root" ]; then
	user=$(id -un) || skip "the user has no name"
	serve_all "$user"
else
	user=$([ -n "$is_apart" ] && echo porter || echo nobody)
	chown -R "$user" "$tmp/home" "$tmp/data"
	serve_all root
	# in.tftpd changes its root and its user, which only root may.
	everything="rsync git ssh finger"
	if command -v setpriv >/dev/null; then
		serve_all "$user" setpriv "--reuid=$(id -u "$user")" "--regid=$(id -g "$user")" --clear-groups
	else
		skip_part "with porterd as $user: setpriv is missing"
	fi
fi
[ -n "$has_run" ] || skip "none of the programs is there"
