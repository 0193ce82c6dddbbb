#!/usr/bin/env bash
# Rootline scrapes kubelets through the node proxy of a real API server, with the rights that deploy/kubernetes gives: without the
# component `kubelets` it is told what is missing, with it the pages come; a node that goes ends. The kubelets are played by a few lines
# of Python, so no node is needed; ports and folders of its own, so that it runs beside a test bed that is up.
#
# usage: kubelets.sh [--keep]     ROOTLINE: path of the rootline binary     about two minutes
ROOTLINE_TESTBED_PORT=${ROOTLINE_TESTBED_PORT:-26200}
. "$(dirname "$0")/lib.sh"
. "$HERE/alone.sh"
KUBE=$WORK/data
KUBECONFIG_ADMIN=$KUBE/admin.conf
SERVER=https://127.0.0.1:$API_PORT OURS=http://127.0.0.1:$ROOTLINE_PORT
keep=${1:-}
trap '[ "$keep" = --keep ] || { stop rootline KILL; stop apiserver KILL; stop kubelets KILL; stop etcd KILL; }; [ "$failed" -ne 0 ] || [ "$keep" = --keep ] || rm -rf "$WORK"' EXIT
mkdir -p "$KUBE/pki" "$RUN" "$LOG"

# certificates and accounts
cd "$KUBE/pki"
ec=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
openssl ecparam -name prime256v1 -genkey -noout -out sa.key; openssl ec -in sa.key -pubout -out sa.pub 2> /dev/null
openssl req -x509 "${ec[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=testbed-ca 2> /dev/null
for one in "apiserver /CN=kube-apiserver" "client /O=system:masters/CN=kube-apiserver-kubelet-client" "kubelet /CN=system:node:w"; do
  openssl req "${ec[@]}" -keyout "${one%% *}.key" -out "${one%% *}.csr" -subj "${one#* }" 2> /dev/null
  openssl x509 -req -in "${one%% *}.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "${one%% *}.crt" -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) 2> /dev/null
done
printf 'admin,admin,1,"system:masters"\nrootline,rootline,2\n' > tokens.csv
cd - > /dev/null
for user in admin rootline; do
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: t\nclusters: [{name: t, cluster: {server: "%s", certificate-authority: "%s"}}]\nusers: [{name: t, user: {token: %s}}]\ncontexts: [{name: t, context: {cluster: t, user: t}}]\n' \
    "$SERVER" "$KUBE/pki/ca.crt" "$user" > "$KUBE/$user.conf"
done

# the kubelets: memory near its limit in one container of each node
cat > "$KUBE/kubelets.py" <<'P'
import http.server, ssl, sys, time
PAGES = {"/metrics/cadvisor": '# TYPE container_memory_working_set_bytes gauge\ncontainer_memory_working_set_bytes{container="app",namespace="shop",pod="cart-5c689d88bb-x7f2k"} 9.6e8 %d\nnoise{a="b"} 1\n',
         "/metrics": '# TYPE kubelet_evictions counter\nkubelet_evictions{eviction_signal="x"} 0\n# made at %d\n'}
class Kubelet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        page = PAGES.get(self.path.split("?")[0])
        body = (page % (time.time() * 1000)).encode() if page else b"no such page\n"
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4"); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer((sys.argv[3], int(sys.argv[1])), Kubelet)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); tls.load_cert_chain(sys.argv[2] + "/kubelet.crt", sys.argv[2] + "/kubelet.key")
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
P
# the API server speaks to no kubelet on a loopback address
ADDRESS=$(ip -4 -o addr show scope global | awk '{sub("/.*", "", $4); print $4; exit}')
[ -n "$ADDRESS" ] || die "this machine has no address but its loopback, which the API server refuses for kubelets"
start kubelets python3 "$KUBE/kubelets.py" "$KUBELET_PORT" "$KUBE/pki" "$ADDRESS"
start etcd "$TRIXIE/usr/bin/etcd" --data-dir "$KUBE/etcd" --unsafe-no-fsync --log-level warn --listen-client-urls http://127.0.0.1:$ETCD_PORT \
  --advertise-client-urls http://127.0.0.1:$ETCD_PORT --listen-peer-urls http://127.0.0.1:$((ETCD_PORT + 1))
start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:$ETCD_PORT --bind-address=127.0.0.1 --secure-port=$API_PORT --service-cluster-ip-range=10.96.0.0/16 \
  --tls-cert-file="$KUBE/pki/apiserver.crt" --tls-private-key-file="$KUBE/pki/apiserver.key" --client-ca-file="$KUBE/pki/ca.crt" --token-auth-file="$KUBE/pki/tokens.csv" \
  --anonymous-auth=false --authorization-mode=Node,RBAC --kubelet-client-certificate="$KUBE/pki/client.crt" --kubelet-client-key="$KUBE/pki/client.key" \
  --kubelet-preferred-address-types=InternalIP --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$KUBE/pki/sa.pub" \
  --service-account-signing-key-file="$KUBE/pki/sa.key" --advertise-address=10.99.0.1 --endpoint-reconciler-type=none
until_ok 120 "API server, see $LOG/apiserver.log" kc get --raw /readyz || exit 1
node() { # NAME
  kc create -f - <<< "{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$1\"}}" > /dev/null
  kc patch node "$1" --subresource=status --type=merge -p "{\"status\": {\"addresses\": [{\"type\": \"InternalIP\", \"address\": \"$ADDRESS\"}], \"daemonEndpoints\": {\"kubeletEndpoint\": {\"Port\": $KUBELET_PORT}}}}" > /dev/null
}
role() { # COMPONENT... : the shipped ClusterRole, for the account
  local dir=$KUBE/role c; rm -rf "$dir"; mkdir -p "$dir/all"; cp -r "$HERE/../deploy/kubernetes/base" "$HERE/../deploy/kubernetes/components" "$dir/"
  { printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n'; [ $# -eq 0 ] || echo components:; for c in "$@"; do echo "- ../components/$c"; done; } > "$dir/all/kustomization.yaml"
  "$BIN/kubectl" kustomize "$dir/all" | python3 -c 'import re, sys; print("\n---\n".join(d for d in re.split(r"(?m)^---$", sys.stdin.read()) if re.search(r"(?m)^kind: ClusterRole$", d)))' | kc apply -f - > /dev/null
}
told() { curl -sf -m 5 "$OURS/api/v1/status" | grep -q "$1"; }

node w1; node w2
role
kc create clusterrolebinding rootline --clusterrole=rootline --user=rootline > /dev/null
cat > "$KUBE/rootline.yaml" <<C
daemon: {tick_s: 5}
kubernetes: {kubeconfig: "$KUBE/rootline.conf"}
detection: {core_interval_s: 5, interval_s: 10}
scrape: {kubelets: {enabled: true}}
C
start rootline "$ROOTLINE" run --config "$KUBE/rootline.yaml" --data "$KUBE/data" --listen "127.0.0.1:$ROOTLINE_PORT"
until_ok 60 "Rootline, see $LOG/rootline.log" curl -sf -m 2 -o /dev/null "$OURS/-/healthy" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }

cadvisor='rootline_source_up{kind="scrape",source="kubelets /metrics/cadvisor"}'
check "without the right it is told which one is missing" until_ok 40 "the refusal" told 'nodes/proxy, see deploy/kubernetes/components/kubelets'
check "and the source is down" until_ok 20 "source down" is "$cadvisor" 0
role kubelets
check "with the component the pages come" until_ok 40 "source up" is "$cadvisor" 1
check "and so do those of the kubelet itself" until_ok 40 "source up" is 'rootline_source_up{kind="scrape",source="kubelets /metrics"}' 1
check "their series are watched" until_ok 40 "series" at_least rootline_series 2
stop kubelets KILL
check "kubelets that do not answer are told by name" until_ok 40 "the nodes" told '2 of 2 nodes; w1'
kc delete node w2 > /dev/null
check "a node that is gone is no failing one" until_ok 90 "one node" told '1 of 1 nodes; w1'      # nodes are listed every minute

echo "kubelets.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
