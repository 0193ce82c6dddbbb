#!/usr/bin/env bash
# The guide "install beside kube-prometheus", followed on a real API server and a real kubelet: the shipped manifests, a volume, tokens,
# Prometheus' second route, a fault; then the tokens of the cluster, the kubelet scraped, and two replicas.
# Not as in the guide: the image is made without a container engine; Prometheus and Alertmanager are real but run beside the cluster,
# behind Services of the usual names (no operator: its kinds are accepted and nobody acts on them); there is no DNS, so the pod gets
# its two names as host aliases; there is one node, so two replicas go without their anti-affinity.
#
# usage: install.sh [--keep]      ROOTLINE: path of the rootline binary      about five minutes
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
WORK=$(mktemp -d) keep=${1:-} passed=0 failed=0
trap '[ "$keep" = --keep ] || "$HERE/down.sh"; rm -rf "$WORK"' EXIT
. "$HERE/inside.sh"
accepted() { # GROUP VERSION KIND PLURAL : a kind that nobody acts on
  kc apply -f - > /dev/null <<C
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $4.$1, annotations: {api-approved.kubernetes.io: unapproved}}
spec:
  group: $1
  scope: Namespaced
  names: {kind: $3, plural: $4, singular: $(echo "$3" | tr '[:upper:]' '[:lower:]')}
  versions: [{name: $2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
C
}

"$HERE/up.sh" control node proxy ksm
load_image "$ROOTLINE" "$IMAGE"
export SCRAPE=5s RULES_FOR=15s ROUTE_ROOTLINE=1
"$HERE/partners.sh" start webhook alertmanager prometheus toxiproxy
api_for_pods
forward prometheus "$NODE_IP:$PROMETHEUS_PORT" "127.0.0.1:$PROMETHEUS_PORT"
forward alertmanager "$NODE_IP:$ALERTMANAGER_PORT" "127.0.0.1:$ALERTMANAGER_PORT"
forward webhook "$NODE_IP:$WEBHOOK_PORT" "127.0.0.1:$WEBHOOK_PORT"
kc create namespace monitoring > /dev/null
service monitoring prometheus-k8s 10.96.0.90 9090 "$PROMETHEUS_PORT"
service monitoring alertmanager-main 10.96.0.93 9093 "$ALERTMANAGER_PORT"
accepted monitoring.coreos.com v1 ServiceMonitor servicemonitors
accepted monitoring.coreos.com v1 PrometheusRule prometheusrules
kc wait --for condition=established --timeout=20s crd/servicemonitors.monitoring.coreos.com crd/prometheusrules.monitoring.coreos.com > /dev/null

# --- steps 1 and 2 of the guide, on a copy
cp -r "$HERE/../deploy/kubernetes" "$WORK/kubernetes"
RECEIVER=$(openssl rand -hex 32) VIEWER=$(openssl rand -hex 32) ONCALL=$(openssl rand -hex 32)
configured "$WORK/kubernetes/base/rootline.yaml" "$RECEIVER" "$VIEWER" "$ONCALL" '{name: on-call, kind: webhook, url: "${CHAT_URL}", min_severity: warning}'
kc create namespace rootline > /dev/null
kc -n rootline create secret generic rootline-channels --from-literal=CHAT_URL="http://$NODE_IP:$WEBHOOK_PORT/rootline" > /dev/null
kc -n rootline create secret generic rootline-tokens --from-literal=viewer="$VIEWER" > /dev/null
kc -n monitoring create secret generic rootline-receiver --from-literal=token="$RECEIVER" > /dev/null
volume data-rootline-0
overlay() { # COMPONENTS... : the shipped overlay with them, and with what this cluster lacks
  mkdir -p "$WORK/kubernetes/overlays/here"
  { printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../kube-prometheus]\ncomponents: [%s]\n' "$(printf '../../components/%s,' "$@" | sed 's/,$//; s#^../../components/$##')"
    cat <<C
patches:
- target: {kind: StatefulSet, name: rootline}
  patch: |
    - {op: add, path: /spec/template/spec/hostAliases, value: [{ip: 10.96.0.90, hostnames: [prometheus-k8s.monitoring.svc]}, {ip: 10.96.0.93, hostnames: [alertmanager-operated.monitoring.svc]}]}
C
    case " $* " in *" two-replicas "*) printf '    - {op: remove, path: /spec/template/spec/affinity}\n' ;; esac
  } > "$WORK/kubernetes/overlays/here/kustomization.yaml"
}

# --- step 3
overlay
check "the API server takes everything in the overlay" kc apply -k "$WORK/kubernetes/overlays/here"
check "the pod is ready under its restrictions" kc -n rootline rollout status statefulset/rootline --timeout=120s
forward rootline "127.0.0.1:$ROOTLINE_PORT" "$(kc -n rootline get service rootline -o jsonpath='{.spec.clusterIP}'):9099"
check "it reads everything that its account should let it" bash -c '! "$1" --kubeconfig "$2" -n rootline logs rootline-0 | grep -i forbidden' _ "$BIN/kubectl" "$KUBECONFIG_ADMIN"
check "it may write nothing" bash -c 'for v in create update patch delete; do [ "$("$1" --kubeconfig "$2" auth can-i $v pods -A --as system:serviceaccount:rootline:rootline)" = no ] || exit 1; done; [ "$("$1" --kubeconfig "$2" auth can-i get secrets -A --as system:serviceaccount:rootline:rootline)" = no ]' _ "$BIN/kubectl" "$KUBECONFIG_ADMIN"
check "without a token nobody reads" answers 401 none GET /api/v1/incidents
check "a viewer reads and does not silence" bash -c '[ "$1$2" = 200403 ]' _ "$(code "$VIEWER" GET /api/v1/incidents)" "$(code "$VIEWER" POST /api/v1/silences '{}')"
check "a receiver pushes and does not read" bash -c '[ "$1$2" = 200403 ]' _ "$(code "$RECEIVER" POST /api/v2/alerts '[]')" "$(code "$RECEIVER" GET /api/v1/incidents)"

# --- step 4: what the operator would make of the patch
python3 - "$PARTNERS/prometheus/prometheus.yml" "$RECEIVER" "$VIEWER" <<'P'
import pathlib, sys
path, receiver, viewer = pathlib.Path(sys.argv[1]), *sys.argv[2:]
text = path.read_text()
assert "{timeout: 3s, " in text and "- job_name: rootline\n" in text
text = text.replace("{timeout: 3s, ", "{timeout: 3s, authorization: {credentials: %s}, " % receiver)
path.write_text(text.replace("- job_name: rootline\n", "- job_name: rootline\n  authorization: {credentials: %s}\n" % viewer))
P
inside curl -sf -m 10 -X POST "http://127.0.0.1:$PROMETHEUS_PORT/-/reload"
asked() { curl -sf -m 5 -G "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" --data-urlencode "query=$1" | grep -q '"value":\[[0-9.]*,"1"\]'; }
check "Prometheus scrapes it with the viewer's token" until_ok 40 "up" asked 'up{job="rootline"}'
check "Prometheus and Alertmanager are found by their names" until_ok 40 "sources" asked 'min(rootline_source_up) == bool 1'

# --- step 6
kc create namespace try-rootline > /dev/null
kc -n try-rootline create deployment cart --image=registry.example.com/no/such:1 > /dev/null
check "chat names the image within a minute" until_ok 60 "a message" told '"deployment/try-rootline/cart"'
check "the binary of one's own machine shows it" bash -c 'ROOTLINE_URL=$2 "$1" incidents --token "$3" | grep -q try-rootline/cart' _ "$ROOTLINE" "$OURS" "$ONCALL"
alerts() { [ "$(curl -sf -m 5 -H "Authorization: Bearer $VIEWER" "$OURS/api/v2/alerts" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" -ge 1 ]; }
check "alerts come by the second route" until_ok 90 "alerts" alerts
kc delete namespace try-rootline --wait=false > /dev/null
check "and says that it is over" until_ok 480 "the end" bash -c 'tail -3 "$1" | grep -q "\"resolved\""' _ "$PARTNERS/webhook.jsonl"

# --- tokens of the cluster and kubelets, components token-review and kubelets
python3 - "$WORK/kubernetes/base/rootline.yaml" <<'P'
import pathlib, sys
path = pathlib.Path(sys.argv[1])
path.write_text(path.read_text().replace("  external_url: \"\"\n", "  external_url: \"\"\n  token_review: {enabled: true, roles: [{role: operator, users: [\"system:serviceaccount:ops:oncall\"]}]}\n")
                + "scrape: {kubelets: {enabled: true}}\n")
P
kc create namespace ops > /dev/null; kc -n ops create serviceaccount oncall > /dev/null; kc -n ops create serviceaccount other > /dev/null
overlay token-review kubelets
check "the components token-review and kubelets are taken" kc apply -k "$WORK/kubernetes/overlays/here"
check "the pod comes back with it" kc -n rootline rollout status statefulset/rootline --timeout=180s
check "a service account of the cluster reads" until_ok 30 "200" answers 200 "$(kc -n ops create token oncall)" GET /api/v1/incidents
check "another one does not" answers 401 "$(kc -n ops create token other)" GET /api/v1/incidents
check "nor does a made-up token" answers 401 "$(head -c 40 /dev/urandom | base64 -w0)" GET /api/v1/incidents
for page in metrics metrics/cadvisor; do
  check "the kubelet's /$page comes through the API server" until_ok 60 "source up" asked "rootline_source_up{kind=\"scrape\",source=\"kubelets /$page\"}"
done
check "and series come of it" until_ok 40 "series" asked 'rootline_series > bool 3'

# --- two replicas
volume data-rootline-1
sed -i 's/^prometheus:$/kubernetes: {leader_election: true, lease_namespace: rootline}\nprometheus:/' "$WORK/kubernetes/base/rootline.yaml"
overlay token-review kubelets two-replicas
check "the component two-replicas is taken" kc apply -k "$WORK/kubernetes/overlays/here"
kc -n rootline delete pod rootline-0 --wait=true > /dev/null       # OnDelete: the operator of the cluster does it
leader() { kc -n rootline get lease rootline -o jsonpath="{.spec.holderIdentity}" 2> /dev/null || true; }
ready() { kc -n rootline get pods -l app.kubernetes.io/name=rootline -o jsonpath='{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}'; }
one_leads() { local l; l=$(leader); [[ "$l" == *rootline-0* && "$(ready)" == *"rootline-0=True"* && "$(ready)" == *"rootline-1=False"* ]] || [[ "$l" == *rootline-1* && "$(ready)" == *"rootline-1=True"* && "$(ready)" == *"rootline-0=False"* ]]; }
check "one leads and is ready, the other is alive and waits" until_ok 90 "one leader, it is: $(leader), $(ready)" one_leads
first=$(leader) pod=rootline-0
[[ "$first" != *rootline-1* ]] || pod=rootline-1
before=$(date +%s)
kc -n rootline delete pod "$pod" --wait=false --grace-period=0 --force > /dev/null 2>&1
other() { [ "$(leader)" != "$first" ] && one_leads; }
check "the leader is taken away: the other one leads" until_ok 60 "another leader" other
echo "     after $(($(date +%s) - before)) s"
check "and answers at the Service" until_ok 30 "200" answers 200 "$VIEWER" GET /api/v1/incidents

# --- taking it away
check "everything goes away as it came" kc delete -k "$WORK/kubernetes/overlays/here" --timeout=90s
echo "install.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
