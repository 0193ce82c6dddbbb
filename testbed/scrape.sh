#!/usr/bin/env bash
# Rootline without a Prometheus of its own: it scrapes a real node exporter and writes what it derives to a real Prometheus, which is
# killed meanwhile. No cluster; ports and folders of its own, so that it runs beside a test bed that is up.
#
# usage: scrape.sh [--keep]     ROOTLINE: path of the rootline binary     about two minutes
ROOTLINE_TESTBED_PORT=${ROOTLINE_TESTBED_PORT:-25600}
. "$(dirname "$0")/lib.sh"
. "$HERE/alone.sh"
PARTNERS=$WORK/data
keep=${1:-}
trap '[ "$keep" = --keep ] || { stop rootline KILL; stop prometheus KILL; stop node_exporter KILL; }; [ "$failed" -ne 0 ] || [ "$keep" = --keep ] || rm -rf "$WORK"' EXIT
mkdir -p "$PARTNERS" "$RUN" "$LOG"
OURS=http://127.0.0.1:$ROOTLINE_PORT EXPORTER=http://127.0.0.1:$NODE_EXPORTER_PORT/metrics PROMETHEUS=http://127.0.0.1:$PROMETHEUS_PORT

start_exporter() {
  start node_exporter "$TRIXIE/usr/bin/prometheus-node-exporter" --web.listen-address=127.0.0.1:$NODE_EXPORTER_PORT --no-collector.systemd --no-collector.thermal_zone
  until_ok 30 "node exporter, see $LOG/node_exporter.log" curl -sf -m 5 -o /dev/null "$EXPORTER" || exit 1
}
start_prometheus() {
  start prometheus "$TRIXIE/usr/bin/prometheus" --config.file="$PARTNERS/prometheus.yml" --storage.tsdb.path="$PARTNERS/tsdb" \
    --web.console.templates="$TRIXIE/etc/prometheus/consoles" --web.console.libraries="$TRIXIE/etc/prometheus/console_libraries" \
    --web.enable-remote-write-receiver --web.listen-address=127.0.0.1:$PROMETHEUS_PORT
  until_ok 60 "Prometheus, see $LOG/prometheus.log" curl -sf -m 2 -o /dev/null "$PROMETHEUS/-/ready" || exit 1
}
points() { # EXPRESSION SECONDS : samples that Prometheus has of it
  curl -sf -m 5 -G "$PROMETHEUS/api/v1/query" --data-urlencode "query=$1[$2s]" | python3 -c 'import json, sys; print(sum(len(r["values"]) for r in json.load(sys.stdin)["data"]["result"]))'
}
has_points() { [ "$(points "$1" "$2")" -ge "$3" ]; }

[ -x "$TRIXIE/usr/bin/prometheus-node-exporter" ] || debs "$DEB_NODE_EXPORTER"
[ -x "$TRIXIE/usr/bin/prometheus" ] || debs "$DEB_PROMETHEUS"
echo 'global: {scrape_interval: 15s}' > "$PARTNERS/prometheus.yml"
cat > "$PARTNERS/rootline.yaml" <<C
daemon: {cluster: testbed, tick_s: 5}
detection: {core_interval_s: 5, interval_s: 10}
scrape: {targets: [{job: node-exporter, url: "$EXPORTER", node: worker-1}]}
remote_write: {url: "$PROMETHEUS/api/v1/write", interval_s: 5}
C
! curl -s -m 2 -o /dev/null "$EXPORTER" || die "something answers at $EXPORTER already: what an earlier run left?"
start_exporter
start_prometheus
start rootline "$ROOTLINE" run --no-cluster --config "$PARTNERS/rootline.yaml" --data "$PARTNERS/data" --listen "127.0.0.1:$ROOTLINE_PORT"
until_ok 60 "Rootline, see $LOG/rootline.log" curl -sf -m 2 -o /dev/null "$OURS/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }

source_up="rootline_source_up{kind=\"scrape\",source=\"node-exporter 127.0.0.1:$NODE_EXPORTER_PORT\"}"
ok='rootline_scrapes_total{job="node-exporter",result="ok"}'
check "the exporter is scraped again and again" until_ok 40 "three pages" at_least "$ok" 3
check "its source is up" is "$source_up" 1
check "series of the catalogue come of it" until_ok 60 "series" at_least rootline_series 8
wanted=$(metric 'rootline_scrape_samples_total{job="node-exporter"}') pages=$(metric "$ok")
check "only what is wanted is kept: $((wanted / pages)) of $(curl -sf "$EXPORTER" | grep -vc '^#') samples a page" test "$((wanted / pages))" -lt 400
check "what it derives is in Prometheus" until_ok 40 "points" has_points 'rootline_incidents_open{cluster="testbed",severity="error"}' 60 3

stop node_exporter KILL
check "a dead exporter is told" until_ok 40 "source down" is "$source_up" 0
start_exporter
check "and comes back" until_ok 40 "source up" is "$source_up" 1

stop prometheus KILL
sleep 20
check "samples wait while the receiver is dead" is 'rootline_remote_write_samples_total{result="dropped"}' 0
start_prometheus
# a point each 5 s, those of the time it was dead among them
check "they come when it is back, in order and without a gap" until_ok 60 "points" has_points 'rootline_incidents_open{cluster="testbed",severity="error"}' 35 7
check "none was refused" test -z "$(metric 'rootline_remote_write_samples_total{result="refused"}')"

echo "scrape.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
