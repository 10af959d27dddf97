# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: nrpe, asked through TLS by check_nrpe.
check_nrpe=/usr/lib/nagios/plugins/check_nrpe
needs="/usr/sbin/nrpe $check_nrpe"

prepare()
{
	cat >/etc/nagios/nrpe.cfg <<-END
		server_port=5666
		nrpe_user=nagios
		nrpe_group=nagios
		allowed_hosts=127.0.0.1
		command[x]=/bin/echo all is well
	END
	serves nrpe <<-END
		service nrpe
		{
			flags           = REUSE
			port            = 5666
			type            = UNLISTED
			socket_type     = stream
			wait            = no
			user            = nagios
			group           = nagios
			server          = /usr/sbin/nrpe
			server_args     = -c /etc/nagios/nrpe.cfg -i
			log_on_failure  += USERID
			disable         = no
			only_from       = 127.0.0.1
		}
	END
}

drive()
{
	"$check_nrpe" -H 127.0.0.1 -c x >"$tmp/out" 2>&1 || broken "check_nrpe fails"
	grep -qx 'all is well' "$tmp/out" || broken "check_nrpe does not print the answer"
	was_served nrpe 1
	passed nrpe
}
