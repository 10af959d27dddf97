#!/bin/sh
# SPDX-License-Identifier: MIT
# The metrics of a running daemon as Prometheus reads them: its tools take both formats, and it scrapes a service whose
# program is porterctl.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
peers=${PORTER_PEERS:-$SRC_ROOT/build/peers}
promtool=$(PATH=$PATH:$peers/usr/bin command -v promtool) || skip "no promtool (tests/tools/peers.sh prometheus)"
ctl=${PORTERD%/*}/porterctl
port=$(free_ports)
web=$((port + 1)) server=$((port + 2))
service() # name port lines
{
	cat <<-END
		service $1
		{
			type = UNLISTED
			socket_type = stream
			wait = no
			user = $(id -un)
			stderr = log
			listen = 127.0.0.1:$2
			$3
		}
	END
}

{
	service metrics "$port" "server = $ctl
	server_args = --control $tmp/run/control metrics --http"
	service web "$web" "server = /bin/cat"
} >"$tmp/porterd.conf"
"$PORTERD" -F -f "$tmp/porterd.conf" --rundir "$tmp/run" >"$tmp/log" 2>&1 &
pids="$pids $!"
retry 10 grep -q event=ready "$tmp/log" || fail "no daemon"
answers "$web" hello hello || fail "the service does not answer"

PORTER_CONTROL=$tmp/run/control
export PORTER_CONTROL
# promtool reads OpenMetrics with times only.
"$ctl" metrics >"$tmp/open" || fail "porterctl metrics"
sed '/^#/!s/$/ 1700000000/' "$tmp/open" >"$tmp/timed"
"$promtool" tsdb create-blocks-from openmetrics "$tmp/timed" "$tmp/blocks" >"$tmp/out" 2>&1 ||
    fail "promtool does not read the OpenMetrics text"
series=$(grep -vc '^#' "$tmp/open")
grep -q " $series  *$series " "$tmp/out" || fail "promtool does not see all $series series"

get() # path [accept]
{
	# shellcheck disable=SC2016 # for bash to expand
	bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"
	    printf "GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\n\r\n" "$2" "$3" >&3
	    timeout 10 cat <&3' get "$port" "$1" "${2:-*/*}" >"$tmp/answer" || fail "no answer to GET $1"
	sed '1,/^\r$/d' "$tmp/answer" >"$tmp/body"
}

get /metrics
"$promtool" check metrics <"$tmp/body" >"$tmp/out" 2>&1 || fail "promtool finds faults in the text"
get / 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'
grep -q '^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8' "$tmp/answer" ||
    fail "OpenMetrics is not given to who asks for it"
[ "$(tail -n 1 "$tmp/body")" = '# EOF' ] || fail "the text is cut"
if command -v curl >/dev/null; then
	curl -sSf "http://127.0.0.1:$port/metrics" >"$tmp/body" 2>"$tmp/out" || fail "curl fails"
	grep -q '^porterd_service_accepted_total{service="web",address="tcp:127.0.0.1:'"$web"'"} 1$' "$tmp/body" ||
	    fail "curl gets other metrics"
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/nothing")" = 404 ] || fail "no 404"
	curl -sSfI "http://127.0.0.1:$port/metrics" >"$tmp/out" 2>&1 || fail "HEAD fails"
else
	skip_part "no curl"
fi

# Prometheus itself.
prometheus=$(PATH=$PATH:$peers/usr/bin command -v prometheus) || {
	skip_part "no prometheus"
	exit 0
}
cat >"$tmp/prometheus.yml" <<-END
	scrape_configs:
	  - job_name: porterd
	    scrape_interval: 1s
	    static_configs:
	      - targets: ['127.0.0.1:$port']
END
"$prometheus" --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/tsdb" \
    --web.listen-address="127.0.0.1:$server" >"$tmp/prometheus.log" 2>&1 &
pids="$pids $!"
scraped()
{
	"$promtool" query instant "http://127.0.0.1:$server" \
	    'up == 1 and on() porterd_service_start_seconds_bucket{service="metrics",le="+Inf"} > 0' | grep -q '=> 1 '
}
retry 30 scraped || {
	cp "$tmp/prometheus.log" "$tmp/out"
	fail "Prometheus does not scrape it"
}
