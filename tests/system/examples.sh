#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file of configuration that is shipped passes --check as it is; switched on and with a program that is there it
# is free of errors and warnings, too.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
for file in "$SRC_ROOT"/conf.d/*; do
	"$PORTERD" --check -f "$file" >"$tmp/out" 2>&1 || fail "$file does not pass --check"
	! grep -q ' error: ' "$tmp/out" || fail "$file has errors"
done
for file in "$SRC_ROOT"/conf.d/* "$SRC_ROOT"/examples/demo/* "$SRC_ROOT"/examples/workers/*.conf; do
	[ "${file##*.}" != sh ] || continue
	copy=$tmp/$(basename "$file")
	sed -e 's/disable = yes/disable = no/' -e 's|server = [^ ]*|server = /bin/true|' \
	    -e 's/user = [^ ]*/user = root/' "$file" >"$copy"
	"$PORTERD" --check -f "$copy" >"$tmp/out" 2>&1 || fail "$file does not pass --check when switched on"
	! grep -q ' warning: ' "$tmp/out" || fail "$file has warnings when switched on"
done
# Each worker has a service file, and each service file a program that make install-examples puts where it says.
for file in "$SRC_ROOT"/examples/workers/*; do
	case $file in
	*.conf)
		program=$(sed -n 's|.*server = /usr/local/bin/||p' "$file")
		set -- "$SRC_ROOT/examples"/[pw]*/"$program" "$SRC_ROOT/examples/workers/$program".[c]
		[ -e "$1" ] || [ -e "$2" ] || fail "$file names $program, which is no example"
		;;
	*) [ -e "${file%.*}.conf" ] || fail "$file has no service file" ;;
	esac
done
mkdir "$tmp/conf.d"
cp "$SRC_ROOT"/conf.d/* "$tmp/conf.d"
sed "s|/etc/porterd/conf.d|$tmp/conf.d|" "$SRC_ROOT/examples/porterd.conf" >"$tmp/porterd.conf"
"$PORTERD" --check -f "$tmp/porterd.conf" >"$tmp/out" 2>&1 || fail "the installed configuration does not pass --check"
! grep -q ' warning: ' "$tmp/out" || fail "the installed configuration has warnings"
# Of what is installed, only loopback services are on.
"$PORTERD" --dump -f "$tmp/porterd.conf" >"$tmp/dump" || fail "the installed configuration cannot be dumped"
for file in "$SRC_ROOT"/conf.d/*; do
	awk '/^service/ { off = loopback = 0 } /disable = yes/ { off = 1 } /bind = 127\.0\.0\.1/ { loopback = 1 }
	    /^}/ && !off && !loopback { exit 1 }' "$file" || fail "$file is on and open to the network"
done
