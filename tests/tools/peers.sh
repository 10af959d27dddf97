#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks Debian packages below a directory without installing them, so that nothing of theirs is started, and with
# them the libraries they need and the machine lacks. What is there already is left alone.
#   peers.sh [PACKAGE...]        the directory is $PORTER_PEERS, or build/peers in the checkout
set -eu
dir=${PORTER_PEERS:-$(cd "$(dirname "$0")/../.." && pwd)/build/peers}
[ $# -gt 0 ] || set -- rsync git openssh-server openssh-client tftpd-hpa tftp-hpa fingerd finger xinetd prometheus fail2ban

is_installed() # package
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -q '^installed$'
}

# The names of the libraries that a package depends on.
needed_by() # package file
{
	{
		dpkg-deb -f "$1" Depends
		dpkg-deb -f "$1" Pre-Depends
	} | tr ',' '\n' | sed -n 's/^ *\(lib[a-z0-9.+-]*\).*/\1/p' | sort -u
}

unpack() # package
{
	fetched=$dir/.packages/new
	rm -rf "$fetched"
	mkdir -p "$fetched"
	# Downloads by another user would need a directory open to it.
	(cd "$fetched" && apt-get -qq -o APT::Sandbox::User=root download "$1" >/dev/null) || {
		echo "$0: $1 cannot be downloaded" >&2
		exit 1
	}
	for file in "$fetched"/*.deb; do
		dpkg -x "$file" "$dir"
		needed_by "$file" >"$dir/.packages/$1"
		rm "$file"
	done
}

mkdir -p "$dir/.packages"
seen=
while [ $# -gt 0 ]; do
	package=$1
	shift
	case " $seen " in *" $package "*) continue ;; esac
	seen="$seen $package"
	[ -e "$dir/.packages/$package" ] || unpack "$package"
	while read -r library; do
		is_installed "$library" || set -- "$@" "$library"
	done <"$dir/.packages/$package"
done
rm -rf "$dir/.packages/new"
