#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints a configuration of that many services, each with an address, arguments and environment of its own.
#   gen_services.sh COUNT
awk -v count="$1" 'BEGIN {
	print "defaults\n{\n\tinstances = 20\n}"
	for (i = 1; i <= count; i++) {
		printf "service bench%d\n{\n", i
		print "\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n\tuser = root"
		printf "\tlisten = 127.%d.%d.%d:3600\n", i / 65536 + 1, i / 256 % 256, i % 256
		printf "\tserver = /bin/cat\n\tserver_args = -u number-%d\n\tenv = NUMBER=%d\n}\n", i, i
	}
}'
