# Shared by build.sh, up.sh, down.sh, record.sh and e2e.sh. Source it.
# ROOTLINE_TESTBED       base folder of everything that is downloaded, built or run
# ROOTLINE_TESTBED_PORT  first port on 127.0.0.1; API server +443, kube-state-metrics +80, Prometheus +90, Alertmanager +93,
#                        Rootline +99, the rest below
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TB=${ROOTLINE_TESTBED:-${XDG_CACHE_HOME:-$HOME/.cache}/rootline/testbed}
PORT=${ROOTLINE_TESTBED_PORT:-24000}
. "$HERE/versions.env"

BIN=$TB/bin
RUN=$TB/run                    # pid files
LOG=$TB/log
PARTNERS=$TB/data/partners     # Prometheus, Alertmanager and the like
KUBE=$TB/data/kube             # certificates, kubeconfigs, etcd
NODE=$TB/data/node             # containerd, kubelet
TRIXIE=$TB/root/trixie
BOOKWORM=$TB/root/bookworm
SID=$TB/root/sid
KUBECONFIG_ADMIN=$KUBE/admin.conf
NODE_NAME=worker-1
NODE_IP=10.99.0.1

API_PORT=$((PORT + 443)) ETCD_PORT=$((PORT + 379)) KCM_PORT=$((PORT + 257)) SCHEDULER_PORT=$((PORT + 259))
KUBELET_PORT=$((PORT + 250)) KUBELET_HEALTH_PORT=$((PORT + 248)) PROXY_HEALTH_PORT=$((PORT + 256)) PROXY_METRICS_PORT=$((PORT + 249))
KSM_PORT=$((PORT + 80)) KWOK_PORT=$((PORT + 247)) REGISTRY_PORT=$((PORT + 500))
PROMETHEUS_PORT=$((PORT + 90)) ALERTMANAGER_PORT=$((PORT + 93)) ROOTLINE_PORT=$((PORT + 99)) WEBHOOK_PORT=$((PORT + 98)) NODE_EXPORTER_PORT=$((PORT + 100))
LOKI_PORT=$((PORT + 310)) LOKI_GRPC_PORT=$((PORT + 311)) PROMTAIL_PORT=$((PORT + 312)) OTLP_GRPC_PORT=$((PORT + 317)) OTLP_HTTP_PORT=$((PORT + 318)) TOXIPROXY_PORT=$((PORT + 474))
# offered on 127.0.0.1 of the machine when the parts run inside the namespaces
FORWARDED_PORTS="$API_PORT $KSM_PORT $KWOK_PORT $PROMETHEUS_PORT $ALERTMANAGER_PORT $ROOTLINE_PORT $WEBHOOK_PORT $LOKI_PORT $OTLP_HTTP_PORT $TOXIPROXY_PORT"

KUBE_COMMANDS="kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl kube-proxy"

say() { printf '%s\n' "$*" >&2; }
die() { say "testbed: $*"; exit 1; }
kc() { "$BIN/kubectl" --kubeconfig "$KUBECONFIG_ADMIN" "$@"; }

# until_ok SECONDS WHAT COMMAND... : polls until the command succeeds
until_ok() {
  local limit=$1 what=$2 end; shift 2
  end=$(($(date +%s) + limit))
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || { say "testbed: gave up after $limit s: $what"; return 1; }
    sleep 0.2
  done
}

pid_of() { cat "$RUN/$1.pid" 2>/dev/null; }
alive() { local p; p=$(pid_of "$1") && [ -d "/proc/$p" ]; }

# Where the parts run: inside the cluster's namespaces when it is up, else on the machine.
inside() {
  local h; h=$(pid_of holder || true)
  if [ -n "$h" ] && [ -d "/proc/$h" ]; then nsenter -t "$h" -m -u -n -p -- "$@"; else "$@"; fi
}

# start NAME COMMAND... : there, with its own log. The pid file holds the pid the machine sees.
start() {
  local name=$1 outer inner=""; shift
  mkdir -p "$RUN" "$LOG"
  if ! alive holder; then
    setsid nohup "$@" > "$LOG/$name.log" 2>&1 < /dev/null &
    echo $! > "$RUN/$name.pid"; disown; return
  fi
  setsid nohup nsenter -t "$(pid_of holder)" -m -u -n -p -- "$@" > "$LOG/$name.log" 2>&1 < /dev/null &
  outer=$!; disown      # its end is no news for the shell
  for _ in $(seq 100); do
    [ "$(cat "/proc/$outer/comm" 2>/dev/null)" = nsenter ] && inner=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null || true)
    [ -n "$inner" ] && break
    sleep 0.02
  done
  [ -n "$inner" ] || die "$name did not start, see $LOG/$name.log"
  echo "${inner% }" > "$RUN/$name.pid"
}

# stop NAME [SIGNAL] : the process of its own pid file, and waits for its end
stop() {
  local p; p=$(pid_of "$1" || true)
  if [ -n "$p" ] && [ -d "/proc/$p" ]; then
    kill "-${2:-TERM}" "$p"
    until_ok 15 "end of $1" test ! -d "/proc/$p" || { kill -9 "$p"; until_ok 5 "end of $1" test ! -d "/proc/$p"; }
  fi
  rm -f "$RUN/$1.pid"
}

# A private apt configuration per suite: the machine's own apt state is neither read for packages nor written.
apt_config() {
  local suite=$1 dir=$TB/apt/$1 uri key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  if [ ! -s "$dir/ready" ]; then
    mkdir -p "$dir"/etc/{apt.conf.d,preferences.d} "$dir"/state/lists/partial "$dir"/cache/archives/partial "$dir/dpkg"
    : > "$dir/dpkg/status"
    uri=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | awk '/^URIs:/{print $2; exit} /^deb /{for(i=2;i<=NF;i++) if($i ~ /:\/\//){print $i; exit}}')
    [ -n "$uri" ] || die "no Debian mirror in this machine's apt configuration"
    printf 'deb %s %s %s main\n' "$key" "$uri" "$suite" > "$dir/etc/sources.list"
    cp /etc/apt/apt.conf.d/* "$dir/etc/apt.conf.d/" 2>/dev/null || true
    cat > "$dir/apt.conf" <<C
Dir::Etc "$dir/etc"; Dir::Etc::sourcelist "$dir/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::State "$dir/state"; Dir::State::status "$dir/dpkg/status"; Dir::Cache "$dir/cache"; APT::Sandbox::User "root";
C
    APT_CONFIG=$dir/apt.conf apt-get -qq update
    echo ok > "$dir/ready"
  fi
  echo "$dir/apt.conf"
}

# debs "PACKAGE[=VERSION]... SUITE" : downloads and unpacks under root/SUITE, starts nothing
debs() {
  local words suite config p name
  read -ra words <<< "$1"
  suite=${words[-1]}; unset 'words[-1]'
  config=$(apt_config "$suite")
  mkdir -p "$TB/debs/$suite" "$TB/root/$suite"
  for p in "${words[@]}"; do
    name=${p%%=*}
    if ! ls "$TB/debs/$suite/${name}"_*.deb >/dev/null 2>&1; then
      (cd "$TB/debs/$suite" && APT_CONFIG=$config apt-get -qq download "$p") || {
        say "testbed: $p is no longer in $suite, taking what the suite has now"
        (cd "$TB/debs/$suite" && APT_CONFIG=$config apt-get -qq download "$name")
      }
    fi
    dpkg-deb -x "$(ls "$TB/debs/$suite/${name}"_*.deb | tail -1)" "$TB/root/$suite"
  done
}
