# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: atftpd, the other server of TFTP, on another port.
needs="/usr/sbin/atftpd curl"

prepare()
{
	serves atftp <<-END
		service atftp
		{
			type            = UNLISTED
			port            = 6969
			socket_type     = dgram
			protocol        = udp
			wait            = yes
			user            = nobody
			server          = /usr/sbin/atftpd
			server_args     = --tftpd-timeout 10 /srv/data
			disable         = no
		}
	END
}

drive()
{
	fetches /srv/data/random curl -s -S -o "$tmp/got" tftp://127.0.0.1:6969/random
	fetches /srv/data/lines curl -s -S -o "$tmp/got" tftp://127.0.0.1:6969/lines
	end_waiting atftp 1
	passed atftpd
}
