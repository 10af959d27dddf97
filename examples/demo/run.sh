#!/bin/sh
# SPDX-License-Identifier: MIT
# Serves the files beside this script on loopback ports, as whoever runs it, until Ctrl-C.
#   run.sh PORTERD COMPILED DEMO      COMPILED: directory of the compiled examples; DEMO: directory to write to
# PORTER_DEMO_SHIFT is added to every port.
set -eu
# What others of a group could write is not believed when root serves it.
umask 022
porterd=$1 compiled=$2 demo=$3
here=$(cd "$(dirname "$0")" && pwd)
# Somebody without a name serves without the line that names a user.
if me=$(id -un 2>/dev/null); then
	set_user="s|^\( *	*user = \)[^ ]*|\1$me|"
else
	set_user='/^ *	*user = /d'
fi
shift_by=${PORTER_DEMO_SHIFT:-0}

# service port protocol program what-it-is
table='
myecho      3600 tcp echo_line.sh       a line echo in shell
echo-c      3601 tcp echo_server_xinetd a line echo in C
upper       3602 udp udp_upper          capitals over UDP, wait = yes
daytime     3603 tcp -                  the date, from porterd itself
environment 3604 tcp show_environment.sh what a program is told
echo-python 3605 tcp echo_line.py       a line echo in Python
echo-perl   3606 tcp echo_line.pl       a line echo in Perl
echo-awk    3607 tcp echo_line_awk.sh   a line echo in awk
'

# True if something listens on the port (tcp: state 0A; udp: any bound socket).
is_taken() # protocol port
{
	state=07
	[ "$1" = udp ] || state=0A
	cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null |
	    grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$2") [0-9A-F]*:[0-9A-F]* $state "
}

# Prints why a program cannot run here; nothing if it can.
hindrance() # file
{
	interpreter=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p;1q' "$1" | tr -d '\000')
	if [ -n "$interpreter" ] && [ ! -x "$interpreter" ]; then
		echo "$interpreter is missing"
	elif [ "${1##*_}" = awk.sh ] && ! command -v awk >/dev/null; then
		echo "awk is missing"
	fi
}

in_sed()
{
	printf %s "$1" | sed 's/[&|\\]/\\&/g'
}

try_line() # protocol port
{
	if [ "$1" = udp ] && command -v nc >/dev/null; then
		echo "echo hello | nc -u -w 1 127.0.0.1 $2"
	elif command -v nc >/dev/null; then
		echo "echo hello | nc -w 1 127.0.0.1 $2"
	else
		echo "bash -c 'exec 3<>/dev/$1/127.0.0.1/$2; echo hello >&3; timeout 1 cat <&3'"
	fi
}

if ! rm -rf "$demo" 2>/dev/null || ! mkdir -p "$demo/conf.d" "$demo/bin" 2>/dev/null; then
	echo "porterd: $demo cannot be written: it was made by somebody else; use a checkout of your own" >&2
	exit 1
fi
chmod go-w "$demo" "$demo/conf.d"
demo=$(cd "$demo" && pwd)
compiled=$(cd "$compiled" && pwd)
ln -s "$here"/../programs/*.sh "$here"/../programs/*.p[ly] "$demo/bin/"
find "$compiled" -maxdepth 1 -type f -perm -u+x -exec ln -s {} "$demo/bin/" \;

answers=
skipped=
while read -r service port protocol program what; do
	[ -n "$service" ] || continue
	port=$((port + shift_by))
	reason=
	[ "$program" = - ] || reason=$(hindrance "$demo/bin/$program")
	! is_taken "$protocol" "$port" || reason="port $port is taken"
	if [ -n "$reason" ]; then
		skipped="$skipped  $service: $reason
"
		continue
	fi
	sed -e "$set_user" -e "s|^\( *	*port = \)[0-9]*|\1$port|" \
	    -e "s|^\( *	*server = \)[^ ]*|\1\"$(in_sed "$demo/bin/$program")\"|" \
	    -e "s|^}|	bind = 127.0.0.1\n}|" "$here/$service" >"$demo/conf.d/$service"
	answers="$answers  $port/$protocol  $what
            $(try_line "$protocol" "$port")
"
done <<EOF2
$table
EOF2
printf '# Written by make run.\nincludedir "%s"\n' "$demo/conf.d" >"$demo/porterd.conf"

[ -z "$skipped" ] || printf 'Skipped:\n%s' "$skipped"
[ -n "$answers" ] || {
	echo "porterd: nothing is left to serve; is another make run going on?" >&2
	exit 1
}
printf 'Services on 127.0.0.1, each with a line to try in another terminal; Ctrl-C ends them:\n%s' "$answers"
set -- -F -f "$demo/porterd.conf" --rundir "$demo"
if [ "$(id -u)" = 0 ]; then
	# The checkout may belong to somebody else than root.
	owner=$(stat -c %U "$here")
	[ "$owner" != UNKNOWN ] || owner=$(stat -c %u "$here")
	set -- "$@" --trust-owner "$owner"
fi
exec "$porterd" "$@"
