# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: sshd -i and dropbear -i, both by ssh.
needs="/usr/sbin/sshd /usr/sbin/dropbear ssh ssh-keygen dropbearkey"

ssh_service() # id port server arguments
{
	serves "$1" <<-END
		service $1
		{
			type            = UNLISTED
			disable         = no
			socket_type     = stream
			protocol        = tcp
			port            = $2
			wait            = no
			user            = root
			server          = $3
			server_args     = $4
		}
	END
}

prepare()
{
	mkdir -p "$tmp/home/.ssh" /etc/ssh /etc/dropbear
	ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/key"
	dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >"$tmp/out" 2>&1
	cp "$tmp/key.pub" "$tmp/home/.ssh/authorized_keys"
	chown -R porter "$tmp/home"
	chmod 700 "$tmp/home" "$tmp/home/.ssh"
	printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM no\nUseDNS no\nPrintMotd no\n' >/etc/ssh/sshd_config
	ssh_service ssh 2222 /usr/sbin/sshd -i
	ssh_service dropbear 2223 /usr/sbin/dropbear -i
}

# Runs a program there and gives back what it is sent, all bytes of it.
drive_ssh() # port
{
	ssh -F none -p "$1" -i "$tmp/key" -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=no \
	    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR porter@127.0.0.1 'cat; id -un' </srv/data/random \
	    >"$tmp/got" 2>"$tmp/out" || broken "ssh to port $1 fails"
	{ cat /srv/data/random && echo porter; } | cmp - "$tmp/got" || broken "other bytes through port $1"
}

drive()
{
	drive_ssh 2222
	was_served ssh 1
	passed openssh
	drive_ssh 2223
	was_served dropbear 1
	passed dropbear
}
