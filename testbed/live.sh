#!/usr/bin/env bash
# What a recording cannot show: the live client against a real API server and a real Prometheus. Prints one line a check.
#
# usage: live.sh [--keep]      ROOTLINE: path of the rootline binary
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
WORK=$(mktemp -d); passed=0 failed=0
cleanup() { rm -rf "$WORK"; [ "${1:-}" = --keep ] || "$HERE/down.sh"; }
trap 'cleanup "${keep:-}"' EXIT
keep=${1:-}

check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$WORK/out" 2>&1; then echo "PASS $name"; passed=$((passed + 1))
  else echo "FAIL $name"; sed 's/^/     /' "$WORK/out" | tail -15; failed=$((failed + 1)); fi
}
ask() { "$ROOTLINE" diagnose --kubeconfig "$1" -o json "${@:2}"; }
firsts() { python3 -c 'import json,sys; print("\n".join(sorted(i["causes"][0]["code"]+" "+i["causes"][0]["entity"] if i["causes"] else "none" for i in json.load(sys.stdin)["incidents"])))'; }
gaps() { python3 -c 'import json,sys; print("\n".join(g["subject"] for g in json.load(sys.stdin)["gaps"]))'; }
has() { grep -qF -- "$1" <<< "$2" || { printf 'expected %s in:\n%s\n' "$1" "$2"; return 1; }; }
same() { [ "$1" = "$2" ] || { printf 'these differ:\n%s\n---\n%s\n' "$1" "$2"; return 1; }; }

"$HERE/down.sh"
"$HERE/up.sh" control node proxy kwok
kc apply -f "$HERE/faults/baseline.yaml" -f "$HERE/faults/oom/manifest.yaml" > /dev/null
killed() { kc -n ledger get events --field-selector reason=BackOff -o name | grep . && kc -n ledger get pods -o jsonpath='{..restartCount}' | grep -E '[2-9]' && ! kc -n ledger get pods --no-headers | grep ' Running '; }
until_ok 120 "a container killed for memory again and again" killed
until_ok 90 "healthy baseline" kc -n platform rollout status deployment/gateway --timeout=1s

# --- an account that sees one namespace, and nothing but what a reader needs there
kc -n ledger create serviceaccount reader > /dev/null
kc -n ledger create role reader --verb=get,list --resource=pods,pods/log,events,services,configmaps,deployments.apps,replicasets.apps,endpointslices.discovery.k8s.io > /dev/null
kc -n ledger create rolebinding reader --role=reader --serviceaccount=ledger:reader > /dev/null
token=$(kc -n ledger create token reader)
account() { # FILE TOKEN SERVER
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: "%s", certificate-authority: "%s"}}]\nusers: [{name: u, user: {token: "%s"}}]\ncontexts: [{name: c, context: {cluster: c, user: u, namespace: ledger}}]\n' "$3" "$KUBE/pki/ca.crt" "$2" > "$1"
}
server=https://127.0.0.1:$API_PORT
account "$WORK/reader.conf" "$token" "$server"
account "$WORK/expired.conf" "no.such.token" "$server"
account "$WORK/dead.conf" "$token" https://127.0.0.1:9
one_namespace() {
  local answer; answer=$(ask "$WORK/reader.conf" -n ledger)
  has "container.oom_killed deployment/ledger/statement-export" "$(firsts <<< "$answer")" && has nodes "$(gaps <<< "$answer")"
}
check "an account of one namespace names the cause and what it could not see" one_namespace

refused() { # CONFIG WORDS
  local said
  if said=$("$ROOTLINE" diagnose --kubeconfig "$1" 2>&1); then echo "exit 0: $said"; return 1; fi
  has "$2" "$said"
}
check "a stale token is told as such" refused "$WORK/expired.conf" "log in again"
check "a server that is not there is told as such" refused "$WORK/dead.conf" "Connection refused"

recorded() {
  "$ROOTLINE" record --kubeconfig "$KUBECONFIG_ADMIN" -o "$WORK/now.rootline" || return 1
  same "$(ask "$KUBECONFIG_ADMIN" | firsts)" "$("$ROOTLINE" diagnose "$WORK/now.rootline" -o json | firsts)"
}
check "a recording is diagnosed as the cluster was" recorded
narrowed() { same "container.oom_killed deployment/ledger/statement-export" "$(ask "$KUBECONFIG_ADMIN" -n ledger deploy/statement-export | firsts)"; }
check "narrowed to one deployment" narrowed
plugin() { mkdir "$WORK/bin" && cp "$ROOTLINE" "$WORK/bin/kubectl-rootline" && PATH=$WORK/bin:$PATH "$BIN/kubectl" rootline version; }
check "a kubectl plugin" plugin

# --- a real Prometheus: an alert that fires, and then no server at all
printf 'groups: [{name: g, rules: [{alert: etcdHighFsyncDurations, expr: "vector(1)", labels: {severity: warning, job: etcd}, annotations: {summary: "etcd fsync takes 1.2 s"}}]}]\n' > "$WORK/rules.yml"
SCRAPE=1s EXTRA_RULES=$WORK/rules.yml "$HERE/partners.sh" start prometheus
url=http://127.0.0.1:$PROMETHEUS_PORT
until_ok 30 "a firing alert" bash -c "curl -s $url/api/v1/alerts | grep etcdHighFsync"
metrics() { has "etcd.slow_disk" "$(ask "$KUBECONFIG_ADMIN" --prometheus "$url" | firsts)"; }
check "an alert of Prometheus becomes a cause" metrics
kept() {
  "$ROOTLINE" record --kubeconfig "$KUBECONFIG_ADMIN" --prometheus "$url" --force -o "$WORK/now.rootline" || return 1
  has "etcd.slow_disk" "$("$ROOTLINE" diagnose "$WORK/now.rootline" -o json | firsts)"
}
check "what Prometheus said is in the recording" kept
silent() {
  local answer; answer=$(ask "$KUBECONFIG_ADMIN" --prometheus http://127.0.0.1:9)
  has "container.oom_killed" "$(firsts <<< "$answer")" && has "metrics of http://127.0.0.1:9" "$(gaps <<< "$answer")"
}
check "without Prometheus the rest is answered and the gap is named" silent

# --- a thousand pods, and how often each kind is listed
kc delete -f "$HERE/faults/oom/manifest.yaml" --wait=false > /dev/null
python3 "$HERE/fakenodes.py" 20 1000 | kc apply --server-side -f - > /dev/null
running() { [ "$(kc get pods -l fake --no-headers 2>/dev/null | grep -c Running)" -ge 1000 ]; }
until_ok 180 "1,000 pods" running
until_ok 60 "rollouts that have settled" kc wait deployment -l fake --for=condition=Available --timeout=20s
lists() { kc get --raw /metrics | awk '/^apiserver_request_total\{.*verb="LIST"/ {n += $NF} END {print n+0}'; }
thousand() {
  local before after start end
  before=$(lists); start=$(date +%s%N)
  "$ROOTLINE" diagnose --kubeconfig "$KUBECONFIG_ADMIN" -o json > "$WORK/thousand.json" || return 1
  end=$(date +%s%N); after=$(lists)
  echo "$(((end - start) / 1000000)) ms for 1,000 pods over the API (bar 3,000), $((after - before)) list requests in the meantime, those of the cluster itself included" | tee "$WORK/figure"
  # 36 kinds, three pages of pods at most, and a few of the controllers' own
  [ $((after - before)) -le 60 ]
}
check "a thousand pods: one list a kind" thousand
cat "$WORK/figure"
quiet() { same "" "$(firsts < "$WORK/thousand.json")"; }
check "a thousand healthy pods: nothing is wrong" quiet

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
