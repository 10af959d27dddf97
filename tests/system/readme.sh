#!/bin/sh
# SPDX-License-Identifier: MIT
# What README.md and the manual promise: their service files load, their commands exist, and no option is missing.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cd "$SRC_ROOT"

# Writes each block between the two lines that begins with one of our words to $tmp/PREFIX.N. A program or a file of
# addresses that is not on this machine is replaced by one that is, since only the block is tested here.
extract() # file begin end prefix
{
	awk -v begin="$2" -v end="$3" -v to="$tmp/$4." '
		!inside && index($0, begin) == 1 { inside = 1; wanted = 0; line = 0; next }
		inside && $0 == end { inside = 0; if (wanted) close(to n) }
		inside && ++line == 1 && /^(service|defaults)[ {]*/ { wanted = 1; n++ }
		inside && wanted { print >(to n) }' "$1"
	for file in "$tmp/$4".*; do
		[ -e "$file" ] || fail "$1 holds no block"
		sed -i "s|@/etc/porterd/[a-z]*|@$tmp/addresses|" "$file"
		program=$(sed -n 's/^[[:blank:]]*server = "*\([^ "]*\).*/\1/p' "$file")
		[ -z "$program" ] || [ -x "$program" ] || sed "s|$program|/bin/cat|" "$file" >"$tmp/other"
		[ -z "$program" ] || [ -x "$program" ] || mv "$tmp/other" "$file"
	done
}

# True if the file loads without an error and without a warning.
loads() # file
{
	"$PORTERD" --check -f "$1" >"$tmp/out" 2>&1 || fail "$1 has errors"
	! grep -q ': warning:' "$tmp/out" || fail "$1 has warnings"
}

echo 192.0.2.1 >"$tmp/addresses"

# The service of ten lines.
extract README.md '```' '```' readme
[ "$(wc -l <"$tmp/readme.1")" = 10 ] || fail "the service file of README.md is not ten lines long"
for file in "$tmp"/readme.*; do loads "$file"; done
"$PORTERD" --dump -f "$tmp/readme.1" >"$tmp/out" 2>/dev/null || fail "the service file of README.md has no dump"
grep -q 'instances = 5' "$tmp/out" || fail "the service of README.md is not in the dump"

# The examples of porterd.conf(5), one by one and all together.
extract man/porterd.conf.5 '.Bd -literal' '.Ed' manual
count=0
for file in "$tmp"/manual.*; do
	case $(grep -c 'attribute = value' "$file") in
	0) loads "$file" ;;
	*) continue ;;
	esac
	cat "$file" >>"$tmp/everything"
	count=$((count + 1))
done
[ "$count" -ge 11 ] || fail "only $count examples were found in porterd.conf(5)"
loads "$tmp/everything"
for pool in 'pool_exec = fresh' 'pool_exec = once' 'pool_accept = worker' 'type = INTERNAL'; do
	grep -l 'pool = ' "$tmp"/manual.* | xargs grep -q "$pool" || fail "porterd.conf(5) has no example of a pool with $pool"
done

# So does that of porter_accept(3); and no example leaves open whether its program is a worker.
extract man/porter_accept.3 '.Bd -unfilled' '.Ed' accept
for file in "$tmp/accept.1" "$tmp/everything"; do
	loads "$file"
	! grep -q ': note:.*pool_exec' "$tmp/out" || fail "an example has a pool and no pool_exec"
done

# Every make target that README.md names, behind "make" in code.
make_targets()
{
	sed -n 's/^\([a-z-]*\):.*## .*/\1/p' Makefile
}
make_targets >"$tmp/targets"
grep -oE '(`|    |sudo )make [a-z-]+' README.md | sed 's/.*make //' | sort -u >"$tmp/named"
[ -s "$tmp/named" ] || fail "README.md names no make target"
while read -r target; do
	grep -qx -e "$target" "$tmp/targets" || fail "README.md names make $target, which is not there"
done <"$tmp/named"

# Every option of porterd that README.md names.
"$PORTERD" --help >"$tmp/help"
grep -oE 'porterd --?[a-zA-Z-]+' README.md | sed 's/.* //' | sort -u >"$tmp/named"
[ -s "$tmp/named" ] || fail "README.md names no option"
while read -r option; do
	grep -qE -e "(^|[ ,])$option([ ,=[]|\$)" "$tmp/help" || fail "README.md names porterd $option, which is not there"
done <"$tmp/named"

# The options of porterd(8) are those of porterd --help.
grep -oE '(^ +-[a-zA-Z]|--[a-z-]+)' "$tmp/help" | tr -d ' ' | sort -u >"$tmp/of-help"
grep '^\.It Fl' man/porterd.8 | grep -oE 'Fl -?[a-zA-Z-]+' | sed 's/Fl /-/' | sort -u >"$tmp/of-manual"
diff "$tmp/of-help" "$tmp/of-manual" >"$tmp/out" || fail "porterd(8) and porterd --help name different options"

# porterd-xinetd(7) has the options of the other names.
for name in xinetd inetd; do
	ln -s "$PORTERD" "$tmp/$name"
	"$tmp/$name" --help | sed -nE 's/^ +-([a-zA-Z_]+).*/\1/p' | sort >"$tmp/of-help"
	sed -n "/ $name: begin/,/ $name: end/p" man/porterd-xinetd.7 | grep '^\.It Fl' | grep -oE 'Fl [a-zA-Z_]+' |
	    sed 's/Fl //' | sort >"$tmp/of-manual"
	[ -s "$tmp/of-help" ] || fail "$name --help names no option"
	diff "$tmp/of-help" "$tmp/of-manual" >"$tmp/out" || fail "porterd-xinetd(7) and $name --help name different options"
done

# The lines of inetd.conf that it shows are read.
sed -n '/^\.Ss Forms of inetd.conf/,/^\.Ed/p' man/porterd-xinetd.7 | grep -E '(stream|dgram) ' >"$tmp/inetd.conf"
[ "$(wc -l <"$tmp/inetd.conf")" -ge 5 ] || fail "porterd-xinetd(7) shows no inetd.conf"
"$PORTERD" --check "$tmp/inetd.conf" >"$tmp/out" 2>&1 || ! grep ' error: ' "$tmp/out" | grep -qvE 'there is no (program|user)|is not in /etc/services' ||
    fail "the inetd.conf of porterd-xinetd(7) has errors"
grep -q '^5 services: .* 1 off' "$tmp/out" || fail "porterd-xinetd(7) shows an inetd.conf with other services"

# Every event that the source can log is in the table of porterd(8), and the other way round.
grep -rhoE --include='*.c' '"event=[a-z-]+' src | sed 's/.*=//' | sort -u >"$tmp/of-source"
sed -n '/events: begin/,/events: end/s/^\.It Cm \([a-z-]*\)$/\1/p' man/porterd.8 | sort -u >"$tmp/of-manual"
diff "$tmp/of-source" "$tmp/of-manual" >"$tmp/out" || fail "porterd(8) and the source name different events"

# Every command of porterctl that README.md and the manual name.
"${PORTERCTL:=$(dirname "$PORTERD")/porterctl}" help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\).*/\1/p' >"$tmp/commands"
grep -ohE '([`.(]|    |sudo |&& |\$ |Ql )porterctl [a-z]+' README.md examples/*.md man/*.[0-9] | sed 's/.* //' | sort -u >"$tmp/named"
[ -s "$tmp/named" ] || fail "README.md names no command of porterctl"
while read -r command; do
	grep -qx -e "$command" "$tmp/commands" || fail "porterctl $command is named, which is not there"
done <"$tmp/named"

# Files that README.md links to.
for file in $(grep -oE '\]\([^)#:]+\)' README.md | tr -d '])('); do
	[ -e "$file" ] || fail "README.md links to $file, which is not there"
done
