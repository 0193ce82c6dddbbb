#!/usr/bin/env bash
# deploy/compose brought up as its guide says, by a real Docker Engine and Docker Compose: health, scraping, rules, an alert that becomes an
# incident and comes back to Alertmanager, a restart, and what is left when it is taken down. The cluster is a real API server with a pod
# that cannot get its image, read by a real kube-state-metrics.
# Not as in the guide: images are made from the programs under the names that the file asks for (Prometheus 3.5.3 and Loki $LOKI stand in
# for 3.5.0 and 3.4.2); Grafana and Fluent Bit are not to be had and left out; one rule more, which does not wait a quarter of an hour.
# Everything runs in network, mount and pid namespaces of its own, so it meets no other test bed and goes without a trace.
#
# usage: compose.sh [--keep]      ROOTLINE: path of the rootline binary      about three minutes, without the first build of Loki
#   --keep   leaves it up until this script is ended (Ctrl-C) and says how to get in
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || die "root is needed: namespaces, cgroups and containers are real"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
CGROUP=/rootline-compose
if [ -z "${COMPOSE_WORK:-}" ]; then
  "$HERE/build.sh"
  "$HERE/build-partners.sh" loki
  [ -x "$TRIXIE/usr/bin/etcd" ] || debs "$DEB_ETCD"
  [ -x "$TRIXIE/usr/bin/containerd" ] || debs "$DEB_CONTAINERD"
  [ -x "$BOOKWORM/usr/sbin/runc" ] || debs "$DEB_RUNC"
  [ -x "$BOOKWORM/bin/busybox" ] || debs "$DEB_BUSYBOX"
  [ -x "$TRIXIE/usr/sbin/dockerd" ] || debs "$DEB_DOCKER"
  [ -x "$TRIXIE/usr/bin/prometheus-alertmanager" ] || debs "$DEB_ALERTMANAGER"
  [ -x "$SID/usr/bin/prometheus" ] || debs "$DEB_PROMETHEUS_NEXT"
  COMPOSE_WORK=$(mktemp -d) COMPOSE_OUTER=$$; export COMPOSE_WORK COMPOSE_OUTER
  status=1
  trace_free() {
    for _ in $(seq 50); do   # the groups of containers that ended with their namespace
      left=$(find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup/*$CGROUP*" 2> /dev/null || true)
      [ -n "$left" ] || break
      for folder in $left; do rmdir "$folder" 2> /dev/null || true; done
      sleep 0.1
    done
    if [ "$status" = 0 ]; then rm -rf "$COMPOSE_WORK"; else say "compose.sh: logs are in $COMPOSE_WORK"; fi
  }
  trap trace_free EXIT
  trap 'kill -KILL $!; wait $! || true; exit 130' INT TERM
  unshare -n -m -u -p --fork --kill-child --mount-proc --propagation private -- bash "$0" "$@" &
  wait $! && status=0
  exit "$status"
fi

# --- from here on inside the namespaces, as their pid 1
WORK=$COMPOSE_WORK RUN=$COMPOSE_WORK/run LOG=$COMPOSE_WORK/log KUBE=$COMPOSE_WORK/kube keep=${1:-}
DEPLOY=$WORK/tree/deploy COMPOSE_DIR=$WORK/tree/deploy/compose
ADDRESS=10.99.7.1             # the machine's, as a container sees it
KUBECONFIG_ADMIN=$KUBE/admin.conf
passed=0 failed=0
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$WORK/out" 2>&1; then echo "PASS $name"; passed=$((passed + 1))
  else echo "FAIL $name"; sed 's/^/     /' "$WORK/out" | cut -c1-400 | tail -12; failed=$((failed + 1)); fi
}
dc() { docker compose -f "$COMPOSE_DIR/compose.yaml" "$@"; }
token() { cat "$COMPOSE_DIR/run/$1-token"; }

network_and_folders() {
  mkdir -p "$RUN" "$LOG" "$KUBE" "$WORK/bin" "$WORK/docker"
  hostname compose
  ip link set lo up; ip addr add $ADDRESS/32 dev lo
  mount -t tmpfs tmpfs /run
  local name
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s "$TRIXIE/usr/sbin/xtables-nft-multi" "$WORK/bin/$name"
  done
  export PATH=$WORK/bin:$TRIXIE/usr/sbin:$TRIXIE/usr/bin:$BOOKWORM/usr/sbin:$PATH
  export DOCKER_CONFIG=$WORK/docker-config
  mkdir -p "$DOCKER_CONFIG/cli-plugins"
  ln -s "$TRIXIE/usr/libexec/docker/cli-plugins/docker-compose" "$DOCKER_CONFIG/cli-plugins/"
}
engine() {
  local libraries=$TRIXIE/usr/lib/x86_64-linux-gnu
  start dockerd env LD_LIBRARY_PATH="$libraries" XTABLES_LIBDIR="$libraries/xtables" \
    dockerd --data-root "$WORK/docker" --exec-root /run/docker --cgroup-parent $CGROUP --bip 10.99.8.1/24 --default-address-pool base=10.99.16.0/20,size=24
  until_ok 30 "the Docker Engine, see $LOG/dockerd.log" docker version
}
image() { # PROGRAM REFERENCE [OPTION]...
  python3 "$HERE/programimage.py" "$1" "$2" "$WORK/image.tar" "${@:3}"
  docker load -q -i "$WORK/image.tar" > /dev/null
  rm "$WORK/image.tar"
}
asked_for() { awk -v name="  $1:" '$0 ~ "^" name {here = 1} here && /image:/ {print $2; exit}' "$COMPOSE_DIR/compose.yaml"; } # SERVICE
images() { # laid out like those that the file names
  local busybox=$BOOKWORM/bin/busybox
  image "$ROOTLINE" "$(asked_for rootline)"
  image "$SID/usr/bin/prometheus" "$(asked_for prometheus)" --at /bin/prometheus --user 65534 --own /prometheus --busybox "$busybox"
  image "$TRIXIE/usr/bin/prometheus-alertmanager" "$(asked_for alertmanager)" --at /bin/alertmanager --user 65534 --own /alertmanager --busybox "$busybox" \
    --add "$TRIXIE/usr/share/prometheus/alertmanager:/usr/share/prometheus/alertmanager"
  image "$BIN/loki" "$(asked_for loki)" --at /usr/bin/loki --user 10001 --own /loki --busybox "$busybox"
  image "$BIN/kube-state-metrics" "$(asked_for kube-state-metrics)" --at /kube-state-metrics --user 65534
  image /usr/bin/python3 "$(asked_for webhook-receiver)" --at /usr/local/bin/python3 --user 0 --plain --busybox "$busybox" \
    --add "$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))'):/usr/local/lib/$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
}

api_server() { # with its certificate for $ADDRESS, and a pod whose image does not exist
  cd "$KUBE" || exit
  local ec=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  openssl ecparam -name prime256v1 -genkey -noout -out sa.key; openssl ec -in sa.key -pubout -out sa.pub 2> /dev/null
  openssl req -x509 "${ec[@]}" -keyout ca.key -out ca.crt -days 30 -subj /CN=testbed-ca 2> /dev/null
  openssl req "${ec[@]}" -keyout apiserver.key -out apiserver.csr -subj /CN=kube-apiserver 2> /dev/null
  openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out apiserver.crt -extfile <(echo "subjectAltName=IP:$ADDRESS") 2> /dev/null
  echo 'admin,admin,1,"system:masters"' > tokens.csv
  cd - > /dev/null || exit
  # the authority as a file, as minikube and others write it
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: t\nclusters: [{name: t, cluster: {server: "https://%s:%s", certificate-authority: "%s"}}]\nusers: [{name: t, user: {token: admin}}]\ncontexts: [{name: t, context: {cluster: t, user: t}}]\n' \
    $ADDRESS "$API_PORT" "$KUBE/ca.crt" > "$KUBECONFIG_ADMIN"
  start etcd "$TRIXIE/usr/bin/etcd" --data-dir "$KUBE/etcd" --unsafe-no-fsync --log-level warn --listen-client-urls http://127.0.0.1:$ETCD_PORT \
    --advertise-client-urls http://127.0.0.1:$ETCD_PORT --listen-peer-urls http://127.0.0.1:$((ETCD_PORT + 1))
  start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:$ETCD_PORT --bind-address=$ADDRESS --secure-port=$API_PORT --service-cluster-ip-range=10.96.0.0/16 \
    --tls-cert-file="$KUBE/apiserver.crt" --tls-private-key-file="$KUBE/apiserver.key" --token-auth-file="$KUBE/tokens.csv" --anonymous-auth=false \
    --authorization-mode=RBAC --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$KUBE/sa.pub" \
    --service-account-signing-key-file="$KUBE/sa.key" --advertise-address=$ADDRESS --endpoint-reconciler-type=none
}
pod_without_image() {
  until_ok 60 "API server, see $LOG/apiserver.log" kc get --raw /readyz
  kc create namespace shop > /dev/null; kc -n shop create serviceaccount default > /dev/null
  kc create -f - > /dev/null <<C
{apiVersion: v1, kind: Pod, metadata: {name: cart, namespace: shop}, spec: {nodeName: worker-1, containers: [{name: app, image: "registry.example.com/no/such:1"}]}}
C
  kc -n shop patch pod cart --subresource=status --type=merge -p '{"status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
    "containerStatuses": [{"name": "app", "image": "registry.example.com/no/such:1", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff",
    "message": "Back-off pulling image \"registry.example.com/no/such:1\": failed to resolve reference: registry.example.com/no/such:1: not found"}}}]}}' > /dev/null
}

# --- what is asked
# shellcheck disable=SC2046
healthy() { [ "$(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' $(dc ps -aq) | sort -u)" = "running healthy" ]; }
# shellcheck disable=SC2046
no_restarts() { local counts; counts=$(docker inspect -f '{{.Name}} {{.RestartCount}}' $(dc ps -aq)); echo "$counts"; ! grep -v ' 0$' <<< "$counts"; }
prometheus() { curl -sf -m 5 "http://127.0.0.1:9090/api/v1/$1" "${@:2}"; }
up() { prometheus query --data-urlencode "query=up{job=\"$1\"}" | grep -q '"value":\[[0-9.]*,"1"\]'; }
rules_fine() { prometheus rules | python3 -c '
import json, sys
groups = json.load(sys.stdin)["data"]["groups"]
bad = [(r["name"], r.get("lastError")) for g in groups for r in g["rules"] if r["health"] != "ok"]
names = {r["name"] for g in groups for r in g["rules"]}
print(len(names), "rules, bad:", bad)
sys.exit(bool(bad) or not {"RootlineDown", "KubePodNotReady", "Watchdog"} <= names)'; }
quiet_about_what_is_not_there() { prometheus alerts | python3 -c '
import json, sys
names = {a["labels"]["alertname"] for a in json.load(sys.stdin)["data"]["alerts"]}
print(sorted(names)); sys.exit(bool(names & {"KubeAPIDown", "KubeSchedulerDown", "KubeControllerManagerDown"}) or "Watchdog" not in names)'; }
both_routes() { prometheus alertmanagers | python3 -c 'import json, sys; t = sorted(a["url"] for a in json.load(sys.stdin)["data"]["activeAlertmanagers"]); print(t); sys.exit(len(t) != 2)'; }
no_dropped() { [ "$(prometheus query --data-urlencode 'query=sum(prometheus_notifications_errors_total)' | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["result"][0]["value"][1])')" = 0 ]; }
incidents() { ROOTLINE_TOKEN=$(token operator) "$ROOTLINE" incidents "$@"; }
incident_is_there() { incidents | grep shop/cart; }
inside_too() { dc exec -T rootline rootline incidents --token "$(token operator)" | grep shop/cart; }
enriched() { # [ADDRESS]
  curl -sf -m 5 "http://${1:-127.0.0.1}:9093/api/v2/alerts" | python3 -c '
import json, sys
copies = [a for a in json.load(sys.stdin) if a["labels"].get("rootline_incident") and a["labels"]["alertname"] == "TryPodNotReady"]
print(copies)
sys.exit(not any(a["labels"].get("rootline_role") in ("core", "folded") and a["labels"].get("pod") == "cart" for a in copies))'; }
second_alertmanager() { # of the same name, as the pods of a headless Service are
  docker run -d --name second --network rootline_default --network-alias alertmanager --cgroup-parent $CGROUP -v "$DEPLOY/alertmanager/alertmanager.yml:/am.yml:ro" \
    "$(asked_for alertmanager)" --config.file=/am.yml --storage.path=/alertmanager --cluster.listen-address= &&
    until_ok 100 "copy" enriched "$(docker inspect -f '{{.NetworkSettings.Networks.rootline_default.IPAddress}}' second)"
}
direct_is_silent() { curl -sf -m 5 http://127.0.0.1:9093/api/v2/alerts | python3 -c '
import json, sys
direct = [a for a in json.load(sys.stdin) if not a["labels"].get("rootline_role") and a["labels"]["alertname"] == "TryPodNotReady"]
print(direct)
sys.exit(not (direct and all(a["status"]["inhibitedBy"] for a in direct)))'; }
printed() { dc logs --no-log-prefix webhook-receiver | grep "\"path\": \"$1\"" | grep -q "$2"; }
sources() { prometheus query --data-urlencode 'query=rootline_source_up' | python3 -c '
import json, sys
seen = {r["metric"]["source"]: r["value"][1] for r in json.load(sys.stdin)["data"]["result"]}
print(seen); sys.exit(not seen or set(seen.values()) != {"1"})'; }
loki_keeps() { # a line goes in and comes out, as Fluent Bit and Grafana would do it
  dc exec -T loki wget -q -O- --header 'Content-Type: application/json' --post-data "{\"streams\": [{\"stream\": {\"job\": \"docker\"}, \"values\": [[\"$(date +%s%N)\", \"a line\"]]}]}" http://127.0.0.1:3100/loki/api/v1/push
  dc exec -T loki wget -q -O- 'http://127.0.0.1:3100/loki/api/v1/query_range?query=%7Bjob%3D%22docker%22%7D' | grep 'a line'
}
number() { incidents | awk '/shop\/cart/ {print $1; exit}'; }
same_incident() { [ "$(number)" = "$1" ]; }
nothing_left() { local left; left="$(docker ps -aq) $(docker volume ls -q) $(docker network ls -q --filter label=com.docker.compose.project)"; echo "$left"; [ -z "${left// /}" ]; }

network_and_folders
api_server
engine
mkdir -p "$DEPLOY" "$WORK/tree/testbed"
cp -r "$HERE/../deploy/." "$DEPLOY"; rm -rf "$COMPOSE_DIR/run"; cp "$HERE/webhook.py" "$WORK/tree/testbed/"
cat > "$DEPLOY/prometheus/rules/try.yml" <<'C'
groups:
- name: try
  rules:
  - alert: TryPodNotReady
    expr: max by (namespace, pod) (kube_pod_status_phase{phase="Pending"}) > 0
    labels: {severity: warning}
    annotations: {summary: "Pod {{ $labels.namespace }}/{{ $labels.pod }} does not start"}
C
images
pod_without_image
services="rootline prometheus alertmanager loki webhook-receiver kube-state-metrics"     # all but grafana and fluent-bit

t0=$(date +%s)
check "prepare.sh makes tokens and takes the kubeconfig" env PATH="$BIN:$PATH" "$COMPOSE_DIR/prepare.sh" "$KUBECONFIG_ADMIN"
echo '[{targets: ["kube-state-metrics:8080"]}]' > "$COMPOSE_DIR/run/targets/kube-state-metrics.yml"      # as the guide says
check "compose up" dc --profile kube-state-metrics up -d --no-build --pull never $services
check "everything is healthy" until_ok 90 "healthy: $(dc ps -a 2>&1)" healthy
for job in prometheus alertmanager rootline loki kube-state-metrics; do check "Prometheus scrapes $job" until_ok 60 "up" up $job; done
check "the rules are loaded and can be asked" until_ok 60 "rules" rules_fine
check "Prometheus knows Alertmanager and Rootline" both_routes
check "Rootline hears all its sources" until_ok 60 "sources" sources
check "the pod is an incident" until_ok 60 "incident" incident_is_there
check "and is shown in the container as well" inside_too
check "its alert comes back to Alertmanager with the incident" until_ok 120 "copy" enriched
check "and keeps the direct one silent" direct_is_silent
check "the receiver printed Rootline's message" until_ok 60 "message" printed /rootline shop/cart
check "and Alertmanager's, with the incident" until_ok 60 "message" printed /alertmanager rootline_incident
check "no alert was refused" no_dropped
check "no alert, not even a pending one, about parts that nobody told it to scrape" quiet_about_what_is_not_there
check "Loki keeps lines" until_ok 30 "line" loki_keeps
check "nothing had to be started twice" no_restarts
check "a second Alertmanager of that name gets the copies too" second_alertmanager
docker rm -f -v second > /dev/null
say "up and seen after $(($(date +%s) - t0)) s"
incidents --all >&2

before=$(number)
check "compose restart" dc --profile kube-state-metrics restart
check "everything is healthy again" until_ok 90 "healthy" healthy
check "the incident is still the same one ($before)" until_ok 60 "incidents" same_incident "$before"
check "a second prepare.sh changes nothing" bash -c 'before=$(sha256sum "$1"/run/*token "$1/run/rootline.yaml"); PATH=$3:$PATH "$1/prepare.sh" "$2" > /dev/null && [ "$before" = "$(sha256sum "$1"/run/*token "$1/run/rootline.yaml")" ]' _ "$COMPOSE_DIR" "$KUBECONFIG_ADMIN" "$BIN"

if [ "$keep" = --keep ]; then
  trap 'exit 0' INT TERM
  say "compose.sh: up; nsenter -t \$(pgrep -P \$(pgrep -P $COMPOSE_OUTER)) -n -m -u -p env PATH=$PATH DOCKER_CONFIG=$DOCKER_CONFIG bash. It ends with this script."
  while :; do sleep 3600 & wait $!; done
fi
check "compose down" dc --profile kube-state-metrics down -v
check "leaves no container, volume or network" nothing_left
echo "compose.sh: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
