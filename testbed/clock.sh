#!/usr/bin/env bash
# The machine's clock is set a day ahead and back while the daemon runs, and over a restart. Its alerts come from a sender on the same
# clock. No cluster; ports and folders of its own, so that it runs beside a test bed that is up.
#
# usage: clock.sh [--keep]     ROOTLINE: path of the rootline binary     about three minutes; needs a C compiler
ROOTLINE_TESTBED_PORT=${ROOTLINE_TESTBED_PORT:-25800}
. "$(dirname "$0")/lib.sh"
. "$HERE/alone.sh"
keep=${1:-}
trap '[ "$keep" = --keep ] || { stop rootline KILL; stop sender KILL; stop webhook KILL; }; [ "$failed" -ne 0 ] || [ "$keep" = --keep ] || rm -rf "$WORK"' EXIT
mkdir -p "$RUN" "$LOG"
OURS=http://127.0.0.1:$ROOTLINE_PORT
DAY=86400
: > "$WORK/firing"

set_clock() { python3 -c 'import struct, sys; open(sys.argv[1], "r+b" if len(sys.argv) > 3 else "wb").write(struct.pack("<q", int(sys.argv[2])))' "$WORK/offset" "$@"; }
now() { python3 -c 'import struct, sys, time; print(int(time.time()) + struct.unpack("<q", open(sys.argv[1], "rb").read())[0])' "$WORK/offset"; }
fire() { echo "$1 $(now)" >> "$WORK/firing"; }
end() { sed -i "/^$1 /d" "$WORK/firing"; }
# Sends what fires again and again, with an end four minutes ahead, as Prometheus does.
cat > "$WORK/sender.py" <<'P'
import json, struct, sys, time, urllib.request
work, url = sys.argv[1:]
iso = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
known = {}
while True:
    clock = time.time() + struct.unpack("<q", open(work + "/offset", "rb").read())[0]
    firing = dict(line.split() for line in open(work + "/firing"))
    for name in [n for n in known if n not in firing]:
        del known[name]
    known.update(firing)
    body = [{"labels": {"alertname": n, "namespace": "shop", "deployment": n.lower(), "severity": "critical"},
             "startsAt": iso(int(s)), "endsAt": iso(clock + 240)} for n, s in known.items()]
    try:
        request = urllib.request.Request(url + "/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()
    except OSError:
        pass
    time.sleep(2)
P
told() { grep -q "\"alertname\": \"$1\"" "$WORK/webhook.jsonl"; }
messages() { wc -l < "$WORK/webhook.jsonl"; }
incidents() { curl -sf -m 5 "$OURS/api/v1/incidents?limit=100" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["items"]))'; }
open_ones() { metric 'rootline_incidents_open{severity="critical"}'; }
start_rootline() {
  start rootline env LD_PRELOAD="$WORK/clock.so" CLOCK_OFFSET="$WORK/offset" "$ROOTLINE" run --no-cluster --config "$WORK/rootline.yaml" \
    --data "$WORK/data" --listen "127.0.0.1:$ROOTLINE_PORT"
  until_ok 60 "Rootline, see $LOG/rootline.log" curl -sf -m 2 -o /dev/null "$OURS/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }
}

cc -shared -fPIC -O1 -o "$WORK/clock.so" "$HERE/clock.c" -ldl || die "a C compiler is needed"
set_clock 0
: > "$WORK/webhook.jsonl"
cat > "$WORK/rootline.yaml" <<C
daemon: {cluster: testbed, tick_s: 2}
notify:
- {name: on-call, kind: webhook, url: "http://127.0.0.1:$WEBHOOK_PORT/rootline", min_severity: warning}
C
start webhook python3 "$HERE/webhook.py" "$WEBHOOK_PORT" "$WORK/webhook.jsonl"
start sender python3 "$WORK/sender.py" "$WORK" "$OURS"
start_rootline

fire Before
check "an alert is told" until_ok 60 "a message" told Before
set_clock $DAY x
check "a day ahead: the jump is counted" until_ok 20 "a jump" is rootline_clock_jumps_total 1
fire Ahead
check "an alert of the new day is told" until_ok 60 "a message" told Ahead
set_clock 0 x
check "set back: the jump is counted" until_ok 20 "two jumps" is rootline_clock_jumps_total 2
fire Back
check "an alert of the true present is told at once, not in a day" until_ok 60 "a message" told Back
check "nobody was told anything twice: three incidents, $(messages) messages" test "$(messages)" -le 4
check "three incidents" test "$(incidents)" = 3
set_clock $((-DAY)) x
fire Behind
check "a day behind the truth: told as well" until_ok 60 "a message" told Behind
stop rootline KILL
set_clock 0 x
start_rootline
check "killed, and the clock put right meanwhile: $(incidents) incidents" test "$(incidents)" = 4
stop rootline KILL
set_clock $((-DAY)) x
start_rootline
fire Early
check "started on a clock behind what it remembers: told" until_ok 60 "a message" told Early
check "and still one incident each: $(incidents)" test "$(incidents)" = 5
check "$(messages) messages for five incidents" test "$(messages)" -le 7
echo "clock.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
