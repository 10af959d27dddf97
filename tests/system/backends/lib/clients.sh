# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/backends.sh: service files and clients.

# The files of Debian's xinetd and of the packages themselves, and a log that can be read.
new_xinetd_configuration()
{
	cat >/etc/xinetd.conf <<-END
		defaults
		{
			log_type = FILE $dir/activity.log
			log_on_success = PID HOST DURATION EXIT
			log_on_failure = HOST
			instances = 60
			cps = 100 2
		}
		includedir /etc/xinetd.d
	END
}

# The service file of a part; standard input is its text.
serves() # name
{
	cat >"/etc/xinetd.d/$1"
}

# A file that a package brings and that is switched off.
switch_on() # name...
{
	for file; do sed -i -e 's/\(disable[[:space:]]*=\) yes/\1 no/' "/etc/xinetd.d/$file"; done
}

# Sends text to a client's standard input, which stays open until the client has printed the pattern.
begin_talk() # text pattern command...
{
	text=$1 pattern=$2
	shift 2
	rm -f "$tmp/in"
	mkfifo "$tmp/in"
	timeout 20 "$@" <"$tmp/in" >"$tmp/out" 2>&1 &
	client=$!
	exec 7>"$tmp/in"
	printf '%b' "$text" >&7
	retry 15 grep -a -q -e "$pattern" "$tmp/out" || broken "no $pattern from $*"
}

# Then the client ends by itself, as the server does.
end_talk()
{
	exec 7>&-
	wait "$client" || :
}

talk() # text pattern command...
{
	begin_talk "$@"
	end_talk
}

# The same with a client that would go on for ever.
glimpse() # text pattern command...
{
	begin_talk "$@"
	kill "$client"
	end_talk
}

# Fetches what must be the same as a file.
fetches() # file command that writes $tmp/got
{
	expected=$1
	shift
	rm -f "$tmp/got"
	"$@" >"$tmp/out" 2>&1 || broken "$* ended with $?"
	cmp "$expected" "$tmp/got" || broken "$* fetched something else than $expected"
}

# The process that took over the socket of a service that waits: the daemon's log has its number.
end_waiting() # id count
{
	retry 20 has_lines "$2" "START: $1 pid=" || broken "$1 was not started $2 times"
	pid=$(sed -n "s/.*START: $1 pid=\([0-9]*\) .*/\1/p" "$dir/activity.log" | tail -n 1)
	kill "$pid"
	retry 20 has_lines "$2" "EXIT: $1 .* pid=" || broken "the end of $1 is not in the log"
}

# Each connection of a service ended, with whatever status, and none was refused.
was_served() # id count
{
	was_logged "$1" "$2" '[0-9]*'
}
