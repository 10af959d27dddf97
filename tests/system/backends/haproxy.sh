# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2154
# Part of tests/system/backends.sh: HAProxy as the client of scripts that say how a machine is. One reads the request, the
# others do not, and the last of these is served without linger: its connection is reset while it still holds the answer.
# What is on a connection is there before an answer is given, so that the reset is no matter of luck.
needs="/usr/sbin/haproxy nc bash"

check_service() # id port line
{
	serves "$1" <<-END
		service $1
		{
			disable         = no
			flags           = REUSE
			socket_type     = stream
			type            = UNLISTED
			port            = $2
			wait            = no
			user            = nobody
			server          = $tmp/$1
			per_source      = UNLIMITED
			$3
		}
	END
}

prepare()
{
	reply='printf "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nNode is up.\r\n"'
	printf '#!/bin/bash\n%s\n%s\n' 'while read -r line && [ -n "${line%?}" ]; do :; done' "$reply" >"$tmp/reads"
	printf '#!/bin/bash\n%s\n%s\n' 'until read -t 0; do sleep 0.01; done' "$reply" >"$tmp/lingers"
	cp "$tmp/lingers" "$tmp/resets"
	printf '#!/bin/sh\necho "up 75%%"\n' >"$tmp/agent"
	chmod 755 "$tmp/reads" "$tmp/lingers" "$tmp/resets" "$tmp/agent"
	check_service reads 9200 ""
	check_service lingers 9201 "linger = 2"
	check_service resets 9202 ""
	check_service agent 9203 ""
	cat >"$tmp/haproxy.cfg" <<-END
		global
			stats socket $tmp/haproxy.sock mode 600
		defaults
			mode http
			timeout connect 5s
			timeout client 5s
			timeout server 5s
			timeout check 5s
			default-server inter 200 rise 1 fall 1
		backend checks
			option httpchk GET /
			server reads 127.0.0.1:9200 check
			server lingers 127.0.0.1:9201 check
			server resets 127.0.0.1:9202 check
		backend weighed
			server agent 127.0.0.1:9200 weight 100 check agent-check agent-port 9203 agent-inter 200
	END
}

# Prints "name column..." of the servers; the star of a check that goes on is left out.
show_stat() # column...
{
	echo "show stat" | nc -N -U "$tmp/haproxy.sock" | awk -F , -v names="$*" '
		{ gsub(/\* /, "") }
		NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; n = split(names, wanted, " "); next }
		$2 != "BACKEND" && NF > 2 { text = $2; for (i = 1; i <= n; i++) text = text " " $column[wanted[i]]; print text }'
}

shows() # columns line
{
	# shellcheck disable=SC2086 # names of columns
	show_stat $1 | tee "$tmp/out" | grep -x -e "$2" >/dev/null
}

# Twenty connections of a service have come to their end.
has_served() # id
{
	[ "$(grep -c "EXIT: $1 " "$dir/activity.log")" -ge 20 ]
}

drive()
{
	haproxy -db -f "$tmp/haproxy.cfg" >"$tmp/haproxy.out" 2>&1 &
	haproxy=$!
	retry 10 shows "status check_status" "reads UP L7OK" || broken "HAProxy does not find the script that reads up"
	retry 10 shows "status weight agent_status" "agent UP 75 L7OK" || broken "HAProxy does not take the agent's weight"
	retry 10 shows "status check_status" "resets DOWN SOCKERR" || broken "HAProxy never saw a reset without linger"
	retry 20 has_served lingers || broken "HAProxy does not go on asking"
	shows "status check_status chkfail" "lingers UP L7OK 0" || broken "a check failed in spite of linger"
	shows "status check_status chkfail" "reads UP L7OK 0" || broken "a check of the script that reads failed"
	show_stat status check_status chkfail weight
	kill "$haproxy"
	wait "$haproxy" || :
	passed "haproxy: check, check with linger, agent"
}
