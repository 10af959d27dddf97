# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: what holds after every program.

# Without the log files, which are opened by their first line.
open_descriptors()
{
	find "/proc/$daemon/fd" -mindepth 1 ! -lname "$dir/*.log" | wc -l
}

has_lines() # count pattern
{
	[ "$(grep -c -e "$2" "$dir/activity.log")" = "$1" ]
}

# Every connection of a service was logged with its start and with an end of this status.
was_logged() # id count status
{
	retry 20 has_lines "$2" "START: $1 pid=[0-9]* from=127.0.0.1 conn=" || broken "START lines of $1 are not $2"
	retry 20 has_lines "$2" "EXIT: $1 " || broken "EXIT lines of $1 are not $2"
	has_lines "$2" "EXIT: $1 status=$3 pid=[0-9]* duration=" || broken "not every $1 ended with status $3"
	has_lines 0 "FAIL: $1 " || broken "a connection to $1 was not served"
}

# Prints processes that are children of the daemon, or are in the session of a program it started, or name our files.
left_over()
{
	sessions=$(sed -n 's/.* START: .* pid=\([1-9][0-9]*\) .*/\1/p' "$dir/activity.log")
	ps -e -o pid= -o ppid= -o sid= -o args= | TMP="$tmp" DAEMON="$daemon" SESSIONS="$sessions" awk '
		BEGIN { n = split(ENVIRON["SESSIONS"], list); while (n) is_ours[list[n--]] = 1 }
		$1 == ENVIRON["DAEMON"] { next }
		$2 == ENVIRON["DAEMON"] || $3 in is_ours || index($0, ENVIRON["TMP"])'
}

has_nothing_left()
{
	[ -z "$(left_over)" ] && [ "$(open_descriptors)" = "$descriptors" ]
}

nothing_is_left() # program
{
	retry 10 has_nothing_left && return
	left_over >&2
	ls -l "/proc/$daemon/fd" >&2
	broken "$(open_descriptors) descriptors instead of $descriptors, or a process is left by $1"
}
