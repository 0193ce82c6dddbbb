# Shared by kafka.sh, opensearch.sh and clickhouse.sh: real other sides of Rootline's pipes and a Rootline without a cluster,
# on ports and in folders of their own, so that they run beside a test bed that is up. Source it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NAME=${NAME:?set by the script that sources this}
ROOTLINE=${ROOTLINE:-$HERE/../target/release/rootline}
[ -x "$ROOTLINE" ] || die "no $ROOTLINE: make release, or ROOTLINE=target/debug/rootline"
WORK=$TB/pipes/$NAME
RUN=$WORK/run LOG=$WORK/log
rm -rf "$WORK"; mkdir -p "$RUN" "$LOG"
OWN_PORT=$((PORT + 600 + ${PORT_SHIFT:-0}))
API=http://127.0.0.1:$OWN_PORT
failed=0

pass() { printf 'PASS %s\n' "$*"; }
fail() { printf 'FAIL %s\n' "$*"; failed=$((failed + 1)); }
# check SECONDS WHAT COMMAND... : PASS as soon as the command succeeds, FAIL when the time is over
check() { local limit=$1 what=$2; shift 2; if until_ok "$limit" "$what" "$@" 2>/dev/null; then pass "$what"; else fail "$what"; fi; }
# outside NAME COMMAND... : on the machine, never in the namespaces of a cluster
outside() {
  local name=$1; shift
  setsid nohup "$@" >> "$LOG/$name.log" 2>&1 < /dev/null &
  echo $! > "$RUN/$name.pid"; disown
}
rootline() {
  outside rootline "$ROOTLINE" --config "$WORK/rootline.yaml" run --no-cluster --listen "127.0.0.1:$OWN_PORT" --data "$WORK/store"
  until_ok 30 "rootline, see $LOG/rootline.log" curl -sf -m 2 -o /dev/null "$API/-/healthy" || { tail -5 "$LOG/rootline.log" >&2; exit 1; }
}
metric() { curl -sf -m 5 "$API/metrics" | grep -F "$1" | awk '{s += $NF} END {print s + 0}'; }   # sum of the lines with this text
at_least() { [ "$(metric "$1" | cut -d. -f1)" -ge "$2" ]; }
source_says() { curl -sf -m 5 "$API/api/v1/status" | jq -e --arg n "$1" --arg e "$2" '.sources[] | select(.name == $n) | .error | test($e)'; }
event() { # UID COUNT : one Kubernetes event as EventRouter writes it
  local now; now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  printf '{"verb":"ADDED","event":{"kind":"Event","apiVersion":"v1","metadata":{"name":"cart-1.%s","namespace":"shop","uid":"%s"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1","uid":"p1"},"reason":"BackOff","message":"Back-off restarting failed container","source":{"component":"kubelet","host":"w1"},"firstTimestamp":"%s","lastTimestamp":"%s","count":%s,"type":"Warning"}}\n' "$1" "$1" "$now" "$now" "$2"
}
push_event() { event "$@" | curl -sf -m 5 -X POST -H 'Content-Type: application/json' --data-binary @- "$API/api/v1/events"; }
alert() { # NAME NAMESPACE : one alert of Alertmanager's API that fires for an hour
  printf '{"labels":{"alertname":"%s","namespace":"%s","severity":"critical","pod":"%s-1"},"annotations":{"summary":"made up"},"startsAt":"%s","endsAt":"%s"}' \
    "$1" "$2" "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)"
}
alerts_known() { curl -sf -m 5 "$API/api/v2/alerts" | jq -r '.[].labels.alertname' | grep -c "^$1" || true; }
alerts_are() { [ "$(alerts_known "$1")" -eq "$2" ]; }
jars() { # NAME PROPERTY=VALUE... : what jvm/NAME.xml names, into $TB/jvm/NAME, unless it is there
  local name=$1 key defines=() d; shift
  key=$(cat "$HERE/jvm/$name.xml" - <<< "$*" | sha256sum | cut -d' ' -f1)
  JARS=$TB/jvm/$name
  if [ "$(cat "$JARS/.key" 2>/dev/null)" = "$key" ]; then return; fi
  command -v mvn > /dev/null || die "Maven is needed for $name"
  rm -rf "$JARS"; mkdir -p "$JARS"
  for d in "$@"; do defines+=("-D$d"); done
  nice -n 10 mvn -B -q -f "$HERE/jvm/$name.xml" -Dmaven.repo.local="$TB/m2" "${defines[@]}" dependency:copy-dependencies -DoutputDirectory="$JARS" -DincludeScope=runtime
  echo "$key" > "$JARS/.key"
}
# over SCRIPT'S-OWN-PARTS... : at the end, however it ends
over() { local p; for p in rootline "$@"; do stop "$p" || true; done; }
finish() { printf '%s failed\n' "$failed"; [ "$failed" -eq 0 ]; }
