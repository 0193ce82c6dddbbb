#!/usr/bin/env bash
# The continuous watch and the leader election against a real API server: changes, restarts, compaction, small accounts,
# two replicas. Prints one line a check, as `cargo test` does.
#
# usage: watch.sh [--keep]      FOLLOW: path of the probe (cargo build -p rootline-sources --example follow --release)
. "$(dirname "$0")/lib.sh"
[ -x "${FOLLOW:-}" ] || die "set FOLLOW to the probe: cargo build -p rootline-sources --example follow --release"
WORK=$(mktemp -d); passed=0 failed=0 keep=${1:-}
probes=()
cleanup() {
  local p
  for p in "${probes[@]}"; do kill -CONT "$p" 2>/dev/null || true; kill "$p" 2>/dev/null || true; done
  rm -rf "$WORK"
  [ "$keep" = --keep ] || "$HERE/down.sh"
}
trap cleanup EXIT

check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$WORK/out" 2>&1; then echo "test $name ... ok"; passed=$((passed + 1))
  else echo "test $name ... FAILED"; sed 's/^/     /' "$WORK/out" | cut -c1-900 | tail -15; failed=$((failed + 1)); fi
}

# --- a probe is a process with a pipe for commands and a file of answers
follow() { # NAME KUBECONFIG ARGUMENTS...
  local name=$1; shift
  mkfifo "$WORK/$name.in"
  "$FOLLOW" "$@" < "$WORK/$name.in" > "$WORK/$name.log" 2>&1 &
  probes+=($!)
  exec {fd}> "$WORK/$name.in"
  eval "fd_$name=$fd"
}
ask() { # NAME COMMAND : prints the answer's line
  local fd; fd=$(eval "echo \$fd_$1")
  local before; before=$(grep -cE '^(ready|equal|differs|stats|gaps) ' "$WORK/$1.log" || true)
  echo "$2" >&"$fd"
  answered() { [ "$(grep -cE '^(ready|equal|differs|stats|gaps) ' "$WORK/$1.log")" -gt "$before" ]; }
  until_ok 240 "an answer to $2" answered "$1" || return 1
  grep -E '^(ready|equal|differs|stats|gaps) ' "$WORK/$1.log" | tail -1
}
said() { # NAME WORDS : waits until the probe has said it
  until_ok 20 "$2" grep -qF -- "$2" "$WORK/$1.log" || { tail -20 "$WORK/$1.log"; return 1; }
}
equal() { ask "$1" compare | tee /dev/stderr | grep '^equal .*same diagnosis'; }
stat_of() { ask "$1" stats | grep -oE "$2=-?[0-9]+" | cut -d= -f2; }

server_pid() { pid_of apiserver; }
stop_server() { kill -9 "$(server_pid)"; until_ok 10 "end of the API server" test ! -d "/proc/$(server_pid)"; }
start_server() { "$HERE/up.sh" apiserver; }
# drops every old version from etcd, so that a watch that resumes finds its version gone
compact() {
  local revision
  revision=$(inside_curl /v3/kv/range '{"key":"AA=="}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["header"]["revision"])')
  inside_curl /v3/kv/compaction "{\"revision\":\"$revision\",\"physical\":true}" > /dev/null
}
inside_curl() { nsenter -t "$(pid_of holder)" -n -- curl -sf -m 10 "http://127.0.0.1:$ETCD_PORT$1" -d "$2"; }
config_map() { # NAME VALUE
  kc -n shop create configmap "$1" --from-literal=value="$2" --dry-run=client -o yaml | kc apply -f - > /dev/null
}

"$HERE/down.sh"
"$HERE/up.sh" control node kwok
kc create namespace shop > /dev/null
kc -n shop create deployment cart --image=registry.example.com/shop/cart:2.7.0 --replicas=2 > /dev/null
kc -n shop expose deployment cart --port=80 --target-port=8080 > /dev/null
config_map settings one
follow one "$KUBECONFIG_ADMIN"
follow two "$KUBECONFIG_ADMIN" --lists

check "everything is read, as streams" ask one ready
check "everything is read, as lists" ask two ready
check "followed and read anew are equal" equal one
check "the same by lists" equal two

# --- changes are seen, named, and leave both equal
changes() {
  kc -n shop set image deployment/cart cart=registry.example.com/shop/cart:2.7.1 || kc -n shop set image deployment/cart '*=registry.example.com/shop/cart:2.7.1'
  kc -n shop scale deployment cart --replicas=3
  kc -n shop set env deployment/cart LOG_LEVEL=debug
  config_map settings two
  kc -n shop annotate configmap settings note=hello
  kc -n shop patch service cart -p '{"spec":{"selector":{"app":"card"}}}'
  kc cordon "$NODE_NAME"; kc uncordon "$NODE_NAME"
  kc taint node "$NODE_NAME" dedicated=db:NoSchedule; kc taint node "$NODE_NAME" dedicated-
  kc -n shop create deployment short --image=registry.example.com/shop/cart:2.7.0
  kc -n shop delete deployment short
  local words
  for words in "image of cart in deployment/shop/cart: registry.example.com/shop/cart:2.7.0 → registry.example.com/shop/cart:2.7.1" \
    "deployment/shop/cart was scaled: 2 → 3" "environment variable cart/LOG_LEVEL in deployment/shop/cart changed" \
    "the content of configmap/shop/settings changed" "selector of service/shop/cart: app=cart → app=card" \
    "node/$NODE_NAME was cordoned" "node/$NODE_NAME was uncordoned" "node/$NODE_NAME was tainted: dedicated=db:NoSchedule" \
    "deployment/shop/short was created" "deployment/shop/short was deleted"; do
    said one "$words" && said two "$words" || return 1
  done
  # an annotation is no change of the content
  [ "$(grep -c 'content of configmap/shop/settings' "$WORK/one.log")" = 1 ]
}
check "changes are named" changes
check "nothing is missed" equal one
check "nothing is missed by lists" equal two

# --- the server is killed and comes back; the watches resume where they were
restarted() {
  local lists; lists=$(stat_of one streams)
  stop_server; sleep 3; start_server
  config_map settings three
  [ "$(grep -c 'content of configmap/shop/settings' "$WORK/one.log")" -ge 1 ]
  until_ok 30 "the change after the restart" [ "$(grep -c 'content of configmap/shop/settings' "$WORK/one.log")" -ge 2 ]
  equal one && equal two
}
check "a killed API server: the same state afterwards" restarted

# --- the server hangs: connections stay open and nothing comes
hung() {
  local before; before=$(stat_of one failures)
  local parent; parent=$(awk '/^PPid/ {print $2}' "/proc/$(server_pid)/status")
  kill -STOP "$(server_pid)"
  # nsenter stops itself with its child and would not see the child's end
  go_on() { kill -CONT "$(server_pid)" "$parent"; }
  noticed() { [ "$(stat_of one failures)" -gt "$((before + 10))" ]; }
  until_ok 75 "pings without an answer" noticed || { go_on; return 1; }
  go_on
  kc -n shop annotate deployment cart --overwrite seen=again
  equal one && equal two
}
check "a server that hangs is noticed, and followed again" hung

# --- the server is killed, things go, and the versions of the watches are compacted away
expired() {
  kc -n shop create configmap doomed --from-literal=a=b > /dev/null
  kc -n shop create deployment doomed --image=registry.example.com/shop/cart:2.7.0 > /dev/null
  equal one || return 1
  local one two; one=${probes[0]} two=${probes[1]}
  # nobody looks while it happens
  kill -STOP "$one" "$two"
  kc -n shop delete deployment doomed > /dev/null; kc -n shop delete configmap doomed > /dev/null
  config_map later x
  stop_server; compact; start_server
  compact
  config_map latest x
  kill -CONT "$one" "$two"
  said one "deployment/shop/doomed was deleted" && said one "configmap/shop/doomed was deleted" && said two "deployment/shop/doomed was deleted" &&
    said one "configmap/shop/latest was created" && equal one && equal two
}
check "expired versions: what was deleted meanwhile comes out as deleted" expired

# --- small accounts
account() { # FILE SERVICEACCOUNT NAMESPACE
  local token; token=$(kc -n "$3" create token "$2")
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:%s", certificate-authority: "%s"}}]\nusers: [{name: u, user: {token: "%s"}}]\ncontexts: [{name: c, context: {cluster: c, user: u, namespace: %s}}]\n' "$API_PORT" "$KUBE/pki/ca.crt" "$token" "$3" > "$1"
}
kc -n shop create serviceaccount reader > /dev/null
kc -n shop create role reader --verb=get,list,watch --resource=pods,pods/log,events,services,configmaps,deployments.apps,replicasets.apps,endpointslices.discovery.k8s.io > /dev/null
kc -n shop create rolebinding reader --role=reader --serviceaccount=shop:reader > /dev/null
account "$WORK/reader.conf" reader shop
kc -n shop create serviceaccount lister > /dev/null
kc -n shop create role lister --verb=get,list --resource=pods,deployments.apps > /dev/null
kc -n shop create rolebinding lister --role=lister --serviceaccount=shop:lister > /dev/null
account "$WORK/lister.conf" lister shop
follow small "$WORK/reader.conf"
follow lister "$WORK/lister.conf"
small() {
  ask small ready || return 1
  ask small gaps
  grep -F 'gap Forbidden nodes: the account may not list it' "$WORK/small.log" && grep -F 'gap Forbidden secrets in shop' "$WORK/small.log" &&
    equal small && kc -n shop scale deployment cart --replicas=1 && said small "deployment/shop/cart was scaled: 3 → 1"
}
check "an account of one namespace follows it and names what it may not see" small
check "an account that may list and not watch has the same state" equal lister

# --- a thousand pods
python3 "$HERE/fakenodes.py" 20 1000 | kc apply --server-side -f - > /dev/null
running() { [ "$(kc get pods -l fake --no-headers 2>/dev/null | grep -c Running)" -ge 1000 ]; }
until_ok 180 "1,000 pods" running
check "a thousand pods are followed as they come" equal one
check "a thousand pods by lists" equal two
follow big "$KUBECONFIG_ADMIN"
check "a thousand pods are read" ask big ready
ask big ready
first=$(ask big stats); began=$(date +%s)
sleep "${IDLE_S:-60}"
second=$(ask big stats); idle_s=$(($(date +%s) - began))
value() { grep -oE "$2=-?[0-9]+" <<< "$1" | cut -d= -f2; }
echo "idle, $idle_s s: $(($(value "$second" cpu_ms) - $(value "$first" cpu_ms))) ms of CPU, rss $(value "$second" rss_kb) kB, $(value "$second" objects) objects, signals in $(value "$second" signals_us) µs, diagnosis in $(value "$second" diagnose_us) µs, $(($(value "$second" bytes) - $(value "$first" bytes))) bytes read"
# churn: every pod of the fake deployments is replaced
kc get deployments -l fake -o name | while read -r d; do kc rollout restart "$d"; done > /dev/null
began=$(date +%s)
sleep "${CHURN_S:-40}"
third=$(ask big stats); churn_s=$(($(date +%s) - began))
echo "1,000 pods replaced, $churn_s s: $(($(value "$third" cpu_ms) - $(value "$second" cpu_ms))) ms of CPU, rss $(value "$third" rss_kb) kB, $(($(value "$third" deltas) - $(value "$second" deltas))) deltas, $(($(value "$third" bytes) - $(value "$second" bytes))) bytes read, signals in $(value "$third" signals_us) µs, diagnosis in $(value "$third" diagnose_us) µs"
until_ok 240 "rollouts that have settled" kc wait deployment -l fake --for=jsonpath='{.status.updatedReplicas}'=100 --timeout=20s
check "equal after the churn" equal big

# --- two replicas and one lease
for name in a b; do
  "$FOLLOW" "$KUBECONFIG_ADMIN" --lease rootline "replica-$name" > "$WORK/lease-$name.log" 2>&1 &
  probes+=($!); eval "lease_$name=$!"
  [ "$name" = b ] || until_ok 10 "the first leads" grep -q leads "$WORK/lease-a.log"
done
fight() {
  sleep 4
  grep -q acts "$WORK/lease-b.log" && { echo "two lead"; return 1; }
  kill -STOP "$lease_a"
  until_ok 30 "the other leads" grep -q leads "$WORK/lease-b.log" || return 1
  kill -CONT "$lease_a"
  until_ok 5 "the first knows" grep -q follows "$WORK/lease-a.log" || return 1
  sleep 3
  # by the times at which they acted: one ended before the other began
  python3 - "$WORK/lease-a.log" "$WORK/lease-b.log" <<'P'
import sys
acts = [[l.split()[0] for l in open(f) if l.endswith("acts\n")] for f in sys.argv[1:]]
print("a acted last", acts[0][-1], "b first", acts[1][0])
sys.exit(not acts[0][-1] < acts[1][0])
P
  kc -n default get lease rootline -o jsonpath='{.spec.holderIdentity} {.spec.leaseTransitions}' | tee /dev/stderr | grep -x "replica-b 1"
}
check "a stopped leader is followed, and never two act" fight

echo "test result: $([ "$failed" = 0 ] && echo ok || echo FAILED). $passed passed; $failed failed"
[ "$failed" = 0 ]
