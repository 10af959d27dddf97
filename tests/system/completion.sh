#!/bin/sh
# SPDX-License-Identifier: MIT
# Completion of porterctl: exercised in bash, checked by the other shells where they are installed.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v bash >/dev/null || skip "no bash"
directory=${PORTERD%/*}
port=$(free_ports)
# An id that a shell would run, if it were ever taken for text.
# shellcheck disable=SC2016 # not to be expanded
for name in web web-two 'a$(touch${IFS}@)b'; do
	cat <<-END
		service $name
		{
			type = UNLISTED
			socket_type = stream
			wait = no
			user = $(id -un)
			server = /bin/cat
			listen = 127.0.0.1:$port
		}
	END
	port=$((port + 1))
done | sed "s|@|$tmp/touched|" >"$tmp/porterd.conf"
"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/log" 2>&1 &
pids="$pids $!"
retry 10 grep -q event=ready "$tmp/log" || fail "no daemon"

# What bash offers for the last word.
offered() # words...
{
	# shellcheck disable=SC2016 # for bash to expand
	PATH=$directory:$PATH PORTER_CONTROL=$tmp/run/control bash --norc -c '. <(porterctl completion bash)
	    COMP_WORDS=(porterctl "$@") COMP_CWORD=$#
	    _porterctl
	    printf "%s\n" "${COMPREPLY[@]}"' offered "$@" 2>"$tmp/out"
}

expect() # expected words...
{
	expected=$1
	shift
	got=$(offered "$@" | tr '\n' ' ')
	[ ! -s "$tmp/out" ] || fail "completion of '$*' complains"
	[ "${got% }" = "$expected" ] || fail "completion of '$*' offers '$got', not '$expected'"
}

expect 'status stop' st
expect '--follow' logs --f
expect 'web web-two' show we
expect 'web-two' drain web-
expect 'error' logs --level e
expect 'web web-two' logs --service we
expect 'web web-two' logs --level error --service we
expect 'instances' set web inst
expect '' set web instances 5
expect '' show web we
expect 'HUP' kill web --signal H
expect 'running refused' top --sort r
expect 'bash' completion b
expect 'reload' help rel
expect 'web web-two' --json show we
expect 'web web-two' --control "$tmp/run/control" show we
expect '' --control /nonexistent show we
(cd "$tmp" && expect 'porterd.conf' check porterd)
offered show a >"$tmp/ids"
grep -q 'touch' "$tmp/ids" || fail "the odd id is not offered"
[ ! -e "$tmp/touched" ] || fail "an id was run as a command"

bash -n "$directory/completion/bash" || fail "bash does not read its completion"
for shell in zsh fish; do
	if command -v "$shell" >/dev/null; then
		"$shell" -n "$directory/completion/$shell" >"$tmp/out" 2>&1 || fail "$shell does not read its completion"
	else
		skip_part "no $shell"
	fi
done
