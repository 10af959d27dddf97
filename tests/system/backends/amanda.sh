# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: amandad, by the service file of its package, asked by amservice.
needs="/usr/lib/amanda/amandad amservice"

prepare()
{
	mkdir -p /var/backups
	echo 'localhost root noop' >/var/backups/.amandahosts
	chown -R backup /var/backups
	chmod 600 /var/backups/.amandahosts
}

drive()
{
	amservice localhost bsdtcp noop </dev/null >"$tmp/out" 2>&1 || broken "amservice fails"
	was_served amanda 1
	passed amandad
}
