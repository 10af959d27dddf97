#!/bin/sh
# SPDX-License-Identifier: MIT
# What measures (tests/bench) works: in a short run every part takes figures, every answer is right, what it writes is well
# formed, and nothing is left. How fast it was does not matter here. The super-servers of others may lie unpacked below
# PORTER_PEERS (tests/tools/peers.sh); nothing is fetched.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
command -v python3 >/dev/null || skip "no python3"
id -un >/dev/null 2>&1 || skip "the user has no name"
[ -x "${PORTER_PEERS:-$SRC_ROOT/build/peers}/usr/sbin/xinetd" ] || skip_part "no xinetd to compare with"

bench=$SRC_ROOT/tests/bench
mkdir "$tmp/work" "$tmp/plots"
export PORTERD PORTERCTL TMPDIR="$tmp/work" BENCH_DIR="$BUILD_DIR/tests/bench" BENCH_OFFLINE=1
timeout 180 python3 -B "$bench/bench.py" --short --plots "$tmp/plots" --json "$tmp/json" --results "$tmp/results" \
    >"$tmp/out" 2>&1 || fail "the short run ended with $?"
for line in "porterd / bare shared" "porterd, 30 / porterd, 1" "porterd, 40 / porterd, none" \
    "porterd, 1 prefix / bare accept and close" "bare shared, 2 accepting / bare shared, 1 accepting" \
    "porterd, load / bare shared, load" "worker programs, 8 / bare passing, 8" "a fork for each / warm, 8, p50"; do
	grep -q "^  $line  *[0-9.]* " "$tmp/out" || fail "no figure of: $line"
done
! grep "^  porterd.* missing:" "$tmp/out" || fail "porterd was not measured"

# Each part has figures; each plot is XML, and shows porterd; the page has every part.
python3 -B - "$bench" "$tmp" <<'END' || fail "what it writes is not well formed"
import glob, json, sys, xml.etree.ElementTree
sys.path.insert(0, sys.argv[1])
from bench import PARTS
found, results = json.load(open(sys.argv[2] + "/json")), open(sys.argv[2] + "/results").read()
assert list(found["parts"]) == list(PARTS), list(found["parts"])
for name, part in found["parts"].items():
    assert len(part["text"]) > 1, name
    assert f"## {name}: " in results, name
plots = glob.glob(sys.argv[2] + "/plots/*.svg")
assert len(plots) >= 8, plots
for plot in plots:
    words = "".join(xml.etree.ElementTree.parse(plot).getroot().itertext())
    assert "porterd" in words, plot
END
[ -z "$(ls "$tmp/work")" ] || fail "files are left: $(ls "$tmp/work")"
# As a pattern that does not match itself.
mine="${tmp%?}[${tmp#"${tmp%?}"}]"
! grep -ls "$mine" /proc/[0-9]*/cmdline || fail "a process is left"

# One that is told to stop in the middle leaves nothing either.
BENCH_REPEAT=1000 python3 -B "$bench/bench.py" --short --plots "$tmp/plots" rate >"$tmp/out" 2>&1 &
bench_pid=$!
pids="$pids $bench_pid"
retry 20 sh -c "grep -ls '$mine' /proc/[0-9]*/cmdline | grep -q . && ls '$tmp/work' | grep -q ." || fail "nothing was started"
some_serve() { grep -l "$mine" /proc/[0-9]*/cmdline 2>/dev/null | wc -l | grep -q '[3-9]\|[1-9][0-9]'; }
retry 20 some_serve || fail "few were started"
kill -TERM "$bench_pid"
wait "$bench_pid" || :
[ -z "$(ls "$tmp/work")" ] || fail "a run that was stopped leaves files: $(ls "$tmp/work")"
! grep -ls "$mine" /proc/[0-9]*/cmdline || fail "a run that was stopped leaves a process"
