# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: rpc.rusersd, whose port would have to be told to the portmapper, is refused with a reason.
needs=

prepare()
{
	:
}

drive()
{
	cat >"$dir/rusersd" <<-END
		service rusersd
		{
			disable         = no
			type            = RPC UNLISTED
			rpc_version     = 1-3
			rpc_number      = 100002
			socket_type     = dgram
			protocol        = udp
			wait            = yes
			user            = root
			server          = /usr/sbin/rpc.rusersd
		}
	END
	ends_with 1 "$tmp/porterd" --check -f "$dir/rusersd"
	grep -q "$dir/rusersd:4:.*error: .*RPC is not supported.*portmapper" "$tmp/out" || broken "RPC is refused without the reason"
	passed "rusersd refused"
}
