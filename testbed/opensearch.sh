#!/usr/bin/env bash
# Rootline and a real OpenSearch: events become documents, once each, also when OpenSearch was away or the daemon was killed; and the
# log lines that count are read from it, each once.
#
# usage: opensearch.sh      ROOTLINE (target/release/rootline), needs Java 17, Maven, jq, curl; no cluster
NAME=opensearch PORT_SHIFT=20
. "$(dirname "$0")/pipes.sh"
SEARCH_PORT=$((OWN_PORT + 1)) TRANSPORT_PORT=$((OWN_PORT + 2))
SEARCH=http://127.0.0.1:$SEARCH_PORT
jars opensearch "opensearch=$OPENSEARCH"
trap 'over search' EXIT
mkdir -p "$WORK/classes"
javac -cp "$JARS/*" -d "$WORK/classes" "$HERE/jvm/OpenSearch.java"
search() {
  (cd "$WORK" && outside search java -Xms256m -Xmx512m -XX:+UseSerialGC -Djava.awt.headless=true -Dlog4j2.disable.jmx=true \
    -cp "$WORK/classes:$JARS/*" OpenSearch "$WORK/data" "$SEARCH_PORT" "$TRANSPORT_PORT")
  until_ok 120 "OpenSearch, see $LOG/search.log" curl -sf -m 2 -o /dev/null "$SEARCH/_cluster/health?wait_for_status=yellow" || exit 1
}
count() { curl -sf -m 5 -o /dev/null -X POST "$SEARCH/$1/_refresh"; curl -sf -m 5 "$SEARCH/$1/_count?q=$2" | jq .count; }
is() { [ "$(count "$1" "$2")" = "$3" ]; }
log_lines() { # SECONDS_AGO COUNT NAMESPACE TEXT [LEVEL] : so many documents as Fluent Bit writes them, a microsecond apart
  python3 - "$@" <<'P' | curl -sf -m 30 -o /dev/null -X POST -H 'Content-Type: application/x-ndjson' --data-binary @- "$SEARCH/_bulk?refresh=true"
import datetime, json, sys
ago, count, namespace, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)
for i in range(count):
    at = start + datetime.timedelta(microseconds=i)
    document = {"@timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "log": text.replace("@", str(i)), "stream": "stderr",
                "kubernetes": {"namespace_name": namespace, "pod_name": "cart-5c689d88bb-x7f2k", "container_name": "app"}}
    if len(sys.argv) > 5:
        document["level"] = sys.argv[5]
    print(json.dumps({"create": {"_index": "logs-pods"}}), json.dumps(document), sep="\n")
P
}
read_lines() { # RESULT : how many lines of logs were read to this end
  curl -sf -m 5 "$API/metrics" | awk -v r="result=\"$1\"" '/^rootline_log_lines_read_total/ && index($0, r) {s += $NF} END {print s + 0}'
}
has_read() { [ "$(read_lines "$1")" = "$2" ]; }
reads_again() { [ "$(read_lines taken)" -ge "$1" ]; }

search
# times are times; a document that says something else is refused alone
curl -sf -m 30 -o /dev/null -X PUT -H 'Content-Type: application/json' "$SEARCH/_index_template/events" -d '{"index_patterns":["events-*"],
  "template":{"mappings":{"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"reason":{"type":"integer"}}}}}}}'
curl -sf -m 30 -o /dev/null -X PUT -H 'Content-Type: application/json' "$SEARCH/_index_template/stream" -d '{"index_patterns":["stream*"],"data_stream":{}}'
cat > "$WORK/rootline.yaml" <<C
daemon: {tick_s: 2}
logs_from: {elasticsearch: {url: "$SEARCH", namespaces: [shop], every_s: 5, overlap_s: 60}}
forward:
  elasticsearch:
  - {name: search, url: "$SEARCH", index: "k8s-%Y.%m"}
  - {name: stream, url: "$SEARCH", index: stream-k8s}
  - {name: picky, url: "$SEARCH", index: events-picky}
C
rootline
for i in 1 2 3; do push_event "e$i" 1; done
check 60 "events are documents" is 'k8s-*' event.involvedObject.name:cart-1 3
check 30 "also in a data stream" is stream-k8s event.involvedObject.name:cart-1 3
push_event e1 5
check 30 "a repetition is one more document with what was before" is 'k8s-*' old_event.count:1 1
check 30 "documents that the mapping refuses are dropped and counted" at_least 'rootline_pipe_dropped_items_total{pipe="picky",reason="refused"}' 4

say "opensearch.sh: logs"
log_lines 0 30 shop 'cannot connect to db-@: connection refused' error
log_lines 0 2500 shop 'ERROR payment @ refused'      # more than a page, of one moment to a millisecond
log_lines 0 200 shop 'served request @' info
log_lines 0 5 shop 'no error found in batch @' info
log_lines 0 40 ledger 'cannot post entry @' error
check 60 "errors of the namespace are read, page by page" has_read taken 2530
check 30 "a line that only speaks of errors is left out by its level" has_read below_level 5
check 10 "lines become templates" at_least rootline_log_templates 2
log_lines 40 7 shop 'late line @' error
check 30 "late lines are found" has_read taken 2537

say "opensearch.sh: the daemon forgets how far it was"
stop rootline KILL
python3 - "$WORK/store/history.db" <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute("DELETE FROM cursor"); db.commit()
P
rootline
check 60 "it sends all again" at_least 'rootline_pipe_passed_items_total{pipe="stream"}' 3
check 10 "and nothing is there twice" is stream-k8s event.involvedObject.name:cart-1 4

say "opensearch.sh: OpenSearch goes away"
stop search
for i in $(seq 10 19); do push_event "e$i" 1; done
check 60 "the state says so" source_says search 'reached|broke|answer'
search
log_lines 0 20 shop 'after the restart @' error
check 90 "lines are read again" reads_again 20
check 150 "what happened meanwhile is there, once" is stream-k8s event.involvedObject.name:cart-1 14
check 60 "the state is well again" source_says search '^$'
finish
