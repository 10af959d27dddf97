# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: in.fingerd.
needs="/usr/sbin/in.fingerd finger"

prepare()
{
	serves finger <<-END
		service finger
		{
			socket_type     = stream
			wait            = no
			user            = nobody
			server          = /usr/sbin/in.fingerd
			disable         = no
		}
	END
}

drive()
{
	talk '' '^Login: root' finger root@127.0.0.1
	was_logged finger 1 0
	passed fingerd
}
