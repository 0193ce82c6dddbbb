#!/usr/bin/env bash
# The daemon among its real partners: Kubernetes, Prometheus, Alertmanager, kube-state-metrics, node exporter, a webhook receiver.
# Makes faults happen, waits for the message with the right cause, takes the time from the first symptom that the API shows, then
# wants every incident to be over, and then silence.
#
# usage: run.sh [--only NAME]... [--keep]
# ROOTLINE     path of the rootline binary
# QUIET_S      length of the quiet time at the end (default 180; the bar is an hour: QUIET_S=3600)
# BAR_S        median from symptom to message (default 45)
# NO_POD_LOGS  set: the account may not read logs; what the collector pushes stands in for them
# RULES_FOR    cuts every rule's `for:` down, so that alerts take part in a short test (default 30s; "" keeps the real ones)
. "$(dirname "$0")/lib.sh"
. "$HERE/faults.sh"

# Those on one node's pods first; the one that takes the node away last.
FAULTS="image-not-found oom exit-127 secret-missing configmap-missing unschedulable-cpu service-selector readiness-port rollout-bad-image storage-class-missing quota kubelet-down"
keep="" only=""
while [ $# -gt 0 ]; do
  case $1 in
    --only) [ -f "$HERE/faults/${2:?--only wants a name}/fault.json" ] || die "no fault '$2' in faults/"; only="$only $2"; shift ;;
    --keep) keep=1 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
[ -z "$only" ] || FAULTS=$only
export RULES_FOR=${RULES_FOR-30s}
passed=0 failed=0
DATA=$PARTNERS
pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
told() { python3 "$HERE/told.py" "$1" "$DATA" "${@:2}"; }

# The account that deploy/kubernetes ships, with its rights and no more.
account() {
  "$BIN/kubectl" kustomize "$HERE/../deploy/kubernetes/base" | python3 -c '
import re, sys
wanted = re.compile(r"^kind: (Namespace|ServiceAccount|(Cluster)?Role(Binding)?)$", re.M)
print("---\n".join(d for d in re.split(r"^---\n", sys.stdin.read(), flags=re.M) if wanted.search(d)))' |
    sed "s#pods/log#${NO_POD_LOGS:+no-}pods/log#" | kc apply -f - > /dev/null
  local token; token=$(kc -n rootline create token rootline --duration=24h)
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:%s", certificate-authority: "%s"}}]\nusers: [{name: u, user: {token: "%s"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n' \
    "$API_PORT" "$KUBE/pki/ca.crt" "$token" > "$DATA/reader.conf"
}

start_rootline() {
  mkdir -p "$DATA"
  account
  cat > "$DATA/rootline.yaml" <<C
daemon: {cluster: testbed, external_url: "http://127.0.0.1:$ROOTLINE_PORT"}
notify:
- {name: on-call, kind: webhook, url: "http://127.0.0.1:$WEBHOOK_PORT/rootline", min_severity: warning}
C
  start rootline "$ROOTLINE" run --config "$DATA/rootline.yaml" --data "$DATA/rootline" --listen "127.0.0.1:$ROOTLINE_PORT" \
    --prometheus "http://127.0.0.1:$PROMETHEUS_PORT" --alertmanager "http://127.0.0.1:$ALERTMANAGER_PORT" --kubeconfig "$DATA/reader.conf"
  until_ok 60 "Rootline, see $LOG/rootline.log" inside curl -sf -m 2 -o /dev/null "http://127.0.0.1:$ROOTLINE_PORT/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }
}

clear_fault() { # FOLDER
  local cleanup; cleanup=$(field "$1/fault.json" cleanup)
  [ -z "$cleanup" ] || (cd "$1" && set +e && eval "$cleanup") >> "$LOG/run-faults.log" 2>&1 || true
  kc delete -f "$1/manifest.yaml" --ignore-not-found --wait=false > /dev/null
  until_ok 120 "namespaces gone" namespaces_gone
  until_ok 120 "healthy baseline" baseline_ready
}

inject() { # FOLDER : sets since to when trouble can begin
  local setup inject
  setup=$(field "$1/fault.json" setup); inject=$(field "$1/fault.json" inject)
  since=$(date +%s.%N)
  (cd "$1" && eval "${setup:-true}" && kc apply -f manifest.yaml) >> "$LOG/run-faults.log" 2>&1 || return 1
  [ -n "$inject" ] || return 0
  (cd "$1" && eval "$inject") >> "$LOG/run-faults.log" 2>&1 || return 1
  since=$(awk -v t="$(date +%s.%N)" 'BEGIN {printf "%.3f", t - 2}')       # what came before was the way to a healthy start
}

run_fault() { # NAME
  local dir=$HERE/faults/$1 said since
  if ! inject "$dir"; then # a healthy start that takes too long, on a busy machine
    clear_fault "$dir"
    inject "$dir" || { fail "$1: could not be injected, see $LOG/run-faults.log"; clear_fault "$dir"; return; }
  fi
  if said=$(told wait "$since" 240 "$dir/fault.json"); then pass "$1: $said, $(expectation "$dir/fault.json")"
  else fail "$1: wanted $(expectation "$dir/fault.json"), told: $said"; fi
  clear_fault "$dir"
}

"$HERE/down.sh"
trap '[ -n "$keep" ] || "$HERE/down.sh"' EXIT
"$HERE/up.sh" control node proxy ksm
kc apply -f "$HERE/faults/baseline.yaml" > /dev/null
until_ok 120 "healthy baseline" baseline_ready
ROUTE_ROOTLINE=1 "$HERE/partners.sh" start webhook alertmanager node_exporter prometheus
start_rootline
LOGS_TO=http://127.0.0.1:$ROOTLINE_PORT "$HERE/partners.sh" start collector       # the pods' logs, by OTLP
python3 "$HERE/symptoms.py" "https://127.0.0.1:$API_PORT" "$KUBE/pki/ca.crt" admin "$DATA/symptoms.jsonl" &
observer=$!
trap 'kill $observer 2>/dev/null; [ -n "$keep" ] || "$HERE/down.sh"' EXIT

sleep 30        # two scrapes
began=$(date +%s.%N)
for name in $FAULTS; do run_fault "$name"; done
if said=$(told resolved "$began" 480); then pass "everything is told to be over: $said"; else fail "everything is told to be over: $said"; fi
if said=$(told table "$began" "${BAR_S:-45}"); then pass "in time: $said"; else fail "in time: $said"; fi

if python3 "$HERE/../deploy/grafana/queries.py" "http://127.0.0.1:$PROMETHEUS_PORT" --data '^(Ready|Version|Sources|Alerts that fire|Queue)$' > "$LOG/queries.log" 2>&1; then
  pass "dashboards: $(tail -1 "$LOG/queries.log")"
else fail "dashboards: $(tail -3 "$LOG/queries.log")"; fi

# Of which kind and how many: what reached the daemon through its receivers
taken() { inside curl -s "http://127.0.0.1:$ROOTLINE_PORT/metrics" | awk -F'[{}" ]+' '/^rootline_receiver_accepted_items_total/ {printf "%s %s, ", $3, $NF; if ($3 ~ /log/ && $NF > 0) logs = 1} END {exit !logs}'; }
if said=$(taken); then pass "logs come in: ${said%, }"; else fail "logs come in: ${said%, }, see $LOG/collector.log"; fi

quiet=$(date +%s.%N)
sleep "${QUIET_S:-180}"
if said=$(told quiet "$quiet"); then pass "quiet for ${QUIET_S:-180} s: $said"; else fail "quiet for ${QUIET_S:-180} s: $said"; fi
if alive rootline; then pass "still there, $(awk '/VmHWM/ {printf "%d MiB at most", $2 / 1024}' "/proc/$(pid_of rootline)/status"), $(ps -o cputimes= -p "$(pid_of rootline)" | tr -d ' ') CPU seconds in $(ps -o etimes= -p "$(pid_of rootline)" | tr -d ' ') s"
else fail "Rootline ended, see $LOG/rootline.log"; fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
