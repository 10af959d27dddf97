# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: in.uucpd, which logs uucico in; the machine called peer brings a file.
needs="/usr/sbin/in.uucpd /usr/sbin/uucico uucp"

prepare()
{
	add_user nuucp /var/spool/uucp /usr/sbin/uucico
	# The password is secret, and only the group uucp may run uucico.
	sed -i "s/^nuucp:x:\([0-9]*\):[0-9]*:/nuucp:abNANd1rDfiNc:\1:$(getent group uucp | cut -d : -f 3):/" /etc/passwd
	mkdir -p /var/spool/uucp /var/spool/uucppublic /var/log/uucp "$tmp/uucp"
	chown uucp /var/spool/uucp /var/spool/uucppublic /var/log/uucp "$tmp/uucp"
	printf 'system peer\ncalled-login nuucp\n' >/etc/uucp/sys
	cat >"$tmp/uucp/config" <<-END
		nodename peer
		spool $tmp/uucp
		pubdir $tmp/uucp
		logfile $tmp/uucp/log
		statfile $tmp/uucp/statistics
		debugfile $tmp/uucp/debug
		sysfile $tmp/uucp/sys
	END
	cat >"$tmp/uucp/sys" <<-END
		system backend
		time any
		port type tcp
		port service uucp
		address 127.0.0.1
		call-login nuucp
		call-password secret
		chat ogin: \\L\\n\\c word: \\P\\n\\c
	END
	serves uucp <<-END
		service uucp
		{
			socket_type     = stream
			wait            = no
			user            = root
			server          = /usr/sbin/in.uucpd
			disable         = no
		}
	END
}

drive()
{
	uucp -I "$tmp/uucp/config" -r /srv/data/random 'backend!~/random'
	uucico -D -I "$tmp/uucp/config" -S backend >"$tmp/out" 2>&1 || broken "uucico fails: $(cat "$tmp/uucp/log")"
	cmp /srv/data/random /var/spool/uucppublic/random || broken "uucico brought something else"
	was_served uucp 1
	passed uucp
}
