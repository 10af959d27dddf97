#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare Debian root with git and make alone: make run answers on its ports, the tests of the built daemon pass. It installs packages
# through the network and takes minutes, so only .ci/run starts it.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
[ "$(id -u)" = 0 ] || skip "not root"
command -v debootstrap >/dev/null || skip "no debootstrap"
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # for apt-get to fill in
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $codename" | head -n 1)
root=$tmp/root
timeout 240 debootstrap --variant=minbase --include=make,git,ca-certificates "$codename" "$root" "$mirror" \
    >"$tmp/out" 2>&1 || skip "debootstrap: $(tail -n 1 "$tmp/out")"

# The way to the packages is this machine's.
for path in /etc/apt /etc/ssl/certs /usr/share/keyrings /usr/share/ca-certificates /usr/local/share/ca-certificates \
    /etc/resolv.conf /etc/hosts; do
	[ -e "$path" ] || continue
	mkdir -p "$root$(dirname "$path")"
	rm -rf "${root:?}$path"
	cp -rL "$path" "$root$path"
done
mkdir "$root/porterd"
tar -C "$SRC_ROOT" --exclude=./build --exclude=./.git -cf - . | tar -C "$root/porterd" --no-same-owner -xf -

# Takes the place of the shell that calls it.
in_root() # command
{
	# shellcheck disable=SC2016 # for the inner shell to expand
	exec unshare --mount --pid --fork --kill-child sh -c 'mount --bind "$1" "$1" &&
	    mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
	    exec chroot "$1" /usr/bin/env -u MAKEFLAGS -u MAKELEVEL -u CC -u CFLAGS -u PORTER_SKIPS -u PORTERD -u BUILD_DIR \
	        -u SRC_ROOT PORTER_DEMO_SHIFT="$3" sh -c "cd /porterd && $2"' in_root "$root" "$1" "$((first - 3600))"
}

first=$(free_ports)
in_root 'exec make run' >"$tmp/out" 2>&1 &
run=$!
pids="$pids $run"
retry 120 answers "$first" hello hello || fail "make run: the shell echo does not answer"
retry 10 answers $((first + 1)) hello hello || fail "make run: the C echo does not answer"
retry 10 answers $((first + 2)) hello HELLO udp || fail "make run: the UDP service does not answer"
grep -q '^porterd: installing packages: ' "$tmp/out" || fail "make run does not say that it installs packages"
kill -KILL "$run"
(in_root 'make check-functional check-system') >"$tmp/all" 2>&1 || {
	# What failed and its output; not the hundreds of lines of compiling and passing.
	grep -vE '^  [A-Z]+  |^  [^ ]+ +[0-9]+ passed(, [0-9]+ skipped)?(, took [0-9]+ s)?$' "$tmp/all" >"$tmp/out"
	fail "make check-functional check-system"
}
mv "$tmp/all" "$tmp/out"
grep '^porterd: installing packages: ' "$tmp/out" || fail "make does not say that it installs packages"
tail -n 1 "$tmp/out" | grep '^[0-9]* passed, 0 failed, [0-9]* skipped$' || fail "make does not end with its sum"
