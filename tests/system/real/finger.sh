# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: in.fingerd, whose client knows no port but 79.

lacks_finger()
{
	lacks in.fingerd finger
	getent services finger/tcp >/dev/null || echo "finger is not in /etc/services"
	[ -n "$is_apart" ] || echo "port 79 is free only in a network namespace"
}

prepare_finger()
{
	seq 3000 >"$tmp/home/.plan"
	chmod -R a+rX "$tmp/home"
	service finger "port = 79" "socket_type = stream" "wait = no" "user = $user" \
	    "server = $(program in.fingerd)" "server_args = -p $(program finger)"
}

drive_finger()
{
	"$(program finger)" "$user" >"$tmp/plan"
	"$(program finger)" "$user@127.0.0.1" >"$tmp/got/finger" || broken "finger fails"
	[ -z "$is_root" ] || grep -q '^3000$' "$tmp/got/finger" || broken "the plan is missing"
	cmp "$tmp/plan" "$tmp/got/finger" || broken "finger shows something else than without the network"
	was_logged finger 1 0
}
