# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: csync2, by the service file of its package; the machine called backend receives the
# files of the one called peer, which are directories of the same machine.
needs=/usr/sbin/csync2

prepare()
{
	csync2 -k /etc/csync2.key
	cat >/etc/csync2.cfg <<-END
		nossl * *;
		group some {
			host backend peer;
			key /etc/csync2.key;
			include %where%/*;
		}
		prefix where {
			on backend: /srv/csync/backend;
			on peer: /srv/csync/peer;
		}
	END
	mkdir -p /srv/csync/backend /srv/csync/peer /var/lib/csync2
	cp /srv/data/random /srv/csync/peer
	switch_on csync2
}

drive()
{
	csync2 -N peer -xv >"$tmp/out" 2>&1 || broken "csync2 fails"
	cmp /srv/data/random /srv/csync/backend/random || broken "csync2 brought something else"
	was_served csync2 1
	passed csync2
}
