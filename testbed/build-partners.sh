#!/usr/bin/env bash
# Builds the Go programs that partners.sh runs and Debian does not have, into $ROOTLINE_TESTBED/bin.
#
# usage: build-partners.sh NAME...     toxiproxy (cold, on a busy machine: 50 CPU seconds), lint (110), collector (350), promtail (310), loki (630), operator (400),
#                                       crds (the operator's resource definitions and its installation, downloaded only)
# Does nothing for a binary that was built from the same go.mod, go.sum and sources. JOBS (2): packages compiled at a time.
. "$(dirname "$0")/lib.sh"
export GOMODCACHE=$TB/gomod GOCACHE=$TB/gocache

key_of() { # of everything that decides about the binary
  local versions="TOXIPROXY|LOKI|PROMTAIL|COLLECTOR|DASHBOARD_LINTER"
  case $1 in operator | crds) versions=OPERATOR ;; esac
  { cat "$HERE/go/$1"/* 2>/dev/null; grep -E "^($versions)=" "$HERE/versions.env"; go env GOVERSION; } | sha256sum | cut -d' ' -f1
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
operator() { # the Prometheus operator and what it puts beside every Prometheus and Alertmanager
  local package version="-X github.com/prometheus/common/version.Version=${OPERATOR#v}"
  for package in operator prometheus-config-reloader; do
    module operator "github.com/prometheus-operator/prometheus-operator/cmd/$package" "prometheus-${package#prometheus-}" "$version"
  done
}
crds() {
  local module=github.com/prometheus-operator/prometheus-operator
  (cd "$HERE/go/operator" && go mod download "$module")
  rm -rf "$TB/operator"; mkdir -p "$TB/operator/crds"
  install -m 644 "$GOMODCACHE/$module@$OPERATOR/bundle.yaml" "$TB/operator/"
  install -m 644 "$GOMODCACHE/$module@$OPERATOR"/example/prometheus-operator-crd/*.yaml "$TB/operator/crds/"
}
loki() { module loki github.com/grafana/loki/v3/cmd/loki loki "-X github.com/grafana/loki/v3/pkg/util/build.Version=${LOKI#v}"; }

[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
command -v go > /dev/null || die "Go $GO_MIN or newer is needed in PATH"
# Without ',direct' a module the proxy lacks is an error at once; with it go starts a git clone that may hang.
GOPROXY=$(go env GOPROXY | sed 's/,direct//'); export GOPROXY
export GOVCS='*:off' CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
mkdir -p "$BIN" "$TB/build"
for name in "$@"; do
  case $name in toxiproxy | lint | collector | promtail | loki | operator | crds) ;; *) die "unknown program '$name': toxiproxy, lint, collector, promtail, loki, operator or crds" ;; esac
  key=$(key_of "$name")
  if [ "$(cat "$BIN/.$name.key" 2>/dev/null)" = "$key" ]; then continue; fi
  say "testbed: building $name"
  "$name"
  echo "$key" > "$BIN/.$name.key"
done
