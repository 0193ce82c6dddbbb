#!/usr/bin/env bash
# What the daemon costs beside 1,000 pods: kwok, kube-state-metrics and Prometheus at 15 s, Rootline watching and asking.
# Bars: under 256 MiB resident, under a tenth of a core; and no message, for nothing is wrong.
#
# usage: size.sh [SECONDS]          how long it is looked at (default 300)
# ROOTLINE     path of the rootline binary          PODS   default 1000
. "$(dirname "$0")/lib.sh"
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
LAST=${1:-300}
trap '"$HERE/partners.sh" stop > /dev/null 2>&1; "$HERE/down.sh" > /dev/null 2>&1' EXIT
"$HERE/down.sh" > /dev/null 2>&1 || true
"$HERE/up.sh" control kwok ksm
python3 "$HERE/fakenodes.py" 20 "${PODS:-1000}" | kc apply --server-side -f - > /dev/null
running() { [ "$(kc get pods -A --field-selector status.phase=Running -o name | wc -l)" -ge "${PODS:-1000}" ]; }
until_ok 240 "all pods run" running
"$HERE/partners.sh" start webhook prometheus
mkdir -p "$PARTNERS"
start rootline "$ROOTLINE" run --data "$PARTNERS/size-store" --listen "127.0.0.1:$ROOTLINE_PORT" --kubeconfig "$KUBECONFIG_ADMIN" \
  --prometheus "http://127.0.0.1:$PROMETHEUS_PORT" --webhook "http://127.0.0.1:$WEBHOOK_PORT/rootline"
until_ok 60 "Rootline, see $LOG/rootline.log" inside curl -sf -m 2 -o /dev/null "http://127.0.0.1:$ROOTLINE_PORT/-/ready" || exit 1
# the program itself, not the shell that entered the namespaces
pid=$(pgrep -f "size-store --listen" | while read -r p; do [ "$(readlink "/proc/$p/exe")" != "$(readlink -f "$ROOTLINE")" ] || echo "$p"; done | head -1)
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
before=$(ticks); sleep "$LAST"; after=$(ticks)
rss=$(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")
peak=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$pid/status")
core=$(python3 -c "print(f'{($after - $before) / $(getconf CLK_TCK) / $LAST * 100:.1f}')")
series=$(curl -s "http://127.0.0.1:$ROOTLINE_PORT/metrics" | awk '/^rootline_series/ && !/limit/ {print int($2); exit}')
told=$(grep -c /rootline "$PARTNERS/webhook.jsonl" 2> /dev/null || true)
echo "${PODS:-1000} pods, $LAST s: $rss MiB resident (peak $peak, bar 256), $core % of a core (bar 10), $series baselines, ${told:-0} messages (0)"
[ "$rss" -lt 256 ] && python3 -c "exit($core >= 10)" && [ "${told:-0}" = 0 ] || { echo "FAILED"; exit 1; }
