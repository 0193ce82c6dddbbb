#!/usr/bin/env bash
# Rootline reads the lines that a real Loki keeps: those that count, each once, also when Loki dies, lines come late, or Rootline is
# killed; a real Promtail pushes the lines of pods to Rootline as it would to Loki; a real rsyslog and the official client of Elasticsearch
# write to it as they would to Elasticsearch. No cluster; ports and folders of its own, so that it runs beside a test bed that is up.
#
# usage: logs.sh [--keep]       ROOTLINE: path of the rootline binary       about two minutes, without the first builds of Loki and Promtail
ROOTLINE_TESTBED_PORT=${ROOTLINE_TESTBED_PORT:-25000}
. "$(dirname "$0")/lib.sh"
. "$HERE/alone.sh"
PARTNERS=$WORK/data
keep=${1:-}
trap '[ "$keep" = --keep ] || { stop rootline KILL; stop loki KILL; stop promtail KILL; stop rsyslog KILL; }; [ "$failed" -ne 0 ] || [ "$keep" = --keep ] || rm -rf "$WORK"' EXIT
mkdir -p "$PARTNERS" "$RUN" "$LOG"
LOKI=http://127.0.0.1:$LOKI_PORT
OURS=http://127.0.0.1:$ROOTLINE_PORT

start_loki() {
  start loki "$BIN/loki" -config.file="$PARTNERS/loki.yml"
  until_ok 60 "Loki, see $LOG/loki.log" curl -sf -m 2 -o /dev/null "$LOKI/ready" || exit 1
}
start_rootline() {
  start rootline "$ROOTLINE" run --no-cluster --config "$PARTNERS/rootline.yaml" --data "$PARTNERS/data" --listen "127.0.0.1:$ROOTLINE_PORT"
  until_ok 60 "Rootline, see $LOG/rootline.log" curl -sf -m 2 -o /dev/null "$OURS/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }
}
push() { # SECONDS_AGO COUNT TEXT : so many lines of one pod, a microsecond apart
  python3 - "$LOKI" "$@" <<'P'
import json, sys, time, urllib.request
loki, ago, count, text = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
start = time.time_ns() - ago * 10**9
values = [[str(start + i * 1000), text.replace("@", str(i))] for i in range(count)]
body = {"streams": [{"stream": {"namespace": "shop", "pod": "cart-5c689d88bb-x7f2k", "container": "app"}, "values": values}]}
request = urllib.request.Request(loki + "/loki/api/v1/push", json.dumps(body).encode(), {"Content-Type": "application/json"})
urllib.request.urlopen(request, timeout=10).read()
P
}
read_lines() { metric "rootline_log_lines_read_total{result=\"$1\",source=\"loki\"}"; }
has_read() { [ "$(read_lines "$1")" = "$2" ]; }
up() { [ "$(metric "rootline_source_up{kind=\"loki\",source=\"$LOKI\"}")" = "$1" ]; }
stays() { sleep 12; has_read taken "$1"; }   # two more questions

"$HERE/build-partners.sh" loki
sed -e "s#@DATA@#$PARTNERS#g; s#@LOKI_PORT@#$LOKI_PORT#g; s#@LOKI_GRPC_PORT@#$LOKI_GRPC_PORT#g" "$HERE/partners/loki.yml" > "$PARTNERS/loki.yml"
printf 'logs_from: {loki: {url: "%s", every_s: 5, overlap_s: 60, namespaces: [shop]}}\n' "$LOKI" > "$PARTNERS/rootline.yaml"
start_loki
start_rootline

push 0 30 'level=error msg="cannot connect to db-@" err="connection refused"'
push 0 10 'level=warn msg="retry @ of a payment"'
push 0 200 'level=info msg="served request @"'
push 0 5 'level=info msg="no error found in batch @"'
check "errors and warnings are read, the rest is not" until_ok 40 "40 lines" has_read taken 40
check "a line that only speaks of errors is left out by its level" until_ok 15 "5 lines" has_read below_level 5
check "nothing counts twice" stays 40
check "the source is up" up 1
check "lines become templates" test "$(metric rootline_log_templates)" -ge 2

push 40 7 'level=error msg="late line @"'
check "late lines are found" until_ok 30 "47 lines" has_read taken 47

stop loki KILL
check "a dead Loki is told" until_ok 40 "source down" up 0
start_loki
push 0 20 'level=error msg="after the restart @"'
check "reading goes on when Loki is back" until_ok 90 "67 lines" has_read taken 67
check "nothing counts twice after it" stays 67

stop rootline KILL
push 0 10 'level=error msg="nobody looked @"'
start_rootline
check "what came while Rootline was dead is read, what it had read is not" until_ok 40 "10 lines" has_read taken 10
check "and stays so" stays 10

# --- Promtail, with Rootline's address in the place of Loki's
"$HERE/build-partners.sh" promtail
pods=$WORK/pods file=$WORK/pods/shop_cart-5c689d88bb-x7f2k_0123/app/0.log
mkdir -p "$(dirname "$file")"
lines() { # COUNT LEVEL TEXT : lines as containerd writes them
  python3 - "$file" "$@" <<'P'
import sys, time
path, count, level, text = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
with open(path, "a") as out:
    for i in range(count):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".%09dZ" % (time.time_ns() % 10**9)
        out.write(f"{at} stderr F level={level} msg=\"{text.replace('@', str(i))}\"\n")
P
}
pushed='rootline_receiver_accepted_items_total{receiver="loki"}'
has_pushed() { [ "$(metric "$pushed")" = "$1" ]; }
sed -e "s#@PROMTAIL_PORT@#$PROMTAIL_PORT#g; s#@DATA@#$PARTNERS#g; s#@LOGS_TO@#$OURS#g; s#@PODS@#$pods#g" "$HERE/partners/promtail.yml" > "$PARTNERS/promtail.yml"
known=$(metric rootline_log_templates)
lines 50 error "payment @ refused: card expired"
start promtail "$BIN/promtail" -config.file="$PARTNERS/promtail.yml"
check "Promtail's lines are taken" until_ok 40 "50 lines" has_pushed 50
check "and become a template" until_ok 20 "another template" at_least rootline_log_templates $((known + 1))
stop rootline KILL
lines 30 error "payment @ refused: card expired"
sleep 3
start_rootline
check "what Promtail could not push while Rootline was dead comes afterwards, once" until_ok 60 "30 lines" has_pushed 30

# --- rsyslog, with Rootline's address in the place of Elasticsearch's
[ -f "$BOOKWORM/usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so" ] || debs "$DEB_RSYSLOG"
modules=$BOOKWORM/usr/lib/x86_64-linux-gnu
mkdir -p "$WORK/spool"
cat > "$PARTNERS/rsyslog.conf" <<C
global(workDirectory="$WORK/spool")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="document" type="string" string="{\"@timestamp\":\"%timegenerated:::date-rfc3339%\",\"log\":\"%msg:::json%\",\"kubernetes\":{\"namespace_name\":\"shop\",\"pod_name\":\"cart-5c689d88bb-x7f2k\",\"container_name\":\"app\"}}")
template(name="index" type="string" string="logs-%timegenerated:1:10:date-rfc3339%")
input(type="imfile" File="$WORK/app.log" Tag="app")
action(type="omelasticsearch" server="127.0.0.1" serverport="$ROOTLINE_PORT" template="document" searchIndex="index" dynSearchIndex="on" searchType=""
  bulkmode="on" errorfile="$WORK/rsyslog.errors" action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="linkedlist" queue.dequeuebatchsize="500")
C
pushed='rootline_receiver_accepted_items_total{receiver="elasticsearch"}'
say_lines() { local i; for i in $(seq "$1"); do echo "ERROR cannot open the ledger of \"customer $i\""; done >> "$WORK/app.log"; }
known=$(metric rootline_log_templates)
say_lines 600
start rsyslog env LD_LIBRARY_PATH="$modules" "$BOOKWORM/usr/sbin/rsyslogd" -n -f "$PARTNERS/rsyslog.conf" -i "$WORK/rsyslog.pid" -M "$modules/rsyslog"
check "rsyslog's lines are taken" until_ok 40 "600 lines" has_pushed 600
check "and become a template" until_ok 20 "another template" at_least rootline_log_templates $((known + 1))
stop rootline KILL
say_lines 30
sleep 3
start_rootline
check "what rsyslog could not write while Rootline was dead comes afterwards, once" until_ok 60 "30 lines" has_pushed 30
check "rsyslog had nothing refused" test ! -s "$WORK/rsyslog.errors"

# --- the official client, which asks who answers it first
client=$TB/venv/elasticsearch-$ELASTICSEARCH_CLIENT
if [ ! -x "$client/bin/python" ]; then
  python3 -m venv "$client"
  "$client/bin/pip" install -q "elasticsearch==$ELASTICSEARCH_CLIENT"
fi
"$client/bin/python" - "$OURS" > "$LOG/client.log" 2>&1 <<'P' || true
import sys
from elasticsearch import Elasticsearch, helpers
server = Elasticsearch(sys.argv[1], http_compress=True)
print("version", server.info()["version"]["number"])
document = {"message": "ERROR no route to host", "log": {"level": "error"}, "kubernetes": {"namespace": "shop", "pod": {"name": "cart-5c689d88bb-x7f2k"}}}
actions = [{"_op_type": "create", "_index": "logs-app", **document} for _ in range(1200)]
print("written", *helpers.bulk(server, actions))
done, errors = helpers.bulk(server, [{"_op_type": "delete", "_index": "logs-app", "_id": "1"}], raise_on_error=False)
print("deleted", done, len(errors))
P
check "the official client of Elasticsearch writes, and is told what is not done" test "$(tail -n +2 "$LOG/client.log" | tr '\n' ' ')" = "written 1200 [] deleted 0 1 "
check "its lines are taken" until_ok 20 "1200 more lines" has_pushed 1230

echo "logs.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
