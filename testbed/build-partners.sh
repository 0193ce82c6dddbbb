#!/usr/bin/env bash
# Builds the Go programs that partners.sh runs and Debian does not have, into $ROOTLINE_TESTBED/bin.
#
# usage: build-partners.sh NAME...     toxiproxy (cold, on a busy machine: 50 CPU seconds), lint (110), collector (350), promtail (310), loki (630)
# Does nothing for a binary that was built from the same go.mod, go.sum and sources. JOBS (2): packages compiled at a time.
. "$(dirname "$0")/lib.sh"
export GOMODCACHE=$TB/gomod GOCACHE=$TB/gocache

key_of() { # of everything that decides about the binary
  { cat "$HERE/go/$1"/* 2>/dev/null; grep -E "^(TOXIPROXY|LOKI|PROMTAIL|COLLECTOR|DASHBOARD_LINTER)=" "$HERE/versions.env"; go env GOVERSION; } | sha256sum | cut -d' ' -f1
}
module() { # NAME PACKAGE BINARY [LDFLAGS]
  local work=$TB/build/$1
  rm -rf "$work"; mkdir -p "$work"; cp "$HERE/go/$1"/* "$work/"
  (cd "$work" && nice -n 19 go build -mod=mod -p "${JOBS:-2}" -trimpath -ldflags "-s -w ${4:-}" -o "$BIN/$3" "$2")
}
toxiproxy() {
  GOBIN=$TB/build nice -n 19 go install -p "${JOBS:-2}" -trimpath -ldflags "-s -w" "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY"
  mv "$TB/build/server" "$BIN/toxiproxy"
}
lint() { GONOSUMDB=github.com/grafana/dashboard-linter module lint github.com/grafana/dashboard-linter dashboard-linter; }
collector() { GONOSUMDB=github.com/open-telemetry/opentelemetry-collector-contrib module collector . otelcol; }
promtail() { module promtail github.com/grafana/loki/v3/clients/cmd/promtail promtail "-X github.com/grafana/loki/v3/pkg/util/build.Version=${PROMTAIL#v}"; }
loki() { module loki github.com/grafana/loki/v3/cmd/loki loki "-X github.com/grafana/loki/v3/pkg/util/build.Version=${LOKI#v}"; }

[ $# -gt 0 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
command -v go > /dev/null || die "Go $GO_MIN or newer is needed in PATH"
# Without ',direct' a module the proxy lacks is an error at once; with it go starts a git clone that may hang.
GOPROXY=$(go env GOPROXY | sed 's/,direct//'); export GOPROXY
export GOVCS='*:off' CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
mkdir -p "$BIN" "$TB/build"
for name in "$@"; do
  case $name in toxiproxy | lint | collector | promtail | loki) ;; *) die "unknown program '$name': toxiproxy, lint, collector, promtail or loki" ;; esac
  key=$(key_of "$name")
  if [ "$(cat "$BIN/.$name.key" 2>/dev/null)" = "$key" ]; then continue; fi
  say "testbed: building $name"
  "$name"
  echo "$key" > "$BIN/.$name.key"
done
