# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: rsync --daemon, 200 times, 20 clients at a time.

lacks_rsync()
{
	lacks rsync
}

prepare_rsync()
{
	cat >"$dir/rsyncd.conf" <<-END
		use chroot = no
		reverse lookup = no
		[data]
		path = $tmp/data
		read only = yes
	END
	service rsync "port = $first_port" "socket_type = stream" "wait = no" "user = $user" \
	    "server = $(program rsync)" "server_args = --daemon --config=$dir/rsyncd.conf"
}

drive_rsync()
{
	# shellcheck disable=SC2016 # for the inner shell to expand
	one='"$1" -r "rsync://127.0.0.1:$2/data/" "$3/got/$4" && diff -r "$3/data" "$3/got/$4" && rm -r "$3/got/$4"'
	seq 200 | xargs -P 20 -n 1 sh -c "$one || exit 1" one "$(program rsync)" "$first_port" "$tmp" \
	    >"$tmp/out" 2>&1 || broken "a transfer failed or differs"
	was_logged rsync 200 0
}
