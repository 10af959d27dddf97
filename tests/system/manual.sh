#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual: its lists of attributes, commands, error codes and figures are the programs' own, every option is described,
# and mandoc has nothing to say.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cd "$SRC_ROOT"
sh tests/tools/attribute_list.sh check "$PORTERD" man/porterd.conf.5 >"$tmp/out" || fail "make man was forgotten"
for option in $("$PORTERD" --help | grep -o -e '--[a-z][a-z-]*' | sort -u); do
	escaped=$(printf %s "${option#--}" | sed 's/-/\\\\*-/g')
	grep -q -e "-$escaped" man/porterd.8 || fail "man/porterd.8 does not describe $option"
done

# porterctl(8) has the commands of porterctl help, and the options of each.
: "${PORTERCTL:=$(dirname "$PORTERD")/porterctl}"
between() # word file
{
	sed -n "/^[.\\\\\"]* $1: begin/,/^[.\\\\\"]* $1: end/p" "$2"
}
same() # what
{
	diff "$tmp/of-program" "$tmp/of-manual" >"$tmp/out" || fail "the manual and the program have different $1"
	[ -s "$tmp/of-program" ] || fail "the program has no $1"
}
"$PORTERCTL" help | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\).*/\1/p' | sort >"$tmp/of-program"
between commands man/porterctl.8 | sed -n 's/^\.It Ic \([a-z]*\).*/\1/p' | sort >"$tmp/of-manual"
same "commands of porterctl"
while read -r command; do
	# What is said of the command, up to the next one.
	between commands man/porterctl.8 | awk -v item=".It Ic $command" '
		/^\.It Ic/ { inside = $0 " " ~ "^" item " " } inside' >"$tmp/item"
	for option in $("$PORTERCTL" help "$command" | sed -n '/^options:/,/^$/s/^  .*--\([a-z][a-z-]*\).*/\1/p'); do
		case $option in
		control | json | help | version) grep -q "^\.It Fl.* -$option" man/porterctl.8 ;;
		*) grep -q "Fl -$option" "$tmp/item" ;;
		esac || fail "porterctl(8) does not say that $command takes --$option"
	done
done <"$tmp/of-program"

# porterd-control(7) has the commands of the daemon with who may ask them, and every code of an error.
sed -n 's/^	{ "\([a-z]*\)", ROLE_\([A-Z]*\),.*/\1 \2/p' src/control/command.c | tr '[:upper:]' '[:lower:]' | sort >"$tmp/of-program"
between commands man/porterd-control.7 | sed -n 's/^\.It Cm \([a-z]*\) Pq \([a-z]*\)$/\1 \2/p' | sort >"$tmp/of-manual"
same "commands of the control socket"
tr '\n' ' ' <src/control/command.c | grep -o '"[a-z]*", ROLE_[A-Z]*, cmd_[a-z]*, [0-9A-Z_]*,[^{]*{[^}]*}' |
    sed -E 's/^"([a-z]*)".*\{(.*)\}/\1 \2/' | tr -d '!",' | sed 's/NULL//' >"$tmp/arguments"
[ "$(wc -l <"$tmp/arguments")" = "$(wc -l <"$tmp/of-program")" ] || fail "the table of commands is not understood"
while read -r command arguments; do
	between commands man/porterd-control.7 | awk -v item=".It Cm $command " '
		/^\.It Cm/ { inside = index($0, item) == 1 } inside' >"$tmp/item"
	for argument in $arguments; do
		grep -qwE "^(\.Cm|Arguments?|\.Ar) .*$argument|^\.Cm $argument" "$tmp/item" ||
		    fail "porterd-control(7) does not say that $command takes $argument"
	done
done <"$tmp/arguments"
cat src/control/*.c | tr '\n\t' '  ' |
    grep -oE '(request_fail(_with)?|client_fail|refuse|turn_away)\( *[a-z]+, *"[a-z-]+"' | sed 's/.*"\(.*\)"/\1/' | sort -u >"$tmp/of-program"
between codes man/porterd-control.7 | sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' | sort >"$tmp/of-manual"
same "codes of errors"

# Attributes that can be set, and figures.
"$PORTERCTL" --version >/dev/null || fail "there is no porterctl"
grep -B 1 'is_live = true' src/conf/attr.c | sed -n 's/.*name = "\([a-z_]*\)".*/\1/p' | sort >"$tmp/of-program"
between live man/porterd.conf.5 | sed -n '/^\.Ic defaults/d; s/^\.Ic \([a-z_]*\).*/\1/p' | sort >"$tmp/of-manual"
same "attributes that can be set"
for name in $(between metrics man/porterctl.8 | grep -o 'porterd_[a-z_]*'); do
	short=${name#porterd_}
	grep -q "\.name = \"${short%_total}\"" src/control/figure.c || fail "porterctl(8) has a figure $name, which is not there"
done

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning man/*.[0-9] >"$tmp/out" 2>&1 || fail "mandoc finds faults in the manual"
else
	skip_part "no mandoc"
fi
