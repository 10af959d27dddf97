# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: git daemon as nobody.
needs=git

prepare()
{
	export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
	git init -q "$tmp/work"
	git -C "$tmp/work" -c user.name=Porter -c user.email=porter@localhost commit -q --allow-empty -m "Begin"
	mkdir /srv/git
	git clone -q --bare "$tmp/work" /srv/git/r.git
	# git serves only what belongs to its user.
	chown -R nobody /srv/git
	serves git <<-END
		service git
		{
			port            = 9418
			socket_type     = stream
			wait            = no
			user            = nobody
			server          = /usr/bin/git
			server_args     = daemon --inetd --export-all --base-path=/srv/git
			type            = UNLISTED
		}
	END
}

drive()
{
	git ls-remote git://127.0.0.1/r.git HEAD >"$tmp/out" 2>&1 || broken "git ls-remote fails"
	[ "$(cut -f 1 "$tmp/out")" = "$(git -C "$tmp/work" rev-parse HEAD)" ] || broken "it is another commit"
	was_logged git 1 0
	passed "git daemon"
}
