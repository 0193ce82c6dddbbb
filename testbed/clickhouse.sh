#!/usr/bin/env bash
# Rootline and ClickHouse's real engine: series, events, logs and incidents become rows; the engine goes away and comes back,
# what fits into the buffer is there afterwards, and events all are.
#
# usage: clickhouse.sh      ROOTLINE (target/release/rootline), needs python3 with venv, jq, curl; no cluster
NAME=clickhouse PORT_SHIFT=10
. "$(dirname "$0")/pipes.sh"
HOUSE_PORT=$((OWN_PORT + 1))
HOUSE=http://127.0.0.1:$HOUSE_PORT
trap 'over house' EXIT

VENV=$TB/venv/chdb-$CHDB
if [ ! -e "$VENV/ready" ]; then
  say "clickhouse.sh: installing chdb $CHDB (the engine, half a gigabyte)"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install -q "chdb==$CHDB"
  touch "$VENV/ready"
fi
house() {
  outside house "$VENV/bin/python" "$HERE/clickhouse.py" "$HOUSE_PORT" "$WORK/house"
  until_ok 60 "the engine, see $LOG/house.log" curl -sf -m 2 -o /dev/null "$HOUSE/ping" || exit 1
}
ask() { curl -sS -m 20 -X POST --get --data-urlencode "query=$1" "$HOUSE/" | sed 's/[[:space:]]*$//'; }
is() { [ "$(ask "$1")" = "$2" ]; }
some() { [ "$(ask "$1")" -ge "$2" ] 2> /dev/null; }

house
say "clickhouse.sh: the engine is $(ask 'SELECT version()')"
cat > "$WORK/rootline.yaml" <<C
daemon: {tick_s: 2, cluster: testbed}
retention: {events_days: 30, incidents_days: 365, series_days: 15}
forward:
  clickhouse: {enabled: true, url: "$HOUSE", database: rootline_test}
C
D=rootline_test
rootline
check 30 "the five tables are made" is "SELECT count() FROM system.tables WHERE database = '$D'" 5
check 10 "rows last as long as the retention says" is "SELECT count() FROM system.tables WHERE database = '$D' AND (engine_full LIKE '%toIntervalDay(30)%' OR engine_full LIKE '%toIntervalDay(365)%' OR engine_full LIKE '%toIntervalDay(15)%')" 5

push_event e1 1; push_event e2 1
check 30 "events are rows" is "SELECT count() FROM $D.events FINAL WHERE ns = 'shop' AND kind = 'pod' AND name = 'cart-1' AND reason = 'BackOff' AND cluster = 'testbed'" 2
push_event e1 7
check 30 "a repetition is one more row" is "SELECT groupArray(count) FROM (SELECT count FROM $D.events FINAL WHERE uid = 'e1' ORDER BY count)" "[1,7]"
curl -sf -m 5 -X POST -H 'Content-Type: application/json' -d "[$(alert House1 shop)]" "$API/api/v2/alerts"
check 60 "an incident is a row for each version" some "SELECT count() FROM $D.incidents FINAL WHERE stage = 'open' AND positionCaseInsensitive(body, 'House1') > 0" 1
ID=$(ask "SELECT id FROM $D.incidents LIMIT 1")
curl -sf -m 5 -o /dev/null -X POST "$API/api/v1/incidents/$ID/ack"
check 30 "an acknowledgement is its next version" some "SELECT max(version) FROM $D.incidents WHERE id = $ID" 2
lines() { # NUMBER TEXT : pushed as a shipper would
  local i; for i in $(seq "$1"); do printf '{"create":{"_index":"logs"}}\n{"@timestamp":"%s","log":"ERROR %s %s","kubernetes":{"namespace_name":"shop","pod_name":"cart-1","container_name":"app"}}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$i"; done |
    curl -sf -m 5 -o /dev/null -X POST -H 'Content-Type: application/x-ndjson' --data-binary @- "$API/_bulk"
}
lines 200 first
check 30 "log records are rows" some "SELECT count() FROM $D.logs WHERE ns = 'shop' AND pod = 'cart-1' AND level = 'error' AND message LIKE '%first%'" 199
sample() { # NAME VALUE : one point, as an OpenTelemetry exporter sends it
  printf '{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"%s","gauge":{"dataPoints":[{"timeUnixNano":"%s","asDouble":%s,"attributes":[{"key":"namespace","value":{"stringValue":"shop"}}]}]}}]}]}]}' \
    "$1" "$(date +%s%N)" "$2" | curl -sf -m 5 -o /dev/null -X POST -H 'Content-Type: application/json' --data-binary @- "$API/v1/metrics"
}
sample rootline:made_up 4.25
check 30 "a sample of the kept series is a row, with its labels beside it" is "SELECT v, n.labels['namespace'], n.labels['cluster'] FROM $D.samples s JOIN (SELECT * FROM $D.series FINAL) n ON n.series = s.series WHERE n.name = 'rootline:made_up'" $'4.25\tshop\ttestbed'

say "clickhouse.sh: the engine goes away"
stop house
push_event e3 1
lines 200 second
check 60 "the state says so" source_says clickhouse 'reached|ClickHouse|fails|broke'
house
check 150 "log records that waited are there" some "SELECT count() FROM $D.logs WHERE message LIKE '%second%'" 199
check 150 "the event of that time is there" is "SELECT count() FROM $D.events FINAL WHERE uid = 'e3'" 1
check 150 "the state is well again" source_says clickhouse '^$'

say "clickhouse.sh: the tables are dropped"
ask "DROP DATABASE $D" > /dev/null
push_event e4 1
lines 20 third
check 150 "tables are made again and rows go on" some "SELECT count() FROM $D.logs WHERE message LIKE '%third%'" 19
check 150 "events go on" is "SELECT count() FROM $D.events FINAL WHERE uid = 'e4'" 1

say "clickhouse.sh: down for longer than the buffer lasts"
stop house
for n in $(seq 60); do
  head -c 12000 /dev/zero | tr '\0' x > "$WORK/long"
  for i in $(seq 60); do printf '{"create":{"_index":"logs"}}\n{"@timestamp":"%s","log":"ERROR fourth %s %s %s","kubernetes":{"namespace_name":"shop","pod_name":"cart-%s"}}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$n" "$i" "$(cat "$WORK/long")" "$i"; done |
    curl -s -m 5 -o /dev/null -X POST -H 'Content-Type: application/x-ndjson' --data-binary @- "$API/_bulk"
done
check 60 "what does not fit is counted" at_least 'rootline_pipe_dropped_items_total{pipe="clickhouse:logs",reason="buffer_full"}' 1
check 10 "the daemon answers all the while" curl -sf -m 2 -o /dev/null "$API/api/v1/status"
say "clickhouse.sh: memory $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$(pid_of rootline)/status") MiB"
house
check 150 "and rows go on" some "SELECT count() FROM $D.logs WHERE message LIKE '%fourth%'" 100
finish
