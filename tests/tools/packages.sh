#!/bin/sh
# SPDX-License-Identifier: MIT
# What the build lacks, and getting it.
#   packages.sh missing COMPILER build|check     prints the Debian packages that are not there, on one line
#   packages.sh install PACKAGE...               installs them, or names them and fails
set -u

# True if pkg-config knows the library, or the compiler finds its header without help.
has_library() # name header
{
	pkg-config --exists "$1" 2>/dev/null || has_header "$2"
}

has_header()
{
	printf '#include <%s>\n' "$1" | "$cc" -E -x c - >/dev/null 2>&1
}

missing()
{
	cc=$1
	set -- "$2"
	case $cc in *clang*) compiler=clang ;; *) compiler=gcc ;; esac
	list=
	command -v "${cc%% *}" >/dev/null || list="$list $compiler"
	has_header stdio.h || list="$list libc6-dev"
	command -v pkg-config >/dev/null || list="$list pkg-config"
	has_library libconfuse confuse.h || list="$list libconfuse-dev"
	has_library jansson jansson.h || list="$list libjansson-dev"
	[ "$1" != check ] || has_library check check.h || list="$list check"
	echo "${list# }"
}

install()
{
	as_root=
	if ! command -v apt-get >/dev/null; then
		as_root=false
	elif [ "$(id -u)" != 0 ]; then
		if sudo -n true 2>/dev/null; then as_root='sudo -n'; else as_root=false; fi
	fi
	if [ "$as_root" = false ]; then
		echo "porterd: these packages are missing, please install them: $*" >&2
		return 1
	fi
	echo "porterd: installing packages: $*"
	log=$(mktemp) || return 1
	# shellcheck disable=SC2086 # as_root is empty or two words
	if $as_root apt-get update >"$log" 2>&1 && $as_root env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	tail -n 20 "$log" >&2
	rm -f "$log"
	echo "porterd: apt-get could not install: $*" >&2
	return 1
}

command=$1
shift
"$command" "$@"
