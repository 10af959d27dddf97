#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that is looked at without running it: lint.sh PORTERD, from the top of the checkout. Goes on after a tool
# that complains, so that one run shows all.
set -u
porterd=$1
failed=

look() # what command...
{
	what=$1
	shift
	echo "  $what"
	"$@" || failed="$failed $what"
}

# With the warnings of clang; its analyzer takes ten times as long and is for make analyze. One file a run: clang-tidy 14 takes va_list for uninitialized in every file but the first.
tidy()
{
	# shellcheck disable=SC2016 # for the inner shell to expand
	find src -name '*.c' -print0 | xargs -0 -P "${JOBS:-2}" -n 1 sh -c 'clang-tidy --quiet --checks=-clang-analyzer-* "$1" -- -std=gnu11 -Isrc \
	    -Iinclude -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual -Wwrite-strings \
	    -D_GNU_SOURCE -DVERSION="\"\"" -DWITH_LIBWRAP=1 -DLIBEXEC_DIR="\"\"" -DCONFIG_FILE="\"\"" -DRUN_DIR="\"\"" 2>&1 |
	    grep -v "^[0-9]* warnings\? generated" | grep . && exit 1; exit 0' tidy
}

# cppcheck reads no system headers but those whose macros declare structs or are loops; it takes a compound literal within ?: for a
# syntax error of its own.
check_c()
{
	queue=$(echo '#include <sys/queue.h>' | ${CC:-cc} -M -x c - | grep -o '[^ ]*/sys/queue.h')
	jansson=$(echo '#include <jansson.h>' | ${CC:-cc} -M -x c - | grep -o '[^ ]*/jansson.h')
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=internalAstError -Isrc -Iinclude -D_GNU_SOURCE \
	    --include="$queue" --include="$jansson" src
}

# shellcheck disable=SC2046 # file names of ours, without blanks
{
	look clang-format clang-format --dry-run --Werror $(find src include tests examples -name '*.[ch]')
	look clang-tidy tidy
	look cppcheck check_c
	look shellcheck shellcheck -x $(find tests examples -name '*.sh') examples/init/porterd .ci/run
	look mandoc mandoc -T lint -W warning $(find man -name '*.[0-9]')
}
look layers sh tests/system/layers.sh
look attributes sh tests/tools/attribute_list.sh check "$porterd" man/porterd.conf.5
[ -z "$failed" ] || {
	echo "lint: complaints of$failed" >&2
	exit 1
}
