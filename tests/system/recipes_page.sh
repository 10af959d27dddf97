#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything in examples/RECIPES.md is done in its order: blocks with a path are files, the sh blocks are run, those with
# "until" again and again, and the lines of each text block are among those that the block before it prints.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
: "${PORTERD:=$SRC_ROOT/build/release/porterd}" "${PORTERCTL:=$(dirname "$PORTERD")/porterctl}"
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
for program in nc perl bash; do
	command -v "$program" >/dev/null || skip "no $program"
done
page=$SRC_ROOT/examples/RECIPES.md
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
port=$(free_ports)
PATH=$tmp/bin:$PATH:$peers/usr/bin:$peers/usr/sbin PORTER_CONTROL=$tmp/run/control NO_COLOR=1
export PATH PORTER_CONTROL NO_COLOR

# The blocks as $tmp/blocks/NUMBER.KIND; the first line of each is what stands behind its language.
mkdir "$tmp/blocks" "$tmp/bin" "$tmp/tftp"
chmod 777 "$tmp/tftp"
awk -v to="$tmp/blocks/" '
	/^```[a-z]/ { close(file); file = to sprintf("%03d.", ++n) substr($1, 4); print $2 >file; inside = 1; next }
	/^```/ { inside = 0; next }
	inside { print >file }' "$page"
[ "$(find "$tmp/blocks" -type f | wc -l)" -ge 25 ] || fail "the page has lost its blocks"

# The page speaks of the places and ports of an installation.
tftpd=$(command -v in.tftpd || echo /usr/sbin/in.tftpd)
here()
{
	sed -e "s|/etc/|$tmp/etc/|g" -e "s|/usr/local/bin|$tmp/bin|g" -e "s|/srv/tftp|$tmp/tftp|g" \
	    -e "s|/run/maintenance|$tmp/maintenance|g" -e "s|/tmp/boot|$tmp/boot|g" -e "s|/usr/sbin/in.tftpd|$tftpd|" \
	    -e "s/--user tftp/--user nobody/" -e "s/\b367\([0-9]\)\b/$((port / 10))\1/g" -e "s/\b9200\b/$((port + 8))/g" \
	    -e "s/\b69\b/$((port + 9))/g" -e "s/= nobody$/= $user/" "$@"
}

mkdir -p "$tmp/etc/porterd/conf.d"
here "$SRC_ROOT/examples/porterd.conf" | sed "s|/var/log/porterd|$tmp|" >"$tmp/etc/porterd/porterd.conf"
ln -s "$PORTERD" "$tmp/bin/porterd"
ln -s "$PORTERCTL" "$tmp/bin/porterctl"
"$PORTERD" -F -f "$tmp/etc/porterd/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"

# Why a block cannot be run here; nothing if it can.
hindrance() # block
{
	if grep -q '\btftp\b' "$1"; then
		[ "$(id -u)" = 0 ] || echo "in.tftpd changes its root and its user, which only root may"
		[ -x "$tftpd" ] || echo "no in.tftpd"
		command -v tftp >/dev/null || echo "no tftp"
	elif grep -q '/dev/udp' "$1" && grep -q 'raw sockets' "$tmp/terminal"; then
		echo "no right to make raw sockets"
	fi
}

run_block() # block
{
	here "$1" | sed 1d >"$tmp/script"
	timeout 60 sh -u "$tmp/script" >"$tmp/printed" 2>&1 || :
	tr -d '\r' <"$tmp/printed" >"$tmp/out"
}

shows() # text-block
{
	here "$1" | sed 1d >"$tmp/shown"
	while IFS= read -r line; do
		# conn is another number each time, and ends a line of the log.
		grep -qE -e "$(printf %s "$line" | sed 's/[][\\.*^$+?(){}|]/\\&/g')( conn=[0-9]+)?\$" "$tmp/out" || return 1
	done <"$tmp/shown"
}

tries_it() # block text-block
{
	run_block "$1"
	shows "$2"
}

ran=
left_out=
for block in "$tmp"/blocks/*; do
	first=$(head -n 1 "$block")
	case ${block##*/} in
	*.text)
		[ -z "$left_out" ] || continue
		if [ "$(head -n 1 "$ran")" = until ]; then
			retry 20 tries_it "$ran" "$block"
		else
			shows "$block"
		fi || fail "$(sed 1d "$ran") does not print $(sed 1d "$block")"
		;;
	*.haproxy)
		sed 1d "$block" >"$tmp/haproxy.cfg"
		if command -v haproxy >/dev/null; then
			libraries=$(find "$peers" -name '*.so*' -exec dirname {} \; 2>/dev/null | sort -u | paste -s -d : -)
			LD_LIBRARY_PATH=$libraries haproxy -c -f "$tmp/haproxy.cfg" >"$tmp/out" 2>&1 ||
			    ! grep -q ALERT "$tmp/out" || fail "haproxy refuses its configuration"
		else
			skip_part "no haproxy"
		fi
		;;
	*)
		case $first in
		/*)
			file=$(echo "$first" | here)
			here "$block" | sed 1d >"$file"
			case $file in */bin/*) chmod 755 "$file" ;; esac
			;;
		*)
			ran=$block
			left_out=$(hindrance "$block" | head -n 1)
			if [ -n "$left_out" ]; then
				skip_part "a block of the page: $left_out"
			else
				run_block "$block"
			fi
			;;
		esac
		;;
	esac
done

# The health check says what the file says, and nothing is wrong with any of the files.
: >"$tmp/maintenance"
printf 'GET / HTTP/1.0\r\n\r\n' | nc -N -w 5 127.0.0.1 $((port + 8)) >"$tmp/out"
grep -q '^HTTP/1.1 503 ' "$tmp/out" || fail "the health check does not see the maintenance"
for file in "$tmp"/etc/porterd/conf.d/*; do
	sed 's|server = /usr/sbin/in.tftpd|server = /bin/true|' "$file" >"$tmp/one"
	"$PORTERD" --check -f "$tmp/one" >"$tmp/out" 2>&1 || grep -q 'raw sockets' "$tmp/out" || fail "$file has errors"
	! grep -q ': warning:' "$tmp/out" || fail "$file has warnings"
done
porterctl stop >"$tmp/out" || fail "porterd does not stop"
wait "$daemon" || fail "porterd ended with status $?"

grep -o 'event=[a-z-]*' "$page" | sort -u | while read -r event; do
	grep -rqF "\"$event " "$SRC_ROOT/src" || fail "there is no $event"
done
for file in $(grep -oE '\]\([^)#:]+\)' "$page" | tr -d '])('); do
	[ -e "$SRC_ROOT/examples/$file" ] || fail "the page links to $file, which is not there"
done
