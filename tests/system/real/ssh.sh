# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
# Part of tests/system/real.sh: sshd -i with keys of its own, by ssh and by scp in both directions.

lacks_ssh()
{
	lacks sshd ssh scp ssh-keygen
	shell=$(getent passwd "$user" | cut -d : -f 7)
	case $shell in
	*/nologin | */false) echo "the shell of $user is $shell" ;;
	esac
	# sshd needs its user and its directory only as root.
	[ -z "$is_root" ] || [ -n "$is_apart" ] || echo "no namespaces for a user sshd and /run/sshd"
}

prepare_ssh()
{
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	echo "[127.0.0.1]:$((first_port + 2)) $(cut -d ' ' -f 1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
	cat >"$dir/sshd_config" <<-END
		HostKey $dir/host_key
		AuthorizedKeysFile $dir/key.pub
		PidFile none
		StrictModes no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		UseDNS no
		PrintMotd no
		Subsystem sftp internal-sftp
	END
	cat >"$dir/ssh_config" <<-END
		Host *
		IdentityFile $dir/key
		IdentitiesOnly yes
		IdentityAgent none
		UserKnownHostsFile $dir/known_hosts
		GlobalKnownHostsFile none
		StrictHostKeyChecking yes
		BatchMode yes
		LogLevel ERROR
		User $user
		Port $((first_port + 2))
	END
	[ "$who" = root ] || [ -z "$is_root" ] || chown "$user" "$dir/host_key"
	service ssh "port = $((first_port + 2))" "socket_type = stream" "wait = no" "user = $who" \
	    "server = $(program sshd)" "server_args = -i -e -f $dir/sshd_config" "stderr = log"
}

drive_ssh()
{
	ssh -F "$dir/ssh_config" 127.0.0.1 'cat; id -un; exit 5' <"$tmp/data/random" >"$tmp/got/ssh" &&
	    broken "ssh does not hand on the status"
	{ cat "$tmp/data/random" && echo "$user"; } | cmp - "$tmp/got/ssh" || broken "ssh changed the bytes"
	scp -q -F "$dir/ssh_config" "127.0.0.1:$tmp/data/random" "$tmp/got/scp" || broken "scp cannot fetch"
	cmp "$tmp/data/random" "$tmp/got/scp" || broken "scp fetched other bytes"
	scp -q -r -F "$dir/ssh_config" "$tmp/data" "127.0.0.1:$tmp/home/$who" || broken "scp cannot bring"
	diff -r "$tmp/data" "$tmp/home/$who" || broken "scp brought other bytes"
	was_logged ssh 3 '[0-9]*'
	[ "$(grep -c "service=ssh .*Accepted publickey for $user " "$dir/error.log")" = 3 ] ||
	    broken "standard error is not in the log"
}
