# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: git daemon --inetd, ten clones at a time.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=Porter GIT_AUTHOR_EMAIL=porter@localhost GIT_COMMITTER_NAME=Porter
export GIT_COMMITTER_EMAIL=porter@localhost

lacks_git()
{
	lacks git
}

prepare_git()
{
	service git "port = $((first_port + 1))" "socket_type = stream" "wait = no" "user = $user" \
	    "server = $(program git)" "server_args = daemon --inetd --export-all --base-path=$tmp/git $tmp/git"
	[ ! -d "$tmp/git" ] || return 0
	git init -q "$tmp/work"
	cp -r "$tmp/data/." "$tmp/work"
	git -C "$tmp/work" add .
	git -C "$tmp/work" commit -q -m "Add files"
	mkdir "$tmp/git"
	git clone -q --bare "$tmp/work" "$tmp/git/some.git"
	# git serves only what belongs to its user.
	[ -z "$is_root" ] || chown -R "$user" "$tmp/git"
}

drive_git()
{
	# shellcheck disable=SC2016 # for the inner shell to expand
	one='git clone -q "git://127.0.0.1:$1/some.git" "$2/got/$3" && diff -r -x .git "$2/work" "$2/got/$3" &&
	    git -C "$2/got/$3" fsck --strict && rm -rf "$2/got/$3"'
	seq 10 | xargs -P 10 -n 1 sh -c "$one || exit 1" one $((first_port + 1)) "$tmp" >"$tmp/out" 2>&1 ||
	    broken "a clone failed or differs"
	was_logged git 10 0
}
