# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: in.tftpd, which waits on the socket itself and is started anew when it is gone.
needs="/usr/sbin/in.tftpd tftp curl"

prepare()
{
	mkdir /srv/tftp
	cp /srv/data/* /srv/tftp
	serves tftp <<-END
		service tftp
		{
			socket_type             = dgram
			protocol                = udp
			wait                    = yes
			user                    = root
			server                  = /usr/sbin/in.tftpd
			server_args             = -s /srv/tftp
			disable                 = no
			per_source              = 11
			cps                     = 100 2
			flags                   = IPv4
		}
	END
}

drive()
{
	fetches /srv/data/random tftp -m binary 127.0.0.1 -c get random "$tmp/got"
	fetches /srv/data/lines curl -s -S -o "$tmp/got" tftp://127.0.0.1/lines
	end_waiting tftp 1
	fetches /srv/data/random tftp -m binary 127.0.0.1 -c get random "$tmp/got"
	end_waiting tftp 2
	passed tftpd-hpa
}
