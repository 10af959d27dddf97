# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: rsync --daemon.
needs=rsync

prepare()
{
	cat >/etc/rsyncd.conf <<-END
		uid = nobody
		[m]
		path = /srv/data
		read only = yes
	END
	serves rsync <<-END
		service rsync
		{
			disable         = no
			flags           = IPv4
			socket_type     = stream
			wait            = no
			user            = root
			server          = /usr/bin/rsync
			server_args     = --daemon --config=/etc/rsyncd.conf
			log_on_failure  += USERID
		}
	END
}

drive()
{
	fetches /srv/data/random rsync rsync://127.0.0.1/m/random "$tmp/got"
	was_logged rsync 1 0
	passed rsync
}
