# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: vsftpd and pure-ftpd, which fetch and list for anonymous users.
needs="/usr/sbin/vsftpd /usr/sbin/pure-ftpd curl"

ftp_service() # id port server arguments
{
	serves "$1" <<-END
		service $1
		{
			disable         = no
			type            = UNLISTED
			port            = $2
			socket_type     = stream
			wait            = no
			user            = root
			server          = $3
			server_args     = $4
			log_on_success  += DURATION USERID
			log_on_failure  += USERID
			nice            = 10
		}
	END
}

prepare()
{
	mkdir -p /run/vsftpd/empty
	cat >/etc/vsftpd.conf <<-END
		listen=NO
		anonymous_enable=YES
		anon_root=/srv/ftp
		secure_chroot_dir=/run/vsftpd/empty
	END
	ftp_service vsftpd 2121 /usr/sbin/vsftpd /etc/vsftpd.conf
	ftp_service pure-ftpd 2122 /usr/sbin/pure-ftpd "-e -H"
}

drive()
{
	fetches /srv/data/random curl -s -S -o "$tmp/got" ftp://127.0.0.1:2121/random
	was_served vsftpd 1
	passed vsftpd
	fetches /srv/data/random curl -s -S -o "$tmp/got" ftp://127.0.0.1:2122/random
	was_served pure-ftpd 1
	passed pure-ftpd
}
