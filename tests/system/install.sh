#!/bin/sh
# SPDX-License-Identifier: MIT
# make install into an empty root, a start from there, an install over changed files, and make uninstall.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
if [ -n "${PORTER_INSIDE-}" ]; then
	porterd --check >"$tmp/out" 2>&1 || fail "the installed configuration does not pass --check"
	porterd || fail "the installed porterd does not start"
	[ -s /run/porterd/pid ] || fail "no pid file"
	retry 10 grep -q 'event=ready' /var/log/porterd/error.log || fail "nothing in the log"
	pid=$(cat /run/porterd/pid)
	kill -TERM "$pid"
	retry 20 test ! -e /run/porterd/pid || fail "the pid file is left"
	exit 0
fi

root=$tmp/root
make_it() # make's words...
{
	${MAKE:-make} -C "$SRC_ROOT" --no-print-directory DESTDIR="$root" "$@" >"$tmp/out" 2>&1 ||
	    fail "make $* failed"
}

make_it install
grep -q "$root/usr/local/sbin/porterd" "$tmp/out" || fail "make install does not say where porterd is"
make_it install-examples
for file in usr/local/sbin/porterd usr/local/share/man/man8/porterd.8 usr/local/share/man/man5/porterd.conf.5 \
    usr/local/share/man/man3/porter_accept.3 usr/local/share/man/man7/porter-worker.7 \
    usr/local/include/porter/environment.h usr/local/include/porter/worker.h usr/local/lib/libporter.a \
    usr/local/lib/libporter.so usr/local/lib/libporter.so.1 usr/local/lib/pkgconfig/porter.pc \
    etc/porterd/porterd.conf etc/porterd/conf.d/myecho etc/init.d/porterd lib/systemd/system/porterd.service \
    usr/local/bin/echo_server_xinetd usr/local/bin/echo_line.sh usr/local/bin/echo_library \
    usr/local/bin/line_service.py usr/local/sbin/porterctl usr/local/libexec/porterd/porter-gate usr/local/share/bash-completion/completions/porterctl \
    usr/local/share/zsh/site-functions/_porterctl usr/local/share/fish/vendor_completions.d/porterctl.fish \
    usr/local/share/man/man8/porterctl.8 usr/local/share/man/man7/porterd-control.7 \
    usr/local/share/man/man7/porterd-xinetd.7 etc/porterd/conf.d/metrics var/log/porterd; do
	[ -e "$root/$file" ] || fail "$file is not installed"
done
[ -x "$root/usr/local/sbin/porterd" ] || fail "porterd is not executable"
[ -x "$root/etc/init.d/porterd" ] || fail "the System V script is not executable"
(cd "$root" && find . -type f -exec cksum {} + | sort) >"$tmp/first"
make_it install
(cd "$root" && find . -type f -exec cksum {} + | sort) >"$tmp/second"
cmp "$tmp/first" "$tmp/second" || fail "a second install changes files"

echo '# mine' >>"$root/etc/porterd/conf.d/rsync"
make_it install
grep -q '# mine' "$root/etc/porterd/conf.d/rsync" || fail "a changed file was overwritten"
cmp -s "$root/etc/porterd/conf.d/rsync.new" "$SRC_ROOT/conf.d/rsync" || fail "no new file beside the changed one"
make_it uninstall
left=$(cd "$root" && find . ! -type d ! -path './etc/porterd/*')
[ -z "$left" ] || fail "left after uninstall: $left"
[ -e "$root/etc/porterd/porterd.conf" ] || fail "uninstall removed the configuration"

make_it install PREFIX=/usr DESTDIR="$tmp/other"
grep -q '^libdir=/usr/lib$' "$tmp/other/usr/lib/pkgconfig/porter.pc" || fail "the pkg-config file has not the prefix"
grep -q '^PORTERD=/usr/sbin/porterd$' "$tmp/other/etc/init.d/porterd" || fail "the System V script has not the prefix"
grep -q '^ExecStart=/usr/sbin/porterd ' "$tmp/other/lib/systemd/system/porterd.service" ||
    fail "the systemd unit has not the prefix"

# Programs find libporter after an install into the machine itself, which only root can tell the linker; a package does it
# when it is unpacked.
mkdir "$tmp/bin"
library=$(echo "${PORTERD%/*}"/libporter.so.*)
printf '#!/bin/sh\necho called >>"%s"\n' "$tmp/ldconfig" >"$tmp/bin/ldconfig"
chmod 755 "$tmp/bin/ldconfig"
install_directly() # DESTDIR
{
	(cd "$SRC_ROOT" && env PATH="$tmp/bin:$PATH" DESTDIR="$1" NAME=porterd LIBPORTER="${library##*.so.}" SBINDIR="$tmp/own/sbin" \
	    BINDIR="$tmp/own/bin" INCLUDEDIR="$tmp/own/include" LIBDIR="$tmp/own/lib" MANDIR="$tmp/own/man" \
	    DATADIR="$tmp/own/share" COMPLETION="${PORTERD%/*}/completion" \
	    SYSCONFDIR="$tmp/own/etc" LOGDIR="$tmp/own/log" RUNDIR="$tmp/own/run" INITDIR="$tmp/own/init.d" \
	    LIBEXECDIR="$tmp/own/libexec" GATE="${PORTERD%/*}/porter-gate" UNITDIR="$tmp/own/unit" sh tests/tools/install.sh install "$PORTERD" "${PORTERD%/*}/porterctl" \
	    "${PORTERD%/*}/libporter.a" "$library") >"$tmp/out" 2>&1 || fail "install.sh fails"
}
install_directly "$tmp/package"
[ ! -e "$tmp/ldconfig" ] || fail "ldconfig is run below DESTDIR"
install_directly ''
[ "$(grep -c called "$tmp/ldconfig" 2>/dev/null)" = "$([ "$(id -u)" = 0 ] && echo 1)" ] ||
    fail "ldconfig is not run as it should be"

make_it install
[ "$(id -u)" = 0 ] || {
	skip_part "start from the root: not root"
	exit 0
}
run_inside "$root"
