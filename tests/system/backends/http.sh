# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: micro-httpd, busybox httpd, and sslh, which passes its client on to micro-httpd.
needs="/usr/sbin/micro-httpd busybox /usr/sbin/sslh curl"

http_service() # id port server arguments
{
	serves "$1" <<-END
		service $1
		{
			type            = UNLISTED
			port            = $2
			socket_type     = stream
			protocol        = tcp
			wait            = no
			user            = nobody
			server          = $3
			server_args     = $4
			disable         = no
		}
	END
}

prepare()
{
	mkdir /srv/www
	cp /srv/data/lines /srv/www/index.html
	http_service micro-httpd 8081 /usr/sbin/micro-httpd /srv/www
	http_service httpd 8082 /bin/busybox 'httpd -i -h /srv/www'
	http_service sslh 4443 /usr/sbin/sslh '--inetd --http 127.0.0.1:8081'
}

drive()
{
	fetches /srv/data/lines curl -s -S -o "$tmp/got" http://127.0.0.1:8081/
	was_served micro-httpd 1
	passed micro-httpd
	fetches /srv/data/lines curl -s -S -o "$tmp/got" http://127.0.0.1:8082/
	was_served httpd 1
	passed "busybox httpd"
	fetches /srv/data/lines curl -s -S -o "$tmp/got" http://127.0.0.1:4443/
	was_served sslh 1
	passed sslh
}
