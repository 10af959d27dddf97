#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests, some side by side, and says at the end what was skipped and how many passed.
#   run.sh unit|functional|fork|replay|system FILE... [kind FILE...]...
# fork: functional tests of a daemon that forks for each connection, in place of what it would choose.
# A test that skips something appends "name: reason" to the file named by PORTER_SKIPS; a shell test may instead end
# with 77 and its reason as the last line of output. Output of what passes is kept quiet unless V=1. UNDER is put in front
# of unit and functional tests: valgrind and its options.
set -u
here=$(dirname "$0")
# Seconds that a program may take: one that hangs is a failure with a name.
most=600

# Runs one program and leaves its counts in RESULTS/kind.name: passed, failed, skipped.
run_one() # kind file
{
	name=$1.$(basename "$2")
	name=${name%.sh}
	out=$RESULTS/$name.out
	PORTER_SKIPS=$RESULTS/$name.skips
	export PORTER_SKIPS
	: >"$PORTER_SKIPS"
	began=$(date +%s)
	# shellcheck disable=SC2086 # UNDER is a command and its options
	case $1 in
	fork) PORTER_SPAWN=fork timeout --foreground -k 10 "$most" "$2" >"$out" 2>&1 </dev/null ;;
	replay) timeout --foreground -k 10 "$most" "$2" "$here/fuzz/corpus/${2##*/replay_}" >"$out" 2>&1 </dev/null ;;
	system) timeout --foreground -k 10 "$most" sh "$2" >"$out" 2>&1 </dev/null ;;
	*) timeout --foreground -k 10 "$most" ${UNDER-} "$2" >"$out" 2>&1 </dev/null ;;
	esac
	status=$?
	took=$(($(date +%s) - began))
	counts=
	case $1 in unit | functional | fork) counts=$(count_checks "$out") ;; esac
	if [ "$1" = system ] && [ "$status" = 77 ]; then
		echo "$name: $(tail -n 1 "$out")" >>"$PORTER_SKIPS"
		counts='0 0'
	elif [ -z "$counts" ]; then
		if [ "$status" = 0 ]; then counts='1 0'; else counts='0 1'; fi
	elif [ "$status" != 0 ] && [ "${counts#* }" = 0 ]; then
		counts="${counts% *} 1" # it ended badly after its last test
	fi
	skipped=$(wc -l <"$PORTER_SKIPS")
	passed=${counts% *}
	# Check counts a test that skipped itself as passed; a shell test that left out a part did pass.
	case $1 in unit | functional | fork) passed=$((passed > skipped ? passed - skipped : 0)) ;; esac
	failed=${counts#* }
	echo "$passed $failed $skipped" >"$RESULTS/$name.counts"
	report "$name"
}

# Sums Check's lines "99%: Checks: 80, Failures: 1, Errors: 0" to "passed failed"; nothing if there is none.
count_checks()
{
	sed -n 's/.*Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2 \3/p' "$1" |
	    awk '{ bad = $2 + $3; good += $1 - bad; all += bad } END { if (NR) print good, all }'
}

# One line a program in one write, so that programs side by side do not mix; with its time where that is long.
report()
{
	text=$(printf '  %-40s %s passed' "$1" "$passed")
	[ "$skipped" = 0 ] || text="$text, $skipped skipped"
	[ "$took" -lt 10 ] || text="$text, took $took s"
	[ "$status" != 124 ] || text="$text, was ended"
	if [ "$failed" != 0 ]; then
		text="$text, $failed FAILED
$(grep -v ':P:' "$out" | tail -n 60 | sed 's/^/    /')"
	elif [ "${V:-0}" != 0 ]; then
		text="$text
$(sed 's/^/    /' "$out")"
	fi
	printf '%s\n' "$text"
}

if [ "$1" = --one ]; then
	run_one "$2" "$3"
	exit 0
fi
RESULTS=$(mktemp -d)
export RESULTS
trap 'rm -rf "$RESULTS"' EXIT
kind=
for word; do
	case $word in
	unit | functional | fork | replay | system) kind=$word ;;
	*) printf '%s\n' "$word" >>"$RESULTS/list.$kind" ;;
	esac
done
for kind in unit functional fork replay system; do
	[ -f "$RESULTS/list.$kind" ] || continue
	# Functional tests wait for most of their time.
	jobs=${JOBS:-2}
	case $kind in
	functional | fork) jobs=$((jobs * 2)) ;;
	system) jobs=1 ;;
	esac
	xargs -P "$jobs" -n 1 sh "$0" --one "$kind" <"$RESULTS/list.$kind"
done
if [ -n "$(cat "$RESULTS"/*.skips)" ]; then
	echo "Skipped:"
	sort -u "$RESULTS"/*.skips | sed 's/^/  /'
fi
cat "$RESULTS"/*.counts | awk '{ p += $1; f += $2; s += $3 }
	END { print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"; exit (f > 0 || p == 0) }'
