#!/usr/bin/env bash
# Starts a real Kubernetes in one private network, mount, host-name and pid namespace. Needs root, python3, openssl, util-linux, iproute2.
#
# usage: up.sh [control] [node] [proxy] [kwok] [ksm]      default: control node proxy
#        up.sh kubelet | apiserver                        starts it again after it was killed
#
# control  etcd, API server (RBAC, admin token), controller manager, scheduler
# node     containerd, runc, a registry with one image under many names, kubelet: one real node
# proxy    kube-proxy in nftables mode: Service addresses work from pods and from the API server
# kwok     fake nodes: those with the annotation kwok.x-k8s.io/node=fake
# ksm      kube-state-metrics
#
# EVICTION='{nodefs.available: 99%}' up.sh kubelet         replaces the kubelet's evictionHard
# From the machine: https://127.0.0.1:$((PORT+443)), kubeconfig data/kube/admin.conf below the base folder.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || die "root is needed: namespaces, cgroups and containers are real"

SERVER=https://127.0.0.1:$API_PORT
T0=$(date +%s%N)
step() { say "[$((($(date +%s%N) - T0) / 1000000)) ms] $*"; }

packages() {
  [ -x "$TRIXIE/usr/bin/etcd" ] || debs "$DEB_ETCD"
  [ -x "$TRIXIE/usr/bin/containerd" ] || debs "$DEB_CONTAINERD"
  [ -x "$BOOKWORM/usr/sbin/runc" ] || debs "$DEB_RUNC"
  [ -x "$BOOKWORM/bin/busybox" ] || debs "$DEB_BUSYBOX"
  [ -x "$BOOKWORM/usr/lib/cni/ptp" ] || debs "$DEB_CNI"
  [ -x "$BOOKWORM/usr/sbin/nft" ] || debs "$DEB_NFT"
}

certificates() {
  mkdir -p "$KUBE/pki"; cd "$KUBE/pki"
  local ec=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  openssl ecparam -name prime256v1 -genkey -noout -out sa.key
  openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
  openssl req -x509 "${ec[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=testbed-ca 2>/dev/null
  certificate() { # NAME SUBJECT [ALTERNATIVE NAMES]
    openssl req "${ec[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
      -extfile <(printf 'subjectAltName=%s\n' "${3:-DNS:localhost}") 2>/dev/null
  }
  certificate apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$NODE_IP"
  certificate admin /O=system:masters/CN=admin
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" "IP:$NODE_IP,DNS:$NODE_NAME"
  certificate client /O=system:masters/CN=kube-apiserver-kubelet-client
  local user
  for user in admin kubelet; do
    cat > "$KUBE/$user.conf" <<C
apiVersion: v1
kind: Config
current-context: testbed
clusters: [{name: testbed, cluster: {server: "$SERVER", certificate-authority: "$KUBE/pki/ca.crt"}}]
users: [{name: $user, user: {client-certificate: "$KUBE/pki/$user.crt", client-key: "$KUBE/pki/$user.key"}}]
contexts: [{name: testbed, context: {cluster: testbed, user: $user}}]
C
  done
  echo 'admin,admin,1,"system:masters"' > tokens.csv
  cd - > /dev/null
}

# Pid 1 of the namespaces. When it dies the kernel ends every process and drops every mount inside.
# There is no default route: nothing in there can reach the machine's network, image pulls included.
namespaces() {
  mkdir -p "$RUN" "$LOG" "$NODE"/{varlog,kubelet,cni.d,certs.d} /run/containerd /var/lib/kubelet
  echo 'nameserver 127.0.0.1' > "$NODE/resolv.conf"
  setsid nohup unshare -m -u -n -p --fork --mount-proc --propagation private -- bash -c '
    set -e
    hostname control-1
    ip link set lo up; ip addr add "$1/32" dev lo; ip route add 10.96.0.0/16 dev lo src "$1"
    mount -t tmpfs tmpfs /run/containerd
    mount --bind "$2/varlog" /var/log; mount --bind "$2/kubelet" /var/lib/kubelet; mount --bind "$2/resolv.conf" /etc/resolv.conf
    mount --make-rshared /
    touch "$3"; trap "" TERM; set +e
    while :; do sleep 3600 & wait $!; done' holder "$NODE_IP" "$NODE" "$KUBE/ns.ready" > "$LOG/holder.log" 2>&1 < /dev/null &
  local outer=$! inner
  until_ok 5 "namespaces, see $LOG/holder.log" test -e "$KUBE/ns.ready"
  inner=$(cat "/proc/$outer/task/$outer/children")
  echo "${inner% }" > "$RUN/holder.pid"
  setsid nohup python3 "$HERE/nsfwd.py" "$(pid_of holder)" $FORWARDED_PORTS > "$LOG/nsfwd.log" 2>&1 < /dev/null &
  echo $! > "$RUN/nsfwd.pid"
}

control() {
  start etcd "$TRIXIE/usr/bin/etcd" --data-dir "$KUBE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:$ETCD_PORT --advertise-client-urls http://127.0.0.1:$ETCD_PORT --listen-peer-urls http://127.0.0.1:$((ETCD_PORT + 1))
  apiserver
  # The default client rate (20/s) makes start-up and pod bursts wait for the limiter, not for the machine.
  # whoever scrapes them is asked about at the API server
  local asks=(--authentication-kubeconfig="$KUBE/admin.conf" --authorization-kubeconfig="$KUBE/admin.conf")
  start kcm "$BIN/kube-controller-manager" --kubeconfig="$KUBE/admin.conf" --service-account-private-key-file="$KUBE/pki/sa.key" --root-ca-file="$KUBE/pki/ca.crt" \
    --use-service-account-credentials=true --leader-elect=false --bind-address=127.0.0.1 --secure-port=$KCM_PORT "${asks[@]}" --kube-api-qps=300 --kube-api-burst=600
  start scheduler "$BIN/kube-scheduler" --kubeconfig="$KUBE/admin.conf" --leader-elect=false --bind-address=127.0.0.1 --secure-port=$SCHEDULER_PORT "${asks[@]}" --kube-api-qps=300 --kube-api-burst=600
  until_ok 60 "default service account" kc get serviceaccount default
  step "default service account"
}

apiserver() {
  start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:$ETCD_PORT --bind-address=127.0.0.1 --secure-port=$API_PORT --service-cluster-ip-range=10.96.0.0/16 \
    --tls-cert-file="$KUBE/pki/apiserver.crt" --tls-private-key-file="$KUBE/pki/apiserver.key" --client-ca-file="$KUBE/pki/ca.crt" --token-auth-file="$KUBE/pki/tokens.csv" \
    --anonymous-auth=false --authorization-mode=Node,RBAC --allow-privileged=true --event-ttl=24h \
    --kubelet-client-certificate="$KUBE/pki/client.crt" --kubelet-client-key="$KUBE/pki/client.key" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$KUBE/pki/sa.pub" --service-account-signing-key-file="$KUBE/pki/sa.key" \
    --advertise-address=$NODE_IP --endpoint-reconciler-type=none
  until_ok 90 "API server, see $LOG/apiserver.log" curl -sf -m 2 --cacert "$KUBE/pki/ca.crt" -H 'Authorization: Bearer admin' "$SERVER/readyz"
  step "API server"
}

node() { runtime; kubelet; }

runtime() {
  alive containerd && return 0
  [ -s "$NODE/images/app.digest" ] || python3 "$HERE/ociimage.py" "$BOOKWORM/bin/busybox" "$NODE/images"
  start registry python3 "$HERE/registry.py" $REGISTRY_PORT "$NODE/images" "$HERE/faults/images.txt"
  mkdir -p "$NODE/certs.d/registry.example.com"
  # `server` is the same address: otherwise a 404 here is followed by a try at the real name.
  printf 'server = "http://127.0.0.1:%s"\n[host."http://127.0.0.1:%s"]\n  capabilities = ["pull", "resolve"]\n' $REGISTRY_PORT $REGISTRY_PORT > "$NODE/certs.d/registry.example.com/hosts.toml"
  cat > "$NODE/containerd.toml" <<C
version = 2
root = "$NODE/containerd"
state = "/run/containerd/state"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.example.com/base/pause:1"
  restrict_oom_score_adj = true   # without CAP_SYS_RESOURCE runc cannot lower oom_score_adj
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$NODE/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$BOOKWORM/usr/lib/cni"
    conf_dir = "$NODE/cni.d"
C
  echo '{"cniVersion":"0.4.0","name":"pods","plugins":[{"type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}],"dataDir":"/run/containerd/cni"}}]}' > "$NODE/cni.d/10-pods.conflist"
  start containerd env PATH="$TRIXIE/usr/bin:$BOOKWORM/usr/sbin:$PATH" "$TRIXIE/usr/bin/containerd" -c "$NODE/containerd.toml"
  until_ok 15 "containerd, see $LOG/containerd.log" inside "$TRIXIE/usr/bin/ctr" version
  local i
  for i in app pause; do inside "$TRIXIE/usr/bin/ctr" -n k8s.io image import "$NODE/images/$i.tar" > /dev/null; done
  step "containerd"
}

kubelet() {
  cat > "$NODE/kubelet.yaml" <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false            # cgroup v1 machines are welcome
cgroupDriver: cgroupfs
failSwapOn: false
address: $NODE_IP
port: $KUBELET_PORT
healthzPort: $KUBELET_HEALTH_PORT
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "$KUBE/pki/ca.crt"}}
authorization: {mode: Webhook}
tlsCertFile: "$KUBE/pki/kubelet.crt"
tlsPrivateKeyFile: "$KUBE/pki/kubelet.key"
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
evictionHard: ${EVICTION:-{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%\}}
evictionPressureTransitionPeriod: 10s
imageGCHighThresholdPercent: 100   # image collection on a full disk would take the sandbox image away
resolvConf: "$NODE/resolv.conf"
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
C
  start kubelet "$BIN/kubelet" --config="$NODE/kubelet.yaml" --kubeconfig="$KUBE/kubelet.conf" --hostname-override=$NODE_NAME --node-ip=$NODE_IP
  until_ok 60 "node $NODE_NAME Ready, see $LOG/kubelet.log" kc wait --for=condition=Ready --timeout=1s "node/$NODE_NAME"
  step "node $NODE_NAME"
}

proxy() {
  cat > "$NODE/proxy.yaml" <<C
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: "$KUBE/admin.conf"}
hostnameOverride: $NODE_NAME
clusterCIDR: 10.244.0.0/24
bindAddress: $NODE_IP
healthzBindAddress: 127.0.0.1:$PROXY_HEALTH_PORT
metricsBindAddress: 127.0.0.1:$PROXY_METRICS_PORT
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
C
  start proxy env PATH="$BOOKWORM/usr/sbin:$PATH" LD_LIBRARY_PATH="$BOOKWORM/usr/lib/x86_64-linux-gnu:$BOOKWORM/lib/x86_64-linux-gnu" "$BIN/kube-proxy" --config="$NODE/proxy.yaml"
  until_ok 20 "kube-proxy, see $LOG/proxy.log" inside curl -sf -m 2 http://127.0.0.1:$PROXY_HEALTH_PORT/healthz
  step "kube-proxy"
}

kwok() { # With --enable-crds=Stage kwok has no stages of its own, so all of them are applied.
  kc apply --server-side -f "$TB/kwok/crd.yaml" > /dev/null
  kc wait --for condition=established --timeout=20s crd/stages.kwok.x-k8s.io > /dev/null
  kc apply --server-side -f "$TB/kwok/stages.yaml" -f "$HERE/kwok/crashloop-stages.yaml" > /dev/null
  start kwok "$BIN/kwok" --kubeconfig="$KUBE/admin.conf" --manage-all-nodes=false --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake \
    --enable-crds=Stage --server-address=127.0.0.1:$KWOK_PORT --node-ip=$NODE_IP --node-lease-duration-seconds=40
  until_ok 20 "kwok, see $LOG/kwok.log" inside curl -sf -m 2 http://127.0.0.1:$KWOK_PORT/healthz
  step "kwok"
}

ksm() {
  start ksm "$BIN/kube-state-metrics" --kubeconfig="$KUBE/admin.conf" --host=127.0.0.1 --port=$KSM_PORT --telemetry-host=127.0.0.1 --telemetry-port=$((KSM_PORT + 1))
  until_ok 30 "kube-state-metrics, see $LOG/ksm.log" inside curl -sf -m 2 http://127.0.0.1:$KSM_PORT/livez
  step "kube-state-metrics"
}

parts=("${@:-control}")
[ $# -gt 0 ] || parts=(control node proxy)
for part in "${parts[@]}"; do
  case $part in control | node | proxy | kwok | ksm | kubelet | apiserver) ;; *) die "unknown part '$part': control, node, proxy, kwok, ksm, kubelet or apiserver (Prometheus and the like: partners.sh)" ;; esac
done
"$HERE/build.sh"
if ! alive holder; then
  rm -rf "$TB/data" "$RUN"; mkdir -p "$KUBE" "$NODE" "$LOG"
  packages; certificates; namespaces
  step "namespaces"
fi
for part in "${parts[@]}"; do "$part"; done
