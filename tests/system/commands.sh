#!/bin/sh
# SPDX-License-Identifier: MIT
# Each command of porterctl is run by a functional test, as people read it and with --json.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cd "$SRC_ROOT"
commands=$("${PORTERD%/*}/porterctl" help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\).*/\1/p')
[ "$(echo "$commands" | wc -l)" -gt 20 ] || fail "porterctl help names no commands"
cat tests/functional/test_porterctl.c tests/functional/test_porterctl_run.c | tr '\n\t' '  ' | tr -s ' ' >"$tmp/tests"

tests_have() # pattern what
{
	grep -qE -e "$1" "$tmp/tests" || fail "no functional test runs porterctl $2"
}

for command in $commands; do
	case $command in
	completion | help) tests_have "PORTERCTL, \"$command\"" "$command" ;;
	run)
		tests_have 'CTL run ' run
		tests_have 'CTL run [a-z]* --json' 'run --json'
		;;
	trace | logs)
		tests_have "\{ \"$command\"," "$command"
		tests_have "\"$command\",[^;]*\"--json\"" "$command --json"
		;;
	*)
		tests_have "OUTPUT(_OF\([0-9],|\() ?d, \"$command\"" "$command"
		tests_have "JSON\(d, \"$command\"|\"$command\",[^;]*\"--json\"" "$command --json"
		;;
	esac
done
