#!/usr/bin/env bash
# The daemon while its partners are away, slow, talk nonsense or hang up; on a full disk; under floods; as two replicas. What it
# must do stands in docs/internals/faults.md; here it is made to happen and held against the daemon's own metrics.
#
# usage: faults-run.sh [--only NAME]... [--keep]        about 10 minutes; the parts are those of partners.sh
#   down slow garbage flapping   Prometheus, API server, Alertmanager and the chat endpoint, all four at once
#   disk                         the data folder's file system is full
#   cardinality                  remote write with ten times the series that are kept
#   flood                        a million alerts
#   lease                        two replicas, the leader is stopped and comes back
# ROOTLINE     path of the rootline binary
# A clock that jumps: clock.sh.
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
ALL="down slow garbage flapping disk cardinality flood lease"
keep="" only=""
while [ $# -gt 0 ]; do
  case $1 in
    --only) case " $ALL " in *" ${2:?--only wants a name} "*) only="$only $2" ;; *) die "no fault '$2': $ALL" ;; esac; shift ;;
    --keep) keep=1 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
wanted() { case " ${only:-$ALL} " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
DATA=$PARTNERS
passed=0 failed=0
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$LOG/check.log" 2>&1; then echo "PASS $name$(sed -n 's/^figure: /: /p' "$LOG/check.log" | tail -1)"; passed=$((passed + 1))
  else echo "FAIL $name: $(tail -2 "$LOG/check.log" | tr '\n' ' ')"; failed=$((failed + 1)); fi
}
trap '[ -n "$keep" ] || "$HERE/down.sh"' EXIT

VIA_API=$((PORT + 701)) VIA_PROMETHEUS=$((PORT + 702)) VIA_ALERTMANAGER=$((PORT + 703)) VIA_CHAT=$((PORT + 704)) GARBAGE=$((PORT + 705)) SECOND=$((PORT + 706))
URL=http://127.0.0.1:$ROOTLINE_PORT
at() { inside curl -s -m 5 "$@"; }          # ports that are not offered outside, too
toxic() { at -f -o /dev/null -X "${3:-POST}" ${2:+-d "$2"} "http://127.0.0.1:$TOXIPROXY_PORT/proxies$1"; }
proxy() { toxic "" "{\"name\":\"$1\",\"listen\":\"127.0.0.1:$2\",\"upstream\":\"127.0.0.1:$3\"}"; }
PROXIES="api prometheus alertmanager chat"
upstream_of() { case $1 in api) echo $API_PORT ;; prometheus) echo $PROMETHEUS_PORT ;; alertmanager) echo $ALERTMANAGER_PORT ;; chat) echo $WEBHOOK_PORT ;; esac; }
metric() { # NAME [LABELS] [BASE URL] : the value, 0 where there is none
  at "${3:-$URL}/metrics" | awk -v n="$1" -v l="${2:-}" 'index($0, n "{") == 1 || index($0, n " ") == 1 {if (l == "" || index($0, l)) sum += $NF} END {printf "%d\n", sum}'
}
is() { [ "$(metric "$1" "$2" "${4:-$URL}")" = "$3" ] || { echo "$1 $2 is $(metric "$1" "$2" "${4:-$URL}"), not $3"; return 1; }; }
grew() { local is; is=$(metric "$1" "$2" "${4:-$URL}"); echo "$1 $2 was $3 and is $is"; [ "$is" -gt "$3" ]; }
alert() { # NAME [MORE WORDS] : a body, in a place of its own so that no two are one incident
  printf '[{"labels":{"alertname":"%s","severity":"critical","namespace":"ns-%s","deployment":"%s"},"annotations":{"summary":"%s","description":"%s"},"startsAt":"%s"}]' "$1" "$1" "$1" "$1" "${2:-}" "$(date -u +%FT%TZ)"
}
post() { # NAME [BASE URL] : prints the status
  alert "$1" | at -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @- "${2:-$URL}/api/v2/alerts"
}
accepted() { local begun status; begun=$(date +%s%N); status=$(post "$@" || true); echo "figure: $status after $((($(date +%s%N) - begun) / 1000000)) ms"; [ "$status" = 200 ]; }
shown() { at "${2:-$URL}/api/v1/incidents" | python3 -c 'import json,sys; sys.exit(not any(i["title"]["en"] == sys.argv[1] for i in json.load(sys.stdin)["items"]))' "$1"; }
told() { # NAME : how many messages told chat that it opened; one that comes again under its key, because its answer was cut off, is one
  python3 - "$DATA/webhook.jsonl" "$1" <<'P'
import json, sys
told = set()
for line in open(sys.argv[1]):
    m = json.loads(line)
    if m["path"].startswith("/rootline") and isinstance(m["body"], dict):
        key = {k.lower(): v for k, v in m["headers"].items()}["idempotency-key"]
        told |= {(key, i["id"]) for i in m["body"].get("rootline", []) if i["stage"] == "open" and sys.argv[2] in json.dumps(i["title"])}
print(len(told))
P
}
told_once() { local n; n=$(told "$1"); echo "told $n times"; [ "$n" = 1 ]; }
copied() { at "http://127.0.0.1:$ALERTMANAGER_PORT/api/v2/alerts" | grep -q "\"alertname\":\"$1\""; }
within() { local limit=$1 begun; shift; begun=$(date +%s); until_ok "$limit" "$*" "$@" || { "$@"; return 1; }; echo "figure: after $(($(date +%s) - begun)) s"; }
small() { local mib; mib=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$(pid_of "${2:-rootline}")/status"); echo "figure: $mib MiB at most"; [ "$mib" -lt "$1" ]; }

start_rootline() {
  sed "s#https://127.0.0.1:$API_PORT#https://127.0.0.1:$VIA_API#" "$KUBECONFIG_ADMIN" > "$DATA/via.conf"
  cat > "$DATA/rootline.yaml" <<C
daemon: {cluster: testbed, tick_s: 5}
detection: {series: 20000}
notify:
- {name: chat, kind: webhook, url: "http://127.0.0.1:$VIA_CHAT/rootline"}
C
  start rootline "$ROOTLINE" run --config "$DATA/rootline.yaml" --data "$DATA/rootline" --listen "127.0.0.1:$ROOTLINE_PORT" --kubeconfig "$DATA/via.conf" \
    --prometheus "http://127.0.0.1:$VIA_PROMETHEUS" --alertmanager "http://127.0.0.1:$VIA_ALERTMANAGER"
  until_ok 60 "Rootline, see $LOG/rootline.log" at -f -o /dev/null "$URL/-/ready" || { tail -20 "$LOG/rootline.log" >&2; exit 1; }
}

# --- one kind of trouble at all four partners
trouble() { # KIND
  local p
  for p in $PROXIES; do
    case $1 in
      down) toxic "/$p" '{"enabled":false}' ;;
      slow) toxic "/$p/toxics" '{"name":"t","type":"latency","attributes":{"latency":5000}}' ;;
      garbage) toxic "/$p" "{\"enabled\":true,\"upstream\":\"127.0.0.1:$GARBAGE\"}" ;;
      flapping) toxic "/$p/toxics" '{"name":"t","type":"reset_peer","toxicity":0.5,"attributes":{"timeout":100}}' ;;
    esac
  done
}
heal() { # KIND
  local p
  for p in $PROXIES; do
    case $1 in
      slow | flapping) toxic "/$p/toxics/t" "" DELETE ;;
      *) toxic "/$p" "{\"enabled\":true,\"upstream\":\"127.0.0.1:$(upstream_of "$p")\"}" ;;
    esac
  done
}
partners() { # KIND
  local kind=$1 chat copies
  chat=$(metric rootline_outbox_failed_attempts_total chat) copies=$(metric rootline_outbox_failed_attempts_total alertmanager)
  trouble "$kind"
  check "$kind: an alert is accepted" accepted "During-$kind"
  check "$kind: its incident is shown" within 30 shown "During-$kind"
  case $kind in
    down | garbage)
      check "$kind: Prometheus, rootline_source_up is 0" within 120 is rootline_source_up 'kind="prometheus"' 0
      check "$kind: API server, rootline_source_up is 0" within 120 is rootline_source_up 'kind="kubernetes"' 0
      check "$kind: chat, rootline_outbox_failed_attempts_total grows" within 60 grew rootline_outbox_failed_attempts_total chat "$chat"
      check "$kind: Alertmanager, rootline_outbox_failed_attempts_total grows" within 60 grew rootline_outbox_failed_attempts_total alertmanager "$copies"
      check "$kind: the message waits in the outbox" is rootline_outbox_waiting_messages chat 1 ;;
    slow) check "$kind: the message arrives all the same" within 60 told_once "During-$kind" ;;
    flapping) sleep 30 ;;
  esac
  check "$kind: ready all the time" at -f "$URL/-/ready"
  heal "$kind"
  check "$kind: over, chat is told once" within 150 told_once "During-$kind"
  check "$kind: over, Alertmanager has the copy" within 150 copied "During-$kind"
  check "$kind: over, Prometheus is heard again" within 120 is rootline_source_up 'kind="prometheus"' 1
  check "$kind: over, the API server is heard again" within 120 is rootline_source_up 'kind="kubernetes"' 1
  check "$kind: over, nothing waits" within 150 is rootline_outbox_waiting_messages "" 0
  kc create namespace "after-$kind" > /dev/null
  check "$kind: over, what changed in the cluster is seen" within 60 seen "after-$kind"
}
seen() { local entities; entities=$(metric rootline_entities); echo "$entities entities, before $known"; [ "$entities" -gt "$known" ] && known=$entities; }

# --- a full disk
disk() {
  local small=$DATA/small url=http://127.0.0.1:$SECOND i
  mkdir -p "$small"; inside mount -t tmpfs -o size=16m tmpfs "$small"
  printf 'kubernetes: {enabled: false}\ndaemon: {tick_s: 5}\n' > "$DATA/small.yaml"
  start_small() { start small "$ROOTLINE" run --config "$DATA/small.yaml" --data "$small/data" --listen "127.0.0.1:$SECOND"; until_ok 30 "Rootline on the small disk" at -f -o /dev/null "$url/-/ready"; }
  start_small || return 1
  check "disk: an alert is accepted before" accepted Before "$url"
  inside dd if=/dev/zero of="$small/fill" bs=64k > /dev/null 2>&1 || true
  filled() { # until one is refused; remembers the last that was taken
    local status words i; words=$(head -c 20000 /dev/zero | tr '\0' x)
    for i in $(seq 400); do
      status=$(alert "Full$i" "$words" | at -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @- "$url/api/v2/alerts" || true)
      [ "$status" = 200 ] || break
      echo "Full$i" > "$DATA/last"
    done
    echo "figure: $status, the ${i}th"; [ "$status" = 503 ]
  }
  check "disk: full, an alert that cannot be kept is refused with 503" filled
  # the very same bytes, as a sender without an end in its alerts sends them
  alert Twice > "$DATA/twice"
  twice() { local status; status=$(at -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @"$DATA/twice" "$url/api/v2/alerts" || true); echo "figure: $status"; [ "$status" = "$1" ]; }
  check "disk: full, a small one too" twice 503
  check "disk: full, rootline_store_errors_total grows" within 30 grew rootline_store_errors_total "" 0 "$url"
  check "disk: full, still alive" at -f "$url/-/healthy"
  inside rm -f "$small/fill"
  check "disk: room again, an alert is accepted" within 30 accepted After "$url"
  check "disk: room again, the one that was refused is accepted when it is sent again" twice 200
  check "disk: room again, its incident is shown" within 40 shown After "$url"
  stop small KILL; start_small || return 1
  kept() { local last; last=$(cat "$DATA/last" 2>/dev/null || echo Before); at "$url/api/v2/alerts" > "$LOG/kept.json"; grep -q "\"$last\"" "$LOG/kept.json" && grep -q '"After"' "$LOG/kept.json" && grep -q '"Twice"' "$LOG/kept.json" || { echo "$last, After or Twice is gone"; return 1; }; }
  check "disk: killed and started again, everything acknowledged is there" within 30 kept
  stop small KILL; inside umount "$small"
}

cardinality() {
  local hits; hits=$(metric rootline_series_limit_hits_total)
  pushed() { local said; said=$(inside python3 "$HERE/push.py" "$URL/api/v1/write" container_memory_working_set_bytes 200000); echo "figure: $said"; grep -q '^200000 of' <<< "$said"; }
  check "cardinality: 200,000 series by remote write where 20,000 are kept, all answered" pushed
  check "cardinality: an alert is accepted" accepted During-cardinality
  bounded() { local n; n=$(metric rootline_series); echo "figure: $n series"; [ "$n" -le 20000 ]; }
  check "cardinality: rootline_series stays within its limit" within 30 bounded
  check "cardinality: rootline_series_limit_hits_total grows" within 30 grew rootline_series_limit_hits_total "" "$hits"
  check "cardinality: memory stays bounded" small 512
}

flood() {
  flooded() { local said; said=$(python3 "$HERE/../bench/flood.py" "$ROOTLINE" --alerts 1000000 --names "${NAMES:-10000}"); echo "figure: $said" | tr '\n' ' '; grep -q . <<< "$said"; }
  check "flood: a million alerts, all answered" flooded
}

lease() {
  local n
  kc create namespace rootline > /dev/null 2>&1 || true
  printf 'kubernetes: {leader_election: true}\n' > "$DATA/lease.yaml"
  port_of() { case $1 in a) echo $((PORT + 707)) ;; b) echo $((PORT + 708)) ;; esac; }
  replica() { start "replica-$1" "$ROOTLINE" run --config "$DATA/lease.yaml" --data "$DATA/replica-$1" --listen "127.0.0.1:$(port_of "$1")" --kubeconfig "$KUBECONFIG_ADMIN"; }
  leads() { at -f -o /dev/null "http://127.0.0.1:$(port_of "$1")/-/ready"; }
  waits() { at -f -o /dev/null "http://127.0.0.1:$(port_of "$1")/-/healthy" && ! leads "$1" && at "http://127.0.0.1:$(port_of "$1")/api/v1/incidents" | grep -q '"status": *503'; }
  replica a; check "lease: the first replica leads" within 40 leads a
  replica b; sleep 12
  check "lease: the second waits, says so" waits b
  # nsenter stops itself with its child and would not see the child's end
  local pid parent; pid=$(pid_of replica-a); parent=$(awk '/^PPid/ {print $2}' "/proc/$pid/status")
  kill -STOP "$pid"
  check "lease: the leader hangs, the second takes over" within 60 leads b
  kill -CONT "$pid" "$parent"
  gone() { ! alive replica-a; }
  check "lease: the first comes back, knows that it leads no more, and ends" within 30 gone
  holder() { kc -n rootline get lease rootline -o jsonpath='{.spec.leaseTransitions}' | grep -x 1; }
  check "lease: one change of leaders" holder
  for n in a b; do stop "replica-$n"; done
}

"$HERE/down.sh"
"$HERE/up.sh" control
mkdir -p "$DATA"
"$HERE/partners.sh" start webhook alertmanager prometheus toxiproxy
start garbage python3 "$HERE/garbage.py" "$GARBAGE"
proxy api $VIA_API $API_PORT; proxy prometheus $VIA_PROMETHEUS $PROMETHEUS_PORT; proxy alertmanager $VIA_ALERTMANAGER $ALERTMANAGER_PORT; proxy chat $VIA_CHAT $WEBHOOK_PORT
start_rootline
check "before: Prometheus is heard" within 60 is rootline_source_up 'kind="prometheus"' 1
check "before: the API server is heard" within 60 is rootline_source_up 'kind="kubernetes"' 1
known=$(metric rootline_entities)
for kind in down slow garbage flapping; do ! wanted $kind || partners $kind; done
! wanted cardinality || cardinality
check "the daemon of all this is alive and small" small 512
! wanted disk || disk
! wanted flood || flood
! wanted lease || lease
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
