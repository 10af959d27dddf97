# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: what xinetd serves itself, by the files of its package, switched on.
needs=nc

prepare()
{
	switch_on echo discard daytime time chargen servers services
	# A redirect to the internal daytime.
	serves redirect <<-END
		service redirect
		{
			type            = UNLISTED
			port            = 1313
			socket_type     = stream
			protocol        = tcp
			wait            = no
			user            = nobody
			redirect        = 127.0.0.1 13
		}
	END
}

# Seconds since 1900, which time sends as four bytes.
is_now() # file
{
	seconds=$(od -An -tu1 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 - 2208988800 }')
	[ "$(wc -c <"$1")" = 4 ] && [ $(($(date +%s) - seconds)) -le 30 ] && [ $((seconds - $(date +%s))) -le 30 ]
}

drive()
{
	today="^$(date '+%d %b %Y' | tr '[:lower:]' '[:upper:]') [0-9:]* "
	begin_talk 'some text\n' '^some text' nc -N 127.0.0.1 7
	nc -N 127.0.0.1 9099 </dev/null >"$tmp/got" || broken "the list of programs cannot be read"
	grep -q echo-stream "$tmp/got" || broken "echo is not in the list of programs"
	end_talk
	glimpse 'some text\n' '^some text' nc -u 127.0.0.1 7
	talk '' "$today" nc -N 127.0.0.1 13
	glimpse '\n' "$today" nc -u 127.0.0.1 13
	nc -N 127.0.0.1 37 </dev/null >"$tmp/got" || broken "time does not answer"
	is_now "$tmp/got" >"$tmp/out" || broken "time gives another time"
	glimpse '' '[!-~]\{70\}' nc -N 127.0.0.1 19
	glimpse "$(printf %080d 0)\n" '[!-~]\{70\}' nc -u 127.0.0.1 19
	nc -N 127.0.0.1 9 </srv/data/random >"$tmp/got" || broken "discard does not take everything"
	[ ! -s "$tmp/got" ] || broken "discard answers"
	talk '' '^daytime tcp 13' nc -N 127.0.0.1 9098
	passed "echo, discard, daytime, time, chargen, servers, services"
	talk '' "$today" nc -N 127.0.0.1 1313
	passed "redirect to daytime"
}
