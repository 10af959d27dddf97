# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: in.tftpd, which takes the socket itself, serves until it is idle for three seconds, and
# confines itself to its directory. The loader's statistics are what it says on standard error.

lacks_tftp()
{
	lacks in.tftpd tftp
	[ "$who" = root ] || echo "in.tftpd changes its root and its user, which only root may"
}

prepare_tftp()
{
	service tftp "port = $((first_port + 3))" "socket_type = dgram" "wait = yes" "user = root" \
	    "server = $(program in.tftpd)" "server_args = --timeout 3 --user $user -s $tmp/data" \
	    "env = LD_DEBUG=statistics" "stderr = log"
}

fetch() # file
{
	rm -f "$tmp/got/tftp"
	"$(program tftp)" -m binary 127.0.0.1 $((first_port + 3)) -c get "$1" "$tmp/got/tftp" >"$tmp/out" 2>&1
}

fetch_and_compare()
{
	fetch random || broken "tftp cannot fetch"
	cmp "$tmp/data/random" "$tmp/got/tftp" || broken "tftp fetched other bytes"
}

drive_tftp()
{
	fetch_and_compare
	fetch_and_compare
	if curl --version 2>/dev/null | grep -q '^Protocols:.* tftp'; then
		curl -s -S -m 10 -o "$tmp/got/curl" "tftp://127.0.0.1:$((first_port + 3))/sub%20directory/lines" ||
		    broken "curl cannot fetch"
		cmp "$tmp/data/sub directory/lines" "$tmp/got/curl" || broken "curl fetched other bytes"
	else
		skip_part "curl by tftp: no such curl"
	fi
	fetch ../porterd || :
	[ ! -s "$tmp/got/tftp" ] || broken "in.tftpd serves what lies outside of its directory"
	was_logged tftp 1 0
	fetch_and_compare
	was_logged tftp 2 0
	grep -q 'service=tftp.*relocation' "$dir/error.log" || broken "standard error is not in the log"
}
