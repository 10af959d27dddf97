#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install and make uninstall do; the directories come from the Makefile by the environment.
#   install.sh install PORTERD PORTERCTL LIBRARY... · install.sh uninstall · install.sh examples COMPILED...
set -eu
examples='echo_line.sh echo_line.py echo_line.pl echo_line_awk.sh show_environment.sh'
worker_scripts='line_service.py shared_listener.py'

# Copies a text with the paths of this installation in it.
put_text() # mode from to
{
	install -d "$(dirname "$3")"
	sed -e "s|/usr/local/sbin|$SBINDIR|g" -e "s|/etc/porterd|$SYSCONFDIR|g" -e "s|/var/log/porterd|$LOGDIR|g" \
	    -e "s|/run/porterd|$RUNDIR|g" "$2" >"$3"
	chmod "$1" "$3"
}

# A configuration file that is there and differs is the administrator's: the new one goes beside it as NAME.new, a
# name that includedir does not load.
put_conf() # from to
{
	put_text 644 "$1" "$2.new"
	if [ ! -e "$2" ] || cmp -s "$2" "$2.new"; then
		mv "$2.new" "$2"
	else
		echo "porterd: $2 was changed and is kept; the new one is $2.new"
	fi
}

# libporter: static, shared with the two links, and what pkg-config says of it.
put_library() # library...
{
	for library; do
		case $library in
		*.a) install -D -m 644 "$library" "$DESTDIR$LIBDIR/libporter.a" ;;
		*) install -D -m 755 "$library" "$DESTDIR$LIBDIR/libporter.so.$LIBPORTER" ;;
		esac
	done
	ln -sf "libporter.so.$LIBPORTER" "$DESTDIR$LIBDIR/libporter.so.${LIBPORTER%%.*}"
	ln -sf "libporter.so.${LIBPORTER%%.*}" "$DESTDIR$LIBDIR/libporter.so"
	install -d "$DESTDIR$LIBDIR/pkgconfig"
	cat >"$DESTDIR$LIBDIR/pkgconfig/porter.pc" <<-END
		includedir=$INCLUDEDIR
		libdir=$LIBDIR

		Name: libporter
		Description: preforked workers of porterd
		Version: $LIBPORTER
		Cflags: -I\${includedir}
		Libs: -L\${libdir} -lporter
	END
	chmod 644 "$DESTDIR$LIBDIR/pkgconfig/porter.pc"
}

# The dynamic linker finds a library in a cache, which a package writes when it is unpacked.
update_cache()
{
	[ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] || return 0
	PATH=$PATH:/usr/sbin:/sbin
	! command -v ldconfig >/dev/null || ldconfig || echo "porterd: ldconfig has failed" >&2
}

# Completion goes where each shell looks for it.
each_completion() # command...: it gets the shell and the place
{
	"$@" bash "$DESTDIR$DATADIR/bash-completion/completions/porterctl"
	"$@" zsh "$DESTDIR$DATADIR/zsh/site-functions/_porterctl"
	"$@" fish "$DESTDIR$DATADIR/fish/vendor_completions.d/porterctl.fish"
}

put_completion() # shell place
{
	install -D -m 644 "$COMPLETION/$1" "$2"
}

remove_completion() # shell place
{
	rm -f "$2"
}

say_places()
{
	cat <<-END
		porterd: $DESTDIR$SBINDIR/$NAME, manual below $DESTDIR$MANDIR
		porterd: configuration $DESTDIR$SYSCONFDIR/porterd.conf and conf.d, logs in $DESTDIR$LOGDIR
		porterd: $DESTDIR$INITDIR/porterd and $DESTDIR$UNITDIR/porterd.service start it
		porterd: libporter in $DESTDIR$LIBDIR, its headers in $DESTDIR$INCLUDEDIR/porter
	END
}

case $1 in
install)
	shift
	install -D -m 755 "$1" "$DESTDIR$SBINDIR/$NAME"
	install -D -m 755 "$2" "$DESTDIR$SBINDIR/porterctl"
	install -D -m 755 "$GATE" "$DESTDIR$LIBEXECDIR/porter-gate"
	shift 2
	put_library "$@"
	each_completion put_completion
	for page in man/*.[0-9]; do
		[ ! -e "$page" ] || install -D -m 644 "$page" "$DESTDIR$MANDIR/man${page##*.}/${page#man/}"
	done
	for header in include/porter/*.h; do
		install -D -m 644 "$header" "$DESTDIR$INCLUDEDIR/porter/${header##*/}"
	done
	put_text 755 examples/init/porterd "$DESTDIR$INITDIR/porterd"
	put_text 644 examples/init/porterd.service "$DESTDIR$UNITDIR/porterd.service"
	put_conf examples/porterd.conf "$DESTDIR$SYSCONFDIR/porterd.conf"
	for file in conf.d/*; do
		put_conf "$file" "$DESTDIR$SYSCONFDIR/$file"
	done
	install -d -m 755 "$DESTDIR$LOGDIR"
	update_cache
	say_places
	;;
uninstall)
	rm -f "$DESTDIR$LIBDIR/libporter.a" "$DESTDIR$LIBDIR/libporter.so" "$DESTDIR$LIBDIR/libporter.so."* \
	    "$DESTDIR$LIBDIR/pkgconfig/porter.pc"
	each_completion remove_completion
	rm -f "$DESTDIR$SBINDIR/$NAME" "$DESTDIR$SBINDIR/porterctl" "$DESTDIR$INITDIR/porterd" "$DESTDIR$UNITDIR/porterd.service"
	for page in man/*.[0-9]; do
		rm -f "$DESTDIR$MANDIR/man${page##*.}/${page#man/}"
	done
	for header in include/porter/*.h; do
		rm -f "$DESTDIR$INCLUDEDIR/porter/${header##*/}"
	done
	rm -f "$DESTDIR$LIBEXECDIR/porter-gate"
	rmdir "$DESTDIR$LIBEXECDIR" 2>/dev/null || :
	rmdir "$DESTDIR$INCLUDEDIR/porter" 2>/dev/null || :
	rmdir "$DESTDIR$LOGDIR" 2>/dev/null || :
	update_cache
	# The example programs, if install-examples put them there.
	for program in $examples $worker_scripts examples/programs/*.c examples/workers/*.c; do
		program=${program##*/}
		rm -f "$DESTDIR$BINDIR/${program%.c}"
	done
	;;
examples)
	shift
	for program; do
		install -D -m 755 "$program" "$DESTDIR$BINDIR/${program##*/}"
	done
	for program in $examples; do
		install -D -m 755 "examples/programs/$program" "$DESTDIR$BINDIR/$program"
	done
	for program in $worker_scripts; do
		install -D -m 755 "examples/workers/$program" "$DESTDIR$BINDIR/$program"
	done
	;;
esac
