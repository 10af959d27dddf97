#!/bin/sh
# SPDX-License-Identifier: MIT
# libporter as a program of somebody else finds it: installed below a root, named by pkg-config, static and shared; and
# the example of its manual page.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
cc=${CC:-cc}
root=$tmp/root
lib=$root/opt/porter/lib64
${MAKE:-make} -C "$SRC_ROOT" --no-print-directory DESTDIR="$root" PREFIX=/opt/porter LIBDIR=/opt/porter/lib64 install \
    >"$tmp/out" 2>&1 || fail "make install failed"

# The shared library: its name for programs, the links, what it exports and what it needs.
[ "$(readlink "$lib/libporter.so")" = libporter.so.1 ] || fail "libporter.so does not lead to libporter.so.1"
[ "$(readlink "$lib/libporter.so.1")" = libporter.so.1.0 ] || fail "libporter.so.1 does not lead to libporter.so.1.0"
objdump -p "$lib/libporter.so.1.0" >"$tmp/out"
grep -q '^ *SONAME *libporter\.so\.1$' "$tmp/out" || fail "the soname is not libporter.so.1"
[ "$(grep NEEDED "$tmp/out" | awk '{ print $2 }')" = libc.so.6 ] || fail "the library needs more than libc"
api='porter_accept porter_done porter_serve porter_serve_stdio'
nm -D --defined-only "$lib/libporter.so.1.0" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort | xargs >"$tmp/out"
[ "$(cat "$tmp/out")" = "$api" ] || fail "the shared library exports other functions"
[ "$(nm -D --defined-only "$lib/libporter.so.1.0" | grep -c -v -e '@@PORTER_1.0$' -e ' A ')" = 0 ] ||
    fail "an exported symbol has no version"
# Of a static library the halves of a function are visible, too.
[ "$(nm --defined-only "$lib/libporter.a" | awk '$2 ~ /^[A-Z]$/ && $3 !~ /^porter_/' | wc -l)" = 0 ] ||
    fail "the static library has symbols with other names"
nm "$lib/libporter.a" | awk '$2 ~ /^[BbDdC]$/' >"$tmp/out"
[ ! -s "$tmp/out" ] || fail "the library has state of its own"

# The example of the manual page, and a worker in ten lines.
sed -n '/^\.Bd .*-literal/,/^\.Ed/p' "$SRC_ROOT/man/porter_accept.3" |
    sed -e '/^\.B*[BE]d/d' -e 's/\\e/\\/g' -e 's/^\\&//' >"$tmp/example.c"
grep -q porter_serve_stdio "$tmp/example.c" || fail "the manual page has no example"
cat >"$tmp/worker.c" <<'END'
#include <porter/worker.h>

static int
serve(FILE *in, FILE *out, const struct porter_connection *c, void *arg)
{
	(void)in, (void)arg;
	return fprintf(out, "%s %d\n", c->service, (int)c->peer_len) < 0;
}

int
main(void)
{
	return -porter_serve_stdio(PORTER_CHANNEL, serve, NULL);
}
END
command -v pkg-config >/dev/null || skip "no pkg-config"
PKG_CONFIG_PATH="" PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
[ "$(pkg-config --modversion porter)" = 1.0 ] || fail "pkg-config knows no version 1.0"
flags=$(pkg-config --cflags --libs porter) || fail "pkg-config does not find porter"
for source in worker example; do
	# shellcheck disable=SC2086 # flags are words
	{
		$cc -Wall -Wextra -Werror "$tmp/$source.c" $flags -o "$tmp/$source.shared" >"$tmp/out" 2>&1 ||
		    fail "$source.c does not compile with the shared library"
		$cc -Wall -Wextra -Werror "$tmp/$source.c" $flags -static -o "$tmp/$source.static" >"$tmp/out" 2>&1 ||
		    fail "$source.c does not compile with the static library"
	}
done
objdump -p "$tmp/worker.shared" | grep -q 'NEEDED *libporter.so.1$' || fail "the shared library was not linked"
if command -v c++ >/dev/null; then
	echo '#include <porter/worker.h>' >"$tmp/header.cc"
	c++ -Wall -Werror -I"$root/opt/porter/include" -c "$tmp/header.cc" -o "$tmp/header.o" >"$tmp/out" 2>&1 ||
	    fail "the header is no C++"
fi

# Both kinds run: not started as workers, they say so by their status.
for kind in shared static; do
	LD_LIBRARY_PATH=$lib ends_with 88 "$tmp/worker.$kind" </dev/null # ENOTSOCK
done

${MAKE:-make} -C "$SRC_ROOT" --no-print-directory DESTDIR="$root" PREFIX=/opt/porter LIBDIR=/opt/porter/lib64 uninstall \
    >"$tmp/out" 2>&1 || fail "make uninstall failed"
left=$(find "$root/opt" -type f -o -type l)
[ -z "$left" ] || fail "left after uninstall: $left"
