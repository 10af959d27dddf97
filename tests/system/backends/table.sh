# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# Part of tests/system/backends.sh: the rows of the table, asked by nc.
needs=nc
rows=$parts/table

# Runs a function with the words of each row whose server is there.
each_row() # function
{
	row_port=7000
	while read -r id user text pattern server args; do
		row_port=$((row_port + 1))
		[ "$id" != '#' ] || continue
		if [ -x "$server" ]; then
			"$1"
		elif [ "$1" = drive_row ]; then
			skip_part "$id: $server is missing"
		fi
	done <"$rows"
}

prepare_row()
{
	serves "$id" <<-END
		# default: on
		service $id
		{
			type            = UNLISTED
			port            = $row_port
			flags           = REUSE
			socket_type     = stream
			protocol        = tcp
			wait            = no
			user            = $user
			server          = $server
			server_args     = $args
			log_on_failure  += USERID
			disable         = no
		}
	END
}

drive_row()
{
	[ "$text" != - ] || text=
	talk "$text" "$pattern" nc -N 127.0.0.1 "$row_port"
	was_served "$id" 1
	passed "$id"
}

prepare()
{
	each_row prepare_row
}

drive()
{
	each_row drive_row
}
