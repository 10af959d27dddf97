#!/bin/sh
# SPDX-License-Identifier: MIT
# Each example program answers a line at once while the connection stays open, and is short enough to read.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v bash >/dev/null || skip "no bash"

# Asks a program over two pipes, as a client would over a connection.
converse() # program...
{
	# shellcheck disable=SC2016 # for bash to expand
	[ "$(bash -c 'coproc program { exec "$@"; }
	    for line in "hello  world" "back\\slash"; do
	        printf "%s\n" "$line" >&"${program[1]}"
	        IFS= read -t 10 -r -u "${program[0]}" answer && printf "%s\n" "$answer"
	    done' converse "$@")" = 'hello  world
back\slash' ]
}

for program in "$BUILD_DIR/examples/echo_server_xinetd" "$SRC_ROOT"/examples/programs/echo_line*; do
	name=$(basename "$program")
	interpreter=$(sed -n '1s/^#!//p;1q' "$program" | tr -d '\000')
	[ "$name" != echo_line_awk.sh ] || interpreter=$(command -v awk || echo awk)
	if [ -n "$interpreter" ] && [ ! -x "$interpreter" ]; then
		skip_part "$name: $interpreter is missing"
		continue
	fi
	converse "$program" || fail "$name does not answer each line with itself"
done
SERVICE_ID=shown REMOTE_ADDR=192.0.2.1 "$SRC_ROOT/examples/programs/show_environment.sh" >"$tmp/out"
for text in 'serving shown for 192.0.2.1' '^REMOTE_ADDR=192.0.2.1$'; do
	grep -q "$text" "$tmp/out" || fail "show_environment.sh does not show its environment"
done
for program in "$SRC_ROOT"/examples/programs/*; do
	[ "$(wc -l <"$program")" -lt 30 ] || fail "$program has 30 lines or more"
done
for program in "$SRC_ROOT"/examples/workers/*.py; do
	[ "$(wc -l <"$program")" -lt 60 ] || fail "$program has 60 lines or more"
done
[ "$(wc -l <"$SRC_ROOT/examples/workers/echo_library.c")" -lt 40 ] || fail "echo_library.c has 40 lines or more"
