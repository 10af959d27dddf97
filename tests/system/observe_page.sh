#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything in examples/OBSERVE.md is done in its order: blocks with a path are files, the other sh blocks are run, those
# with "watch" until their output is there, those with "until" again and again, and each text block is what the commands
# before it print, but for numbers and times.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
: "${PORTERD:=$SRC_ROOT/build/release/porterd}" "${PORTERCTL:=$(dirname "$PORTERD")/porterctl}"
user=$([ "$(id -u)" = 0 ] && echo nobody || id -un) || skip "the user has no name"
# Most of the page looks at what a client did.
command -v nc >/dev/null || skip "no nc"
page=$SRC_ROOT/examples/OBSERVE.md
port=$(free_ports)

# The blocks as $tmp/blocks/NUMBER.KIND; the first line of each is what stands behind its language.
mkdir "$tmp/blocks" "$tmp/bin" "$tmp/log" "$tmp/lib"
awk -v to="$tmp/blocks/" '
	function begin(kind, first) { close(file); file = to sprintf("%03d.", ++n) kind; print first >file }
	/^<!-- test: / { begin("hook", $3 " " $4); next }
	/^```[a-z]/ { begin(substr($1, 4), $2 " " $3); inside = 1; next }
	/^```/ { inside = 0; next }
	inside { print >file }' "$page"
[ "$(find "$tmp/blocks" -type f | wc -l)" -ge 40 ] || fail "the page has lost its blocks"

# The page speaks of the places of an installation.
here()
{
	sed -e "s|/etc/|$tmp/etc/|g" -e "s|/usr/local/s*bin|$tmp/bin|g" -e "s|/var/log/porterd|$tmp/log|g" \
	    -e "s|/var/lib/notes|$tmp/lib|g" -e "s|\b3650\b|$port|g" -e "s|\b9147\b|$((port + 1))|g" \
	    -e "s|= nobody$|= $user|" "$@"
}
there()
{
	sed -e "s|$tmp/etc/|/etc/|g" -e "s|$tmp/bin|/usr/local/bin|g" -e "s|$tmp/log|/var/log/porterd|g" \
	    -e "s|$tmp/lib|/var/lib/notes|g"
}
# Of a line what does not depend on the moment.
shape()
{
	there | sed -E -e 's/[0-9][0-9.:]*/#/g' -e 's/ (written|read|rss)=#//g' -e 's/"(written|read|rss_kb)":#,//g' \
	    -e 's/[^ "]*#[^ "]*( *[^ "]*#[^ "]*)*/#/g' -e 's/ +/ /g' -e 's/ $//' | sort -u
}

mkdir -p "$tmp/etc/porterd/conf.d"
here "$SRC_ROOT/examples/porterd.conf" >"$tmp/etc/porterd/porterd.conf"
here -e 's/user = root/user = '"$(id -un)"'/' "$SRC_ROOT/conf.d/metrics" >"$tmp/etc/porterd/conf.d/metrics"
chmod 777 "$tmp/lib"
cp "$PORTERCTL" "$tmp/bin/porterctl"
PATH=$tmp/bin:$PATH PORTER_CONTROL=$tmp/run/control NO_COLOR=1
export PATH PORTER_CONTROL NO_COLOR
sed -i "s|	stderr = log|	env = PORTER_CONTROL=$PORTER_CONTROL\n&|" "$tmp/etc/porterd/conf.d/metrics"
"$PORTERD" -F -f "$tmp/etc/porterd/porterd.conf" --rundir "$tmp/run" >"$tmp/terminal" 2>&1 &
daemon=$!
pids=$daemon
retry 20 grep -q event=ready "$tmp/terminal" || fail "porterd is not ready: $(cat "$tmp/terminal")"

missing_program() # file
{
	for program in jq curl; do
		if grep -q "\b$program\b" "$1" && ! command -v "$program" >/dev/null; then
			echo "$program"
			return
		fi
	done
}

# Lines of the page that the output does not have.
not_shown() # text-block
{
	sed 1d "$1" | shape >"$tmp/shown"
	shape <"$tmp/printed" | comm -13 - "$tmp/shown"
}
says_it() # text-block
{
	not_shown "$1" >"$tmp/differs"
	[ ! -s "$tmp/differs" ]
}

run_block() # block
{
	without=$(missing_program "$1")
	left_out=
	if [ -n "$without" ]; then
		skip_part "a block of the page: no $without"
		left_out=1
		return
	fi
	expected=$(sed -n '1s/^fails //p' "$1")
	got=0
	here "$1" | sed 1d >"$tmp/script"
	# A line of standard error may come in pieces: they must not stand within one of the output.
	timeout 120 sh -u "$tmp/script" >"$tmp/printed" 2>"$tmp/errors" || got=$?
	cat "$tmp/errors" >>"$tmp/printed"
	cp "$tmp/printed" "$tmp/out"
	[ "$got" = "${expected:-0}" ] || fail "$(cat "$tmp/script") ends with status $got"
	ran=$1
}

shows() # text-block
{
	says_it "$1" && return
	[ "$(head -n 1 "$ran")" != "until " ] || run_block "$ran"
	return 1
}

has_clients() # count
{
	porterctl status --json | grep -q "\"clients\":$1[,}]"
}

write_file() # block path
{
	mkdir -p "$(dirname "$2")"
	here "$1" | sed 1d >"$2"
	case $2 in */bin/*) chmod 755 "$2" ;; esac
}

run_hook() # word argument
{
	case $1 in
	hold)
		# Clients that say nothing; the program waits for them.
		bash -c 'for i in $(seq "$1"); do exec {fd}<>"/dev/tcp/127.0.0.1/$2"; head -n 1 <&"$fd"; done; echo held; exec sleep 600' \
		    hold "$2" "$port" >"$tmp/held" &
		holder=$!
		pids="$pids $holder"
		retry 20 grep -q held "$tmp/held" || fail "no connections can be held"
		;;
	again) run_block "$ran" ;;
	release)
		kill "$holder"
		wait "$holder" 2>/dev/null || :
		;;
	*) fail "the page has an unknown test: $1" ;;
	esac
}

watcher=
stop_watching() # text-block
{
	cp "$tmp/watched" "$tmp/printed"
	retry 20 watched_says_it "$1" || fail "watching does not show: $(cat "$tmp/differs")"
	kill "$watcher"
	wait "$watcher" 2>/dev/null || :
	watcher=
}
watched_says_it()
{
	cp "$tmp/watched" "$tmp/printed"
	says_it "$1"
}

ran=
left_out=
for block in "$tmp"/blocks/*; do
	first=$(head -n 1 "$block")
	case ${block##*.} in
	hook)
		# shellcheck disable=SC2086 # two words
		run_hook $first
		;;
	text)
		[ -z "$left_out" ] || continue
		if [ -n "$watcher" ]; then
			stop_watching "$block"
		else
			again=$(sed -n '1s/^until *$/20/p' "$ran")
			retry "${again:-0}" shows "$block" || fail "$(sed 1d "$ran") does not print: $(cat "$tmp/differs")"
		fi
		;;
	*)
		case $first in
		/*) write_file "$block" "$(echo "${first% }" | here)" ;;
		watch*)
			here "$block" | sed 1d >"$tmp/script"
			sed -i 's/^/exec /' "$tmp/script"
			sh "$tmp/script" >"$tmp/watched" 2>&1 &
			watcher=$!
			pids="$pids $watcher"
			retry 20 has_clients 2 || fail "nobody watches"
			;;
		*) run_block "$block" ;;
		esac
		;;
	esac
done

# README.md shows what the daemon has.
porterctl status | sed -n 's/^\([a-z][a-z ]\{14\}\) .*/\1/p' | sort >"$tmp/out"
sed -n '/porterctl status$/,/^$/s/^    \([a-z][a-z ]\{14\}\) .*/\1/p' "$SRC_ROOT/README.md" | sort >"$tmp/shown"
[ "$(wc -l <"$tmp/shown")" -ge 10 ] || fail "README.md shows no status"
comm -13 "$tmp/out" "$tmp/shown" | grep . && fail "README.md has a status with other fields"

# The examples of porterd-control(7) work.
sed -n 's/^# \(echo .* nc -U .*\)/\1/p' "$SRC_ROOT/man/porterd-control.7" >"$tmp/script.7"
sed -n '/^import json/,/^\.Ed/p' "$SRC_ROOT/man/porterd-control.7" | sed '$d' >"$tmp/script.py"
if command -v nc >/dev/null; then
	sed -i "s|/run/porterd/|$tmp/run/|" "$tmp/script.7"
	sh "$tmp/script.7" >"$tmp/out" 2>&1
	grep -q '"result":{"role":"admin"}' "$tmp/out" || fail "nc does not print what the manual says"
fi
if [ -x /usr/bin/python3 ]; then
	run_hook hold 1
	sed -i "s|/run/porterd/|$tmp/run/|" "$tmp/script.py"
	/usr/bin/python3 "$tmp/script.py" >"$tmp/out" 2>&1 || fail "the Python of the manual fails"
	grep -qE '^[0-9]+ notes [0-9]+ 127\.0\.0\.1$' "$tmp/out" || fail "the Python of the manual does not show the connection"
	run_hook release
fi

porterctl stop >"$tmp/out" || fail "porterd does not stop"
wait "$daemon" || fail "porterd ended with status $?"

# What other programs read.
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
if promtool=$(PATH=$PATH:$peers/usr/bin command -v promtool); then
	"$promtool" check config "$tmp/etc/prometheus/prometheus.yml" >"$tmp/out" 2>&1 || fail "promtool refuses the configuration"
else
	skip_part "no promtool"
fi
fail2ban_regex()
{
	PYTHONPATH=$peers/usr/lib/python3/dist-packages /usr/bin/python3 -B "$peers/usr/bin/fail2ban-regex" -c "$peers/etc/fail2ban" "$@"
}
if [ -x "$peers/usr/bin/fail2ban-regex" ] && [ -x /usr/bin/python3 ]; then
	echo '26/1/2@03:04:05: FAIL: notes service_limit from=192.0.2.7 conn=12' >"$tmp/failed.log"
	fail2ban_regex "$tmp/failed.log" "$tmp/etc/fail2ban/filter.d/porterd.conf" >"$tmp/out" 2>&1 || fail "fail2ban refuses the filter"
	grep -q '1 matched' "$tmp/out" || fail "the filter does not find a refused client"
else
	skip_part "no fail2ban"
fi

# Events, attributes, commands and files that the page names are there.
grep -o 'event=[a-z-]*' "$page" | sort -u | while read -r event; do
	grep -rqF "\"$event " "$SRC_ROOT/src" || fail "there is no $event"
done
grep -o 'porterd_[a-z_]*' "$page" | sed -E 's/^porterd_//; s/_(total|bucket)$//' | sort -u | while read -r name; do
	grep -q "\.name = \"$name\"" "$SRC_ROOT/src/control/figure.c" || fail "there is no figure $name"
done
