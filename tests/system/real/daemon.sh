# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/real.sh: the daemon and its configuration.

new_configuration()
{
	dir=$tmp/as-$who
	mkdir -p "$dir/conf.d"
	first_port=$(free_ports)
	cat >"$dir/porterd.conf" <<-END
		defaults
		{
			bind = 127.0.0.1
			passenv = LD_LIBRARY_PATH
			log_type = FILE $dir/activity.log
			daemon_log = FILE $dir/error.log
		}
		includedir $dir/conf.d
	END
	[ "$who" = root ] || [ -z "$is_root" ] || chown -R "$user" "$dir"
}

# Writes a service file; each argument is a line of it.
service() # id line...
{
	service_id=$1
	shift
	{
		printf 'service %s\n{\n\ttype = UNLISTED\n' "$service_id"
		printf '\t%s\n' "$@"
		echo '}'
	} >"$dir/conf.d/$service_id"
}

start_daemon() # command that becomes the user...
{
	out=$dir/terminal
	"$@" "$tmp/porterd" -F -f "${conf:-$dir/porterd.conf}" --rundir "$dir/run" >"$out" 2>&1 &
	daemon=$!
	pids="$pids $daemon"
	retry 20 grep -q event=ready "$out" || broken "porterd is not ready"
	! grep -E 'severity=(error|warning)|unbound=[1-9]' "$out" || broken "a service is not served"
	descriptors=$(open_descriptors)
}

stop_daemon()
{
	kill -TERM "$daemon"
	wait "$daemon" || broken "porterd ended with status $?"
}

broken() # text
{
	tail -n 40 "$out" >&2
	fail "${part-} with porterd as $who: $*"
}
