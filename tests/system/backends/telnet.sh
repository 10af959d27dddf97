# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: telnetd, which asks for a login at a terminal of its own.
needs="/usr/sbin/telnetd inetutils-telnet"

prepare()
{
	serves telnet <<-END
		# default: on
		# description: The telnet server serves telnet sessions; it uses \\
		#       unencrypted username/password pairs for authentication.
		service telnet
		{
			flags           = REUSE
			socket_type     = stream
			wait            = no
			user            = root
			server          = /usr/sbin/telnetd
			log_on_failure  += USERID
			disable         = no
		}
	END
}

drive()
{
	talk '' login: inetutils-telnet 127.0.0.1
	was_served telnet 1
	passed telnetd
}
