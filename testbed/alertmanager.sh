#!/usr/bin/env bash
# A real Alertmanager with its amtool, from Debian's package, unpacked into the test bed's folder. Needs root (or user
# namespaces): the package's program looks for its templates in /usr/share, which is bound inside a mount namespace.
#
# usage: alertmanager.sh fetch                            downloads and unpacks; prints nothing when it is there
#        alertmanager.sh run FOLDER PORT [CONFIG]         in the foreground, data in FOLDER, on 127.0.0.1:PORT
#        alertmanager.sh start PORT [CONFIG] | stop       in the background
#        alertmanager.sh amtool ARGUMENTS...
. "$(dirname "$0")/lib.sh"

AM=$TRIXIE/usr/bin/prometheus-alertmanager
fetch() { [ -x "$AM" ] || debs "$DEB_ALERTMANAGER"; }
config() { echo "${1:-$HERE/../deploy/alertmanager/rootline.yaml}"; }

# replaces this process, so that whoever started it can end it
run() {
  local folder=$1 port=$2 file; file=$(config "${3:-}")
  mkdir -p "$folder"
  [ "$(id -u)" = 0 ] && set -- unshare -m || set -- unshare -rm
  exec "$@" sh -c '
    mount -t tmpfs tmpfs /usr/share && mkdir /usr/share/prometheus && mount --bind "$1/usr/share/prometheus" /usr/share/prometheus
    shift; exec "$@"' sh "$TRIXIE" "$AM" --config.file="$file" --storage.path="$folder" --cluster.listen-address= \
    --web.listen-address="127.0.0.1:$port"
}

case ${1:-} in
  fetch) fetch ;;
  run) fetch; run "${2:?folder}" "${3:?port}" "${4:-}" ;;
  start)
    fetch; mkdir -p "$RUN" "$LOG"
    setsid nohup "$0" run "$TB/data/alertmanager" "${2:?port}" "$(config "${3:-}")" > "$LOG/alertmanager.log" 2>&1 < /dev/null &
    echo $! > "$RUN/alertmanager.pid"
    until_ok 20 "Alertmanager, see $LOG/alertmanager.log" curl -sf -m 2 "http://127.0.0.1:$2/-/ready"
    ;;
  stop)
    p=$(pid_of alertmanager || true)
    if [ -n "$p" ] && grep -qs alertmanager "/proc/$p/cmdline"; then kill "$p"; until_ok 10 "end of Alertmanager" test ! -d "/proc/$p"; fi
    rm -f "$RUN/alertmanager.pid"; rm -rf "$TB/data/alertmanager"
    ;;
  amtool) shift; fetch; exec "$TRIXIE/usr/bin/amtool" "$@" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
