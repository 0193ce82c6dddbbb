#!/usr/bin/env bash
# The guide "install beside kube-prometheus", its commands run as they stand there, on a real API server and a real kubelet with the real
# Prometheus operator, which runs Prometheus and two Alertmanagers under the names, labels, accounts and closed pods of kube-prometheus
# (operator/monitoring.yaml). Then a fault: its alert, the incident, the copy at both Alertmanagers, silence of the direct one.
# Not as in the guide: images are made from the programs; nothing enforces NetworkPolicies here, so networkpolicy.py works out what they
# allow; clusterdns.py answers for CoreDNS; kube-state-metrics and the chat are beside the cluster.
#
# usage: operator.sh [--keep]      ROOTLINE: path of the rootline binary      about eight minutes, without the first build of the operator
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
WORK=$(mktemp -d) keep=${1:-} passed=0 failed=0
trap '[ "$keep" = --keep ] || "$HERE/down.sh"; rm -rf "$WORK"' EXIT
. "$HERE/inside.sh"
GUIDE=docs/how-to/install-kube-prometheus.md
DNS_PORT=53

# --- the guide
block() { # HEADING NUMBER : the shell block of that number below the heading that begins so
  python3 - "$HERE/../$GUIDE" "$1" "$2" <<'P'
import pathlib, re, sys
text, heading, number = pathlib.Path(sys.argv[1]).read_text(), sys.argv[2], int(sys.argv[3])
section = next(s for s in re.split(r"^## ", text, flags=re.MULTILINE) if s.startswith(heading))
print(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[number - 1], end="")
P
}
as_written() { # TEXT : run in the copy of the tree, as an administrator would
  (cd "$WORK/tree" && env PATH="$WORK/bin:$BIN:$TRIXIE/usr/bin:$PATH" KUBECONFIG="$KUBECONFIG_ADMIN" EDITOR="$WORK/bin/edit" RECEIVER="$RECEIVER" VIEWER="$VIEWER" ONCALL="$ONCALL" timeout 240 bash -euo pipefail -c "$1")
}

# --- the cluster with its monitoring
programs() {
  "$HERE/build-partners.sh" operator crds toxiproxy
  [ -x "$SID/usr/bin/prometheus" ] || debs "$DEB_PROMETHEUS_NEXT"
  [ -x "$TRIXIE/usr/bin/prometheus-alertmanager" ] || debs "$DEB_ALERTMANAGER"
}
images() {
  local busybox=$BOOKWORM/bin/busybox operator=quay.io/prometheus-operator
  load_image "$ROOTLINE" "$IMAGE"
  load_image "$BIN/prometheus-operator" "$operator/prometheus-operator:$OPERATOR" --at /bin/operator --user 65534
  load_image "$BIN/prometheus-config-reloader" "$operator/prometheus-config-reloader:$OPERATOR" --at /bin/prometheus-config-reloader --user 65534
  load_image "$SID/usr/bin/prometheus" quay.io/prometheus/prometheus:v3.5.0 --at /bin/prometheus --user 65534 --own /prometheus --busybox "$busybox"
  load_image "$TRIXIE/usr/bin/prometheus-alertmanager" quay.io/prometheus/alertmanager:v0.28.1 --at /bin/alertmanager --user 65534 --own /alertmanager --busybox "$busybox" \
    --add "$TRIXIE/usr/share/prometheus/alertmanager:/usr/share/prometheus/alertmanager"
}
monitoring() {
  api_for_pods
  forward webhook "$NODE_IP:$WEBHOOK_PORT" "127.0.0.1:$WEBHOOK_PORT"
  forward ksm "$NODE_IP:$KSM_PORT" "127.0.0.1:$KSM_PORT"
  start clusterdns python3 "$HERE/clusterdns.py" "$NODE_IP" $DNS_PORT "https://127.0.0.1:$API_PORT" admin
  service kube-system kube-dns 10.96.0.10 53 $DNS_PORT UDP
  kc create namespace monitoring > /dev/null
  sed 's/namespace: default/namespace: monitoring/' "$TB/operator/bundle.yaml" | kc apply --server-side -f - > /dev/null
  kc wait --for condition=established --timeout=60s crd/prometheuses.monitoring.coreos.com crd/alertmanagers.monitoring.coreos.com crd/servicemonitors.monitoring.coreos.com crd/prometheusrules.monitoring.coreos.com > /dev/null
  sed -e "s/@NODE_IP@/$NODE_IP/; s/@KSM_PORT@/$KSM_PORT/; s/@WEBHOOK_PORT@/$WEBHOOK_PORT/" "$HERE/operator/monitoring.yaml" | kc apply -f - > /dev/null
}

# --- what is asked
pod_ip() { kc -n monitoring get pod "$1" -o jsonpath='{.status.podIP}'; }
prometheus() { inside curl -sf -m 5 "http://$(pod_ip prometheus-k8s-0):9090/api/v1/$1" "${@:2}"; }
alerts_of() { inside curl -sf -m 5 "http://$(pod_ip "alertmanager-main-$1"):9093/api/v2/alerts"; } # REPLICA
runs() { kc -n monitoring wait --for=condition=Ready --timeout=5s pod/prometheus-k8s-0 pod/alertmanager-main-0 pod/alertmanager-main-1; }
reconciled() { kc -n monitoring wait --for=condition=Reconciled --timeout=5s prometheus/k8s alertmanager/main; }
target_up() { prometheus targets | python3 -c '
import json, sys
mine = [t for t in json.load(sys.stdin)["data"]["activeTargets"] if t["scrapePool"].startswith("serviceMonitor/" + sys.argv[1])]
print([(t["scrapeUrl"], t["health"], t["lastError"]) for t in mine])
sys.exit(not mine or any(t["health"] != "up" for t in mine))' "$1"; }
rules_loaded() { prometheus rules | python3 -c '
import json, sys
rules = [r for g in json.load(sys.stdin)["data"]["groups"] for r in g["rules"]]
bad = [(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"]
names = {r["name"] for r in rules}
print(sorted(names), "bad:", bad)
sys.exit(bool(bad) or not {"RootlineDown", "RootlineStoreErrors", "TryDeploymentReplicasMismatch"} <= names)'; }
job_of_rules() { prometheus query --data-urlencode 'query=up{job="rootline"}' | grep -q '"value":\[[0-9.]*,"1"\]'; }
routes() { # COUNT : Alertmanagers that Prometheus sends to
  local answer; answer=$(as_written "$(block 4 2)"); echo "$answer"
  python3 -c 'import json, sys; d = json.loads(sys.argv[1])["data"]; sys.exit(len(d["activeAlertmanagers"]) != int(sys.argv[2]))' "$answer" "$1"
}
sources() { prometheus query --data-urlencode 'query=rootline_source_up' | python3 -c '
import json, sys
seen = {r["metric"]["source"]: r["value"][1] for r in json.load(sys.stdin)["data"]["result"]}
print(seen); sys.exit(not seen or set(seen.values()) != {"1"})'; }
may_speak() { kc get namespaces,pods,networkpolicies -A -o json | "$HERE/networkpolicy.py" "$@"; }
may_not_speak() { ! may_speak "$@"; }
edited() { inside curl -sf -m 5 "http://$(pod_ip "alertmanager-main-$1"):9093/api/v2/status" | grep -q rootline_role; }
copied() { alerts_of "$1" | python3 -c '
import json, sys
mine = [a for a in json.load(sys.stdin) if a["labels"]["alertname"] == "TryDeploymentReplicasMismatch"]
copies = [a for a in mine if a["labels"].get("rootline_incident") and a["labels"]["rootline_role"] in ("core", "folded")]
direct = [a for a in mine if not a["labels"].get("rootline_role")]
print(mine)
sys.exit(not copies or not direct or any(not a["status"]["inhibitedBy"] for a in direct) or any(a["labels"]["namespace"] != "try-rootline" or a["labels"]["deployment"] != "cart" for a in copies))'; }
pushed() { curl -sf -m 5 -H "Authorization: Bearer $VIEWER" "$OURS/api/v2/alerts" | grep -q TryDeploymentReplicasMismatch; }
only_copies_told() { python3 - "$PARTNERS/webhook.jsonl" <<'P'
import json, sys
alerts = [a["labels"] for line in map(json.loads, open(sys.argv[1])) if line["path"] == "/alertmanager" for a in line["body"]["alerts"] if a["labels"].get("namespace") == "try-rootline"]
print(alerts)
sys.exit(not alerts or any(not a.get("rootline_incident") for a in alerts))
P
}
nothing_left() { ! kc get servicemonitors,prometheusrules,networkpolicies,secrets,clusterroles,clusterrolebindings,namespaces -A -o name | grep rootline | grep -v try-rootline; }

programs
"$HERE/up.sh" control node proxy ksm
"$HERE/partners.sh" start webhook toxiproxy
images
monitoring
check "the operator runs Prometheus and two Alertmanagers" until_ok 240 "pods: $(kc -n monitoring get pods 2>&1)" runs
check "Prometheus scrapes kube-state-metrics" until_ok 90 "target" target_up monitoring/kube-state-metrics/

# --- steps 1 and 2
mkdir -p "$WORK/tree/docs" "$WORK/bin"; cp -r "$HERE/../deploy" "$WORK/tree/"
RECEIVER="" VIEWER="" ONCALL=""
eval "$(block 1 2 | head -1)"
configured "$WORK/tree/deploy/kubernetes/base/rootline.yaml" "$RECEIVER" "$VIEWER" "$ONCALL" '{name: on-call, kind: webhook, url: "${CHAT_URL}", min_severity: warning}'
check "step 2: namespace and secrets" as_written "$(block 2 1 | sed "s#--from-literal=DINGTALK_URL=.*#--from-literal=CHAT_URL=http://$NODE_IP:$WEBHOOK_PORT/rootline#")"

# --- step 3
volume data-rootline-0
check "step 3: the overlay is taken and the pod becomes ready" as_written "$(block 3 1 | grep -v check.sh)"
check "the API server and the operator accept the custom resources" until_ok 60 "reconciled" reconciled
check "Prometheus scrapes Rootline with the viewer's token" until_ok 120 "target" target_up rootline/rootline/
check "under the job name that its rules ask for" until_ok 30 "job" job_of_rules
check "its rules are loaded and can be asked" until_ok 120 "rules" rules_loaded
check "Rootline reaches Prometheus and hears all its sources" until_ok 90 "sources" sources
for who in "rootline/rootline-0 monitoring/prometheus-k8s-0 9090" "rootline/rootline-0 monitoring/alertmanager-main-0 9093" \
           "monitoring/prometheus-k8s-0 rootline/rootline-0 9099" "monitoring/prometheus-k8s-0 monitoring/alertmanager-main-0 9093"; do
  check "policies let $who" may_speak $who
done
check "but Rootline to no other port of Alertmanager" may_not_speak rootline/rootline-0 monitoring/alertmanager-main-0 8080
check "and Alertmanager not to Prometheus" may_not_speak monitoring/alertmanager-main-0 monitoring/prometheus-k8s-0 9090

# --- step 4
check "step 4: the second route is taken" as_written "$(block 4 1)"
check "Prometheus sends to both Alertmanagers and to Rootline" until_ok 240 "routes" routes 3

# --- step 5: the editor takes what the guide says out of the shipped file
cat > "$WORK/bin/edit" <<E2
#!/usr/bin/env python3
import pathlib, re, sys
shipped = pathlib.Path("$HERE/../deploy/alertmanager/alertmanager.yml").read_text()
routes = shipped[shipped.index("  - matchers: ['rootline_role = \"held\"']"):shipped.index("\nreceivers:") + 1]
routes = routes.replace("nobody", '"null"').replace("on-call", "Default")
rules = shipped[shipped.index("inhibit_rules:\n") + 15:shipped.index("# 3.")]
path = pathlib.Path(sys.argv[1])
text = path.read_text()
text = re.sub(r"inhibit_rules:\n", lambda m: m[0] + rules, text, count=1)
path.write_text(re.sub(r"  routes:\n", lambda m: m[0] + routes, text, count=1))
E2
chmod +x "$WORK/bin/edit"
check "step 5: the edited configuration passes amtool and is taken" as_written "$(block 5 1)"
for replica in 0 1; do check "Alertmanager $replica has read it" until_ok 240 "status" edited $replica; done

# --- step 6
start portforward env KUBECONFIG="$KUBECONFIG_ADMIN" "$BIN/kubectl" -n rootline port-forward svc/rootline "$ROOTLINE_PORT:9099"
check "step 6: port-forward, and nothing is wrong yet" until_ok 30 "200" answers 200 "$ONCALL" GET /api/v1/incidents
check "the deployment is made" as_written "$(block 6 1 | grep '^kubectl.*try-rootline')"
check "chat names the image within a minute" until_ok 60 "a message" told '"deployment/try-rootline/cart"'
check "rootline incidents shows it" bash -c 'ROOTLINE_URL=$2 "$1" incidents --token "$3" | grep try-rootline/cart' _ "$ROOTLINE" "$OURS" "$ONCALL"
check "its alert came by the second route" until_ok 90 "alert" pushed
for replica in 0 1; do check "Alertmanager $replica has the copy with the incident, and keeps the direct alert silent" until_ok 90 "copy" copied $replica; done
sleep 50        # longer than group_wait and the peers' turns: what would notify has notified
check "on-call was told of the copies only" only_copies_told

# --- taking it away
check "what is made for the trial goes" as_written "$(block 6 2)"
check "taking it away: the commands of the guide" as_written "$(block 'Taking it away' 1)"
check "Prometheus sends to the Alertmanagers only" until_ok 240 "routes" routes 2
check "nothing of ours is left" until_ok 60 "left" nothing_left
echo "operator.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
