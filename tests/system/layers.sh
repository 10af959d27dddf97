#!/bin/sh
# SPDX-License-Identifier: MIT
# A file includes headers of its own folder and of lower ones only; libConfuse is known to one file. libporter includes
# nothing but its own and the public headers, and nobody else includes its own.
set -eu
cd "${SRC_ROOT:-$(dirname "$0")/../..}"
users=$(grep -rl '<confuse.h>' src include || :)
[ "$users" = src/conf/reader.c ] || {
	echo "<confuse.h> belongs into src/conf/reader.c alone, not: $users"
	exit 1
}
grep -rn --include='*.[ch]' '^ *# *include *"' src | awk '
	BEGIN {
		count = split("base loop conf load policy serve net launch run reload upgrade control front ctl", name, " ")
		for (i = 1; i <= count; i++)
			rank[name[i]] = i
		rank["helpers"] = rank["lib"] = 1
	}
	{
		split($0, part, ":")
		file = part[1]
		split(file, folder, "/")
		header = $0
		sub(/^[^"]*"/, "", header)
		sub(/".*/, "", header)
		if (file ~ /^src\/[^\/]*$/ || header ~ /^porter\//)
			next
		split(header, from, "/")
		if (header !~ /\//)
			complain("write the header with its folder")
		else if ((folder[2] == "lib") != (from[1] == "lib"))
			complain("libporter and the rest share <porter/...> alone")
		else if (!(folder[2] in rank))
			complain("this folder has no layer")
		else if (!(from[1] in rank) || rank[from[1]] > rank[folder[2]])
			complain(folder[2] " may not include from " from[1])
	}
	function complain(what) { print file ":" part[2] ": " header ": " what; bad = 1 }
	END { exit bad }'
