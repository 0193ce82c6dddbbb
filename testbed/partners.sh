#!/usr/bin/env bash
# The programs that Rootline works with, real ones: inside the cluster's namespaces when it is up, else on the machine.
#
# usage: partners.sh start NAME...      partners.sh stop [NAME...]      partners.sh restart NAME...      partners.sh status
#
# prometheus     scrapes what runs of: itself, Alertmanager, node exporter, kube-state-metrics, API server, kubelet and its
#                cAdvisor, scheduler, controller manager, Rootline; alerts go to Alertmanager and, with ROUTE_ROOTLINE=1, to Rootline
# alertmanager   with the shipped grouping and inhibition (deploy/alertmanager); notifications go to the webhook receiver
# node_exporter  with the node's name as its instance
# ksm            kube-state-metrics; needs the cluster
# loki           Loki, one process, files below the base folder
# collector      OpenTelemetry collector: pod logs of the node and OTLP on 4317/4318-like ports into Loki (LOGS_TO: another push address)
# promtail       Promtail: the same pod logs, by the older shipper
# toxiproxy      slow, cut and garbled connections between any two of them
# webhook        receives notifications, one JSON line each, into data/partners/webhook.jsonl; serves data/partners/made.prom to Prometheus
#
# SCRAPE=15s           scrape and evaluation interval          RULES_FOR=30s   `for:` of all rules but those about the machine
# PROMETHEUS=next      Prometheus of Debian sid (3.x), ALERTMANAGER=next likewise, instead of Debian trixie's
# EXTRA_RULES=FILE     one more rule file              GROUP_WAIT, GROUP_INTERVAL   Alertmanager's, instead of the shipped ones
. "$(dirname "$0")/lib.sh"

SCRAPE=${SCRAPE:-15s}
ALL="prometheus alertmanager node_exporter ksm loki collector promtail toxiproxy webhook"
SHIPPED=$HERE/../deploy

ready() { # NAME URL [SECONDS]
  until_ok "${3:-30}" "$1, see $LOG/$1.log" inside curl -sf -m 2 -o /dev/null "$2" || exit 1
  alive "$1" || die "$1 ended, see $LOG/$1.log; is its port taken?"
  say "$1: $2"
}
need() { alive holder || die "$1 needs the cluster: testbed/up.sh first"; }

# --- Prometheus
static_job() { # NAME ADDRESS [KEY: VALUE]...
  local name=$1 address=$2 line; shift 2
  printf -- '- job_name: %s\n  static_configs: [{targets: ["%s"]}]\n' "$name" "$address"
  for line in "$@"; do printf '  %s\n' "$line"; done
}
scrape_jobs() {
  local token='authorization: {credentials: admin}' tls="tls_config: {insecure_skip_verify: true}"
  local node="relabel_configs: [{target_label: node, replacement: $NODE_NAME}, {target_label: metrics_path, source_labels: [__metrics_path__]}]"
  static_job prometheus "127.0.0.1:$PROMETHEUS_PORT"
  ! alive alertmanager || static_job alertmanager "127.0.0.1:$ALERTMANAGER_PORT"
  ! alive node_exporter || static_job node-exporter "127.0.0.1:$NODE_EXPORTER_PORT" "relabel_configs: [{target_label: instance, replacement: $NODE_NAME}]"
  ! alive ksm || static_job kube-state-metrics "127.0.0.1:$KSM_PORT" "honor_labels: true"
  ! alive webhook || static_job made "127.0.0.1:$WEBHOOK_PORT"
  [ -z "${ROUTE_ROOTLINE:-}" ] || static_job rootline "127.0.0.1:$ROOTLINE_PORT"
  alive holder || return 0
  ! alive apiserver || static_job apiserver "127.0.0.1:$API_PORT" "scheme: https" "$tls" "$token"
  ! alive scheduler || static_job kube-scheduler "127.0.0.1:$SCHEDULER_PORT" "scheme: https" "$tls" "$token"
  ! alive kcm || static_job kube-controller-manager "127.0.0.1:$KCM_PORT" "scheme: https" "$tls" "$token"
  [ -s "$NODE/kubelet.yaml" ] || return 0
  static_job kubelet "$NODE_IP:$KUBELET_PORT" "scheme: https" "$tls" "$token" "honor_labels: true" "$node"
  static_job cadvisor "$NODE_IP:$KUBELET_PORT" "scheme: https" "$tls" "$token" "honor_labels: true" "metrics_path: /metrics/cadvisor" \
    "${node%]}, {target_label: job, replacement: kubelet}]"
}
prometheus_config() { # DIR
  local rules=$1/kubernetes.yml file targets
  cp "$SHIPPED/prometheus/rules/kubernetes.yml" "$rules"
  # not those about the machine itself: how busy it is and how full its disk, no test decides
  if [ -n "${RULES_FOR:-}" ]; then
    awk -v f="$RULES_FOR" '/^ *- (alert|record):/ {machine = $3 ~ /^Node/} /^ *for: / && !machine {sub(/for: .*/, "for: " f)} {print}' "$rules" > "$rules.cut"
    mv "$rules.cut" "$rules"
  fi
  targets="\"127.0.0.1:$ALERTMANAGER_PORT\""
  cat <<C
global: {scrape_interval: $SCRAPE, evaluation_interval: $SCRAPE, external_labels: {cluster: testbed}}
rule_files: ["$rules"$(for file in ${EXTRA_RULES:-}; do printf ', "%s"' "$file"; done)]
alerting:
  alertmanagers:
  - static_configs: [{targets: [$targets]}]
$([ -z "${ROUTE_ROOTLINE:-}" ] || printf -- '  - {timeout: 3s, static_configs: [{targets: ["127.0.0.1:%s"]}]}\n' "$ROOTLINE_PORT")
scrape_configs:
$(scrape_jobs)
C
}
prometheus() {
  local root=$TRIXIE dir=$PARTNERS/prometheus
  if [ "${PROMETHEUS:-}" = next ]; then root=$SID; [ -x "$root/usr/bin/promtool" ] || debs "$DEB_PROMETHEUS_NEXT"
  else [ -x "$root/usr/bin/promtool" ] || debs "$DEB_PROMETHEUS"; fi
  mkdir -p "$dir/tsdb"
  prometheus_config "$dir" > "$dir/prometheus.yml"
  "$root/usr/bin/promtool" check config "$dir/prometheus.yml" > "$LOG/promtool.log" 2>&1 || { cat "$LOG/promtool.log" >&2; die "the configuration made for Prometheus is wrong"; }
  start prometheus "$root/usr/bin/prometheus" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --storage.tsdb.retention.time=15d \
    --web.console.templates="$root/etc/prometheus/consoles" --web.console.libraries="$root/etc/prometheus/console_libraries" \
    --web.enable-lifecycle --web.enable-admin-api --web.enable-remote-write-receiver --web.listen-address=127.0.0.1:$PROMETHEUS_PORT
  ready prometheus http://127.0.0.1:$PROMETHEUS_PORT/-/ready
}

# --- Alertmanager. Debian's build reads its templates from /usr/share/prometheus: lent to it in a mount namespace of its own.
alertmanager() {
  local root=$TRIXIE dir=$PARTNERS/alertmanager
  if [ "${ALERTMANAGER:-}" = next ]; then root=$SID; [ -x "$root/usr/bin/prometheus-alertmanager" ] || debs "$DEB_ALERTMANAGER_NEXT"
  else [ -x "$root/usr/bin/prometheus-alertmanager" ] || debs "$DEB_ALERTMANAGER"; fi
  mkdir -p "$dir"
  sed -e "s#http://webhook-receiver[^\"' ]*#http://127.0.0.1:$WEBHOOK_PORT/alertmanager#" "$SHIPPED/alertmanager/alertmanager.yml" > "$dir/alertmanager.yml"
  [ -z "${GROUP_WAIT:-}" ] || sed -i -E "s/^( *)group_wait: .*/\1group_wait: $GROUP_WAIT/" "$dir/alertmanager.yml"
  [ -z "${GROUP_INTERVAL:-}" ] || sed -i -E "s/^( *)group_interval: .*/\1group_interval: $GROUP_INTERVAL/" "$dir/alertmanager.yml"
  start alertmanager unshare -m --propagation private -- bash -c 'mount -t overlay overlay -o "lowerdir=$1/usr/share:/usr/share" /usr/share && shift && exec "$@"' overlay "$root" \
    "$root/usr/bin/prometheus-alertmanager" --config.file="$dir/alertmanager.yml" --storage.path="$dir/data" --cluster.listen-address= --web.listen-address=127.0.0.1:$ALERTMANAGER_PORT
  ready alertmanager http://127.0.0.1:$ALERTMANAGER_PORT/-/ready
}

node_exporter() {
  [ -x "$TRIXIE/usr/bin/prometheus-node-exporter" ] || debs "$DEB_NODE_EXPORTER"
  start node_exporter "$TRIXIE/usr/bin/prometheus-node-exporter" --web.listen-address=127.0.0.1:$NODE_EXPORTER_PORT --no-collector.systemd --no-collector.thermal_zone
  ready node_exporter http://127.0.0.1:$NODE_EXPORTER_PORT/metrics
}

ksm() {
  need kube-state-metrics
  alive ksm || "$HERE/up.sh" ksm
}

# --- logs. Pod logs are those of the cluster's node; without a cluster, what lies in data/partners/pods in the same shape.
pod_logs() { if alive holder; then echo "$NODE/varlog/pods"; else echo "$PARTNERS/pods"; fi; }
filled() { # FILE : its placeholders replaced
  sed -e "s#@DATA@#$PARTNERS#g; s#@PODS@#$(pod_logs)#g; s#@LOKI@#127.0.0.1:$LOKI_PORT#g; s#@LOGS_TO@#${LOGS_TO:-http://127.0.0.1:$LOKI_PORT}#g" \
    -e "s#@LOKI_PORT@#$LOKI_PORT#g; s#@LOKI_GRPC_PORT@#$LOKI_GRPC_PORT#g; s#@OTLP_GRPC_PORT@#$OTLP_GRPC_PORT#g; s#@OTLP_HTTP_PORT@#$OTLP_HTTP_PORT#g; s#@PROMTAIL_PORT@#$PROMTAIL_PORT#g" "$HERE/partners/$1"
}
loki() {
  "$HERE/build-partners.sh" loki
  mkdir -p "$PARTNERS/loki"
  filled loki.yml > "$PARTNERS/loki.yml"
  start loki "$BIN/loki" -config.file="$PARTNERS/loki.yml"
  ready loki http://127.0.0.1:$LOKI_PORT/ready 60
}
collector() {
  "$HERE/build-partners.sh" collector
  mkdir -p "$PARTNERS/collector" "$(pod_logs)"
  filled collector.yml > "$PARTNERS/collector.yml"
  start collector "$BIN/otelcol" --config "$PARTNERS/collector.yml"
  until_ok 30 "collector, see $LOG/collector.log" inside bash -c "exec 3<> /dev/tcp/127.0.0.1/$OTLP_HTTP_PORT" || exit 1
  say "collector: OTLP on http://127.0.0.1:$OTLP_HTTP_PORT"
}
promtail() {
  "$HERE/build-partners.sh" promtail
  mkdir -p "$(pod_logs)"
  filled promtail.yml > "$PARTNERS/promtail.yml"
  start promtail "$BIN/promtail" -config.file="$PARTNERS/promtail.yml"
  ready promtail http://127.0.0.1:$PROMTAIL_PORT/metrics
}
toxiproxy() { # POST /proxies {"name","listen","upstream"}; POST /proxies/NAME/toxics {"type": "latency", "attributes": {"latency": 400}}
  "$HERE/build-partners.sh" toxiproxy
  start toxiproxy "$BIN/toxiproxy" -host 127.0.0.1 -port "$TOXIPROXY_PORT"
  ready toxiproxy http://127.0.0.1:$TOXIPROXY_PORT/version
}

webhook() {
  mkdir -p "$PARTNERS"
  start webhook python3 "$HERE/webhook.py" "$WEBHOOK_PORT" "$PARTNERS/webhook.jsonl"
  ready webhook http://127.0.0.1:$WEBHOOK_PORT/healthz
}

action=${1:-}; [ $# -eq 0 ] || shift
case $action in
  start | restart) [ $# -gt 0 ] || die "which? $ALL" ;;
  stop) [ $# -gt 0 ] || set -- $ALL ;;
  status) set -- $ALL ;;
  *) sed -n '2,21s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
for name in "$@"; do
  case " $ALL " in *" $name "*) ;; *) die "unknown part '$name': $ALL" ;; esac
done
mkdir -p "$LOG"
for name in "$@"; do
  case $action in
    start) if alive "$name"; then say "$name: runs already"; else "$name"; fi ;;
    restart) stop "$name"; "$name" ;;
    stop) stop "$name" ;;
    status) if alive "$name"; then echo "$name up"; else echo "$name -"; fi ;;
  esac
done
