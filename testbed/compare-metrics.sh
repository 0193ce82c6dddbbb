#!/usr/bin/env bash
# Prometheus and VictoriaMetrics side by side on the same made-up series: memory, CPU, disk. For docs/how-to/choosing-parts.md.
#
# usage: compare-metrics.sh [SERIES [SECONDS]]     default: 20000 600; scraped every 5 s. On a quiet machine. Disk: a snapshot of Prometheus, which packs its head into a block; VictoriaMetrics after a forced merge.
. "$(dirname "$0")/lib.sh"
SERIES=${1:-20000} SECONDS_=${2:-600}
W=$(mktemp -d); E=$((PORT + 700)) P=$((PORT + 701)) V=$((PORT + 702))
[ -x "$TRIXIE/usr/bin/promtool" ] || debs "$DEB_PROMETHEUS"
[ -x "$TRIXIE/usr/bin/victoria-metrics" ] || debs "$DEB_VICTORIAMETRICS"
pids=()
trap 'kill "${pids[@]}" 2> /dev/null; wait 2> /dev/null; rm -rf "$W"' EXIT

# A third each: counters that grow unevenly, gauges that wander, values that never change; labels as containers have them.
python3 - "$SERIES" "$E" <<'P' &
import http.server, random, sys
n, port = int(sys.argv[1]), int(sys.argv[2])
rng, values = random.Random(1), [0.0] * n
names = [f'container_made_{i % 40}_total{{namespace="ns-{i % 23}",pod="app-{i // 40 % 97}-{i // 40:x}",container="main",id="/kubepods/pod{i * 2654435761 % 2**32:08x}"}}' for i in range(n)]
class Made(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        for i in range(n):
            if i % 3 == 0: values[i] += rng.expovariate(0.1)
            elif i % 3 == 1: values[i] = round(values[i] + rng.gauss(0, 1), 3)
        body = "".join(f"{a} {v:.6g}\n" for a, v in zip(names, values)).encode()
        self.send_response(200); self.send_header("Content-Type", "text/plain"); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_): pass      # a scrape that was given up
Server(("127.0.0.1", port), Made).serve_forever()
P
pids+=($!)
printf 'global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs: [{job_name: made, static_configs: [{targets: ["127.0.0.1:%s"]}]}]\n' "$E" > "$W/scrape.yml"
"$TRIXIE/usr/bin/prometheus" --config.file="$W/scrape.yml" --storage.tsdb.path="$W/prometheus" --web.listen-address="127.0.0.1:$P" --web.enable-admin-api > "$W/p.log" 2>&1 & prometheus=$!
"$TRIXIE/usr/bin/victoria-metrics" -promscrape.config="$W/scrape.yml" -storageDataPath="$W/victoria" -httpListenAddr="127.0.0.1:$V" > "$W/v.log" 2>&1 & victoria=$!
pids+=("$prometheus" "$victoria")
sleep "$SECONDS_"
figures() { # NAME PID DIR PORT
  local cpu rss samples disk
  cpu=$(awk '{print ($14 + $15) / 100}' "/proc/$2/stat"); rss=$(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$2/status")
  samples=$(curl -s "http://127.0.0.1:$4/api/v1/query" --data-urlencode 'query=sum(count_over_time({job="made", __name__=~"container_made_.*"}[1h]))' | python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else 0)')
  if [ "$1" = Prometheus ]; then curl -sf -X POST "http://127.0.0.1:$4/api/v1/admin/tsdb/snapshot" > /dev/null; disk=$(du -sk "$3/snapshots" | cut -f1)
  else curl -s "http://127.0.0.1:$4/internal/force_flush"; curl -s "http://127.0.0.1:$4/internal/force_merge"; sleep 15; disk=$(du -sk "$3" --exclude=cache --exclude=snapshots | cut -f1); fi
  awk -v n="$1" -v c="$cpu" -v r="$rss" -v s="$samples" -v d="$disk" 'BEGIN {printf "%s: %d samples, %d MiB resident, %.1f CPU seconds, %.1f MiB on disk (%.2f bytes a sample)\n", n, s, r, c, d / 1024, d * 1024 / s}'
}
figures Prometheus "$prometheus" "$W/prometheus" "$P"
figures VictoriaMetrics "$victoria" "$W/victoria" "$V"
