#!/bin/sh
# SPDX-License-Identifier: MIT
# The list of attributes in the manual page comes from the table in the program.
#   attribute_list.sh write PORTERD PAGE    puts the program's list between the page's markers
#   attribute_list.sh check PORTERD PAGE    fails if the page holds another one
set -eu
command=$1 porterd=$2 page=$3
list=$(mktemp)
new=$(mktemp)
trap 'rm -f "$list" "$new"' EXIT
"$porterd" --help-attributes=mdoc >"$list"
awk -v list="$list" '
	$0 == ".\\\" attributes: begin" {
		print
		while ((getline line < list) > 0)
			print line
		inside = 1
		found++
	}
	$0 == ".\\\" attributes: end" { inside = 0; found++ }
	!inside { if (!($0 == ".\\\" attributes: begin")) print }
	END { exit found != 2 }' "$page" >"$new" || {
	echo "$page: the lines '.\\\" attributes: begin' and '.\\\" attributes: end' must each stand there once" >&2
	exit 1
}
case $command in
write) cat "$new" >"$page" ;;
check)
	diff -u "$page" "$new" || {
		echo "$page: the attribute list is not the program's: run make man" >&2
		exit 1
	}
	;;
esac
