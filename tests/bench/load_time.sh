#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints how long porterd --check takes for files of 1,000 to 10,000 services, and fails where the time for one service
# at the end is more than three times that at the start.
#   load_time.sh [COUNT...]
set -eu
file=$(mktemp)
trap 'rm -f "$file"' EXIT
here=$(dirname "$0")

# Microseconds of the quickest of three runs.
quickest()
{
	best=
	for _ in 1 2 3; do
		start=$(date +%s%N)
		"$PORTERD" --check -f "$file" >&2
		took=$((($(date +%s%N) - start) / 1000))
		if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
	done
	echo "$best"
}

printf '%10s %12s %20s\n' services 'in all (ms)' 'each service (us)'
first=
[ $# -gt 0 ] || set -- 1000 2000 5000 10000
for count; do
	sh "$here/gen_services.sh" "$count" >"$file"
	took=$(quickest)
	each=$((took / count))
	printf '%10s %12s %20s\n' "$count" $((took / 1000)) "$each"
	: "${first:=$each}"
done
[ "$each" -le $((first * 3 + 3)) ] || {
	echo "a service costs more in a long file than in a short one" >&2
	exit 1
}
