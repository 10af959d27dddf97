#!/bin/sh
# SPDX-License-Identifier: MIT
# porterctl top in a terminal as people have one: what is on the screen, sort keys, another size, Ctrl-Z, q.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v tmux >/dev/null || skip "no tmux"
ctl=${PORTERD%/*}/porterctl
port=$(free_ports)
for name in busy calm; do
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
done >"$tmp/porterd.conf"
"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/log" 2>&1 &
pids="$pids $!"
retry 10 grep -q event=ready "$tmp/log" || fail "no daemon"

terminal()
{
	TMUX='' tmux -S "$tmp/tmux" "$@"
}

# A shell that knows nothing of the machine's settings.
terminal -f /dev/null new-session -d -x 100 -y 20 "env PS1='ready> ' NO_COLOR=1 PORTER_CONTROL=$tmp/run/control \
    /bin/bash --norc --noprofile"
pids="$pids $(terminal display-message -p '#{pid}')"

# True if a line of the screen matches.
screen_has() # pattern
{
	terminal capture-pane -p >"$tmp/out" && grep -q -e "$1" "$tmp/out"
}

shows() # pattern what
{
	retry 15 screen_has "$1" || fail "$2"
}

press()
{
	terminal send-keys "$@"
}

shows '^ready>' "no shell"
press "echo be''fore; $ctl top -d 0.5" Enter
shows '^sorted by running' "top does not come"
shows '^SERVICE  *STATE  *RUNNING .*CPU%' "no titles"
shows '^calm  *serving  *0 ' "a service is missing"
! screen_has before || fail "it is not on a screen of its own"
bash -c "exec 3<>/dev/tcp/127.0.0.1/$((port - 1)); read -r line <&3" &
pids="$pids $!"
shows '^calm  *serving  *1 ' "it is not refreshed"
[ "$(grep -n '^calm' "$tmp/out" | cut -d: -f1)" -lt "$(grep -n '^busy' "$tmp/out" | cut -d: -f1)" ] ||
    fail "it is not sorted by running programs"
press n
shows '^sorted by name' "the key n does nothing"
[ "$(grep -n '^calm' "$tmp/out" | cut -d: -f1)" -gt "$(grep -n '^busy' "$tmp/out" | cut -d: -f1)" ] ||
    fail "it is not sorted by name"
press c
shows '^sorted by cpu' "the key c does nothing"
terminal resize-window -x 40 -y 10
shows '^SERVICE' "no screen after another size"
[ "$(wc -l <"$tmp/out")" -le 10 ] || fail "it does not fit"
! grep -q PROCESSES "$tmp/out" || fail "it is not laid out anew"
terminal resize-window -x 100 -y 20
press C-z
shows 'Stopped' "Ctrl-Z does not stop it"
shows '^before' "the first screen is not back after Ctrl-Z"
press fg Enter
shows '^sorted by cpu' "it does not go on after fg"
press q
shows '^ready>$' "q does not leave"
shows '^before' "the first screen is not back"
press "stty -a | grep -o ' -*icanon\| -*echo '; echo status''=\$?" Enter
shows '^status=0' "no more input"
! grep -q -e '-icanon' -e '-echo ' "$tmp/out" || fail "the terminal is not as before"
