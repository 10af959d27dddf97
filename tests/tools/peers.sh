#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks Debian packages below a directory without installing them, so that nothing of theirs is started, and with
# them the libraries they need and the machine lacks. What is there already is left alone.
#   peers.sh [PACKAGE...]        the directory is $PORTER_PEERS, or build/peers in the checkout
set -eu
dir=${PORTER_PEERS:-$(cd "$(dirname "$0")/../.." && pwd)/build/peers}
[ $# -gt 0 ] || set -- rsync git openssh-server openssh-client tftpd-hpa tftp-hpa fingerd finger xinetd openbsd-inetd \
    prometheus fail2ban netbase atftpd dropbear-bin vsftpd pure-ftpd inetutils-ftpd ftpd-ssl inetutils-telnetd \
    inetutils-telnet nagios-nrpe-server nagios-nrpe-plugin micro-httpd busybox sslh uucp fortune-mod fortunes-min \
    stockfish gnuchess poppassd csync2 amanda-client amanda-common haproxy curl \
    inetutils-inetd rlinetd ucspi-tcp ipsvd s6 systemd-container socat apache2-utils wrk
fetched=$dir/.packages/new

# The libraries that are not on the machine, of those that a package depends on.
needed_by() # package file
{
	{
		dpkg-deb -f "$1" Depends
		dpkg-deb -f "$1" Pre-Depends
	} | tr ',' '\n' | sed -n 's/^ *\(lib[a-z0-9.+-]*\).*/\1/p' | sort -u | while read -r library; do
		grep -qx "$library" "$dir/.packages/installed" || echo "$library"
	done
}

# The directories /bin, /lib and /sbin of an older package go where the machine's own links of that name lead, so that
# the whole can be laid over the machine.
unpack() # package file
{
	dpkg-deb --fsys-tarfile "$1" | tar --keep-directory-symlink -C "$dir" -xpf -
	needed_by "$1" >"$dir/.packages/$(dpkg-deb -f "$1" Package)"
	rm "$1"
}

mkdir -p "$fetched"
# shellcheck disable=SC2016 # for dpkg-query to expand
dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u >"$dir/.packages/installed"
for link in bin sbin lib lib64; do
	[ ! -h "/$link" ] || [ -e "$dir/$link" ] || {
		mkdir -p "$dir/usr/$link"
		ln -s "usr/$link" "$dir/$link"
	}
done
# One download for all of a round: what the packages of a round need are those of the next.
while [ $# -gt 0 ]; do
	wanted=
	for package; do
		[ -e "$dir/.packages/$package" ] || wanted="$wanted $package"
	done
	# Downloads by another user would need a directory open to it.
	# shellcheck disable=SC2086 # names of packages
	[ -z "$wanted" ] || (cd "$fetched" && apt-get -qq -o APT::Sandbox::User=root download $wanted >/dev/null) || {
		echo "$0: cannot be downloaded:$wanted" >&2
		exit 1
	}
	for file in "$fetched"/*.deb; do
		[ ! -e "$file" ] || unpack "$file"
	done
	# shellcheck disable=SC2046 # names of packages
	set -- $(for package; do cat "$dir/.packages/$package"; done | sort -u | while read -r library; do
		[ -e "$dir/.packages/$library" ] || echo "$library"
	done)
done
rm -rf "$fetched" "$dir/.packages/installed"
