#!/usr/bin/env bash
# What happens to alerts when Rootline dies: nothing is lost. Real Prometheus, real Alertmanager with the shipped configuration, no
# cluster needed. Rootline is killed with SIGKILL between two alerts and started again.
#
# usage: death.sh [--keep]       ROOTLINE: path of the rootline binary       about 9 minutes, most of it waiting for copies to expire
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
keep=${1:-}
passed=0 failed=0
DATA=$PARTNERS
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@"; then echo "PASS $name"; passed=$((passed + 1)); else echo "FAIL $name"; failed=$((failed + 1)); fi
}
trap '[ "$keep" = --keep ] || { stop rootline KILL; "$HERE/down.sh"; }' EXIT

start_rootline() {
  printf 'daemon: {cluster: testbed}\nkubernetes: {enabled: false}\n' > "$DATA/rootline.yaml"
  start rootline "$ROOTLINE" run --config "$DATA/rootline.yaml" --data "$DATA/rootline" --listen "127.0.0.1:$ROOTLINE_PORT" \
    --prometheus "http://127.0.0.1:$PROMETHEUS_PORT" --alertmanager "http://127.0.0.1:$ALERTMANAGER_PORT"
  until_ok 60 "Rootline, see $LOG/rootline.log" inside curl -sf -m 2 -o /dev/null "http://127.0.0.1:$ROOTLINE_PORT/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }
}
# Alerts that can be turned on. Not by other rules and a reload: Prometheus 2 knows no Alertmanager for seconds after one, and sends
# what fires then a minute later.
ALERTS="DiskFull QueueStuck LateOne"
rules() { # each in a place of its own, so that none explains another
  echo "groups:"; echo "- name: made"; echo "  rules:"
  for a in $ALERTS; do
    echo "  - alert: $a"
    echo "    expr: max by (namespace, deployment) (made_alert{alert=\"$a\"}) == 1"
    echo "    labels: {severity: warning}"
    echo "    annotations: {summary: made by the test}"
  done
}
fires() { # NAME... : the alerts that fire from now on
  for a in "$@"; do printf 'made_alert{alert="%s",namespace="ns-%s",deployment="app-%s"} 1\n' "$a" "${a,,}" "${a,,}"; done > "$DATA/made.prom.new"
  mv "$DATA/made.prom.new" "$DATA/made.prom"
}
# What on-call was told by Alertmanager since a moment: "NAME direct" or "NAME copy" a line
told_since() {
  python3 - "$DATA/webhook.jsonl" "$1" <<'P'
import json, pathlib, sys
path, since = pathlib.Path(sys.argv[1]), float(sys.argv[2])
for line in path.read_text().splitlines() if path.exists() else []:
    m = json.loads(line)
    if m["at"] >= since and m["path"] == "/alertmanager":
        for a in m["body"]["alerts"]:
            if a["status"] == "firing":
                print(a["labels"]["alertname"], "copy" if a["labels"].get("rootline_role") else "direct")
P
}
was_told() { told_since "$1" | grep -x "$2" > /dev/null; }
never_told() { ! was_told "$1" "$2"; }
incidents() { inside curl -sf "http://127.0.0.1:$ROOTLINE_PORT/api/v1/incidents" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(*sorted(i["id"] for i in d.get("items", d.get("incidents", []))))'; }
now() { date +%s.%N; }

! alive holder || die "the cluster is up: testbed/down.sh first"
mkdir -p "$DATA"; rm -f "$DATA/webhook.jsonl" "$DATA/made.prom"; rules > "$DATA/made.yml"
SCRAPE=5s GROUP_INTERVAL=1m ROUTE_ROOTLINE=1 EXTRA_RULES=$DATA/made.yml "$HERE/partners.sh" start webhook alertmanager prometheus
start_rootline

t=$(now); fires DiskFull
check "with Rootline, on-call gets the enriched copy" until_ok 120 "the copy of DiskFull" was_told "$t" "DiskFull copy"
check "and not the direct alert beside it" never_told "$t" "DiskFull direct"
before=$(incidents)

t=$(now); stop rootline KILL
fires DiskFull QueueStuck
check "killed: a new alert reaches on-call the direct way" until_ok 90 "QueueStuck directly" was_told "$t" "QueueStuck direct"
check "killed: the older alert notifies directly once its copy has expired" until_ok 420 "DiskFull directly" was_told "$t" "DiskFull direct"

start_rootline
same_incident() { local after; after=$(incidents); [ -n "$before" ] && [ "${after%% *}" = "${before%% *}" ] || { echo "     before: $before, after: $after"; return 1; }; }
check "started again: the incident is the one from before" until_ok 60 "the incident from before" same_incident
t=$(now)
two() { [ "$(incidents | wc -w)" -eq 2 ]; }
check "and the alert of the time without it has one of its own" until_ok 120 "two incidents" two
fires DiskFull QueueStuck LateOne
check "and it enriches again" until_ok 120 "the copy of LateOne" was_told "$t" "LateOne copy"
check "without the direct one beside it" never_told "$t" "LateOne direct"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
