#!/usr/bin/env bash
# Builds Kubernetes, kwok and kube-state-metrics from Go modules into $ROOTLINE_TESTBED/bin.
# Cold: about 1,050 CPU seconds (15 to 25 minutes on two cores), 2 GiB of memory at the peak, 6 GB of disk.
# Does nothing when the binaries of versions.env are there already.
. "$(dirname "$0")/lib.sh"

stamp=$BIN/.versions.sha256
want=$(sha256sum "$HERE/versions.env" | cut -d' ' -f1)

# The version a binary reports counts, not who built it.
binaries_match() {
  local c
  for c in $KUBE_COMMANDS kwok kube-state-metrics; do [ -x "$BIN/$c" ] || return 1; done
  for c in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
    [ "$("$BIN/$c" --version)" = "Kubernetes v$KUBERNETES" ] || return 1
  done
  # Not `grep -q`: it ends early, and with pipefail the writer's broken pipe would count as no match.
  "$BIN/kubectl" version --client 2>/dev/null | grep -x "Client Version: v$KUBERNETES" > /dev/null || return 1
  go version -m "$BIN/kwok" | grep "sigs.k8s.io/kwok[[:space:]]*$KWOK" > /dev/null || return 1
  "$BIN/kube-state-metrics" version 2>&1 | grep -F "${KUBE_STATE_METRICS#v}" > /dev/null || return 1
}

kwok_files() { # the Stage resource and kwok's own stages come out of its module; testbed/kwok adds ours
  local k=$GOMODCACHE/sigs.k8s.io/kwok@$KWOK/kustomize f
  mkdir -p "$TB/kwok"
  install -m 644 "$k/crd/bases/kwok.x-k8s.io_stages.yaml" "$TB/kwok/crd.yaml"
  for f in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease node/chaos/node-not-ready \
           pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete pod/chaos/pod-container-running-failed pod/chaos/pod-init-container-running-failed; do
    cat "$k/stage/$f.yaml"; printf '\n---\n'
  done > "$TB/kwok/stages.yaml"
}

export GOMODCACHE=$TB/gomod GOCACHE=$TB/gocache
if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then say "testbed: binaries are up to date in $BIN"; exit 0; fi
command -v go >/dev/null || die "Go $GO_MIN or newer is needed in PATH"
have=$(go env GOVERSION | sed 's/^go//')
[ "$(printf '%s\n%s\n' "$GO_MIN" "$have" | sort -V | head -1)" = "$GO_MIN" ] || die "Go $GO_MIN or newer is needed, this is $have"

if ! binaries_match; then
  say "testbed: building Kubernetes v$KUBERNETES, kwok $KWOK, kube-state-metrics $KUBE_STATE_METRICS (15 to 25 minutes when nothing is cached)"
  # Without ',direct' a module the proxy lacks is an error at once; with it go starts a git clone that may hang.
  GOPROXY=$(go env GOPROXY | sed 's/,direct//'); export GOPROXY
  export GOVCS='*:off' CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOBIN=$BIN
  work=$TB/build/own; rm -rf "$work"; mkdir -p "$work/kube" "$work/ksm" "$BIN"

  cd "$work/kube"
  staging="api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap code-generator
    component-base component-helpers controller-manager cri-api cri-client cri-streaming csi-translation-lib dynamic-resource-allocation
    endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils
    pod-security-admission sample-apiserver sample-cli-plugin sample-controller streaming"
  go mod init testbed/kube
  go mod edit -require="k8s.io/kubernetes@v$KUBERNETES"
  for m in $staging; do go mod edit -replace="k8s.io/$m=k8s.io/$m@v0.${KUBERNETES#1.}"; done
  # The version after @ is needed: without it go moves Kubernetes itself to a newer release.
  go get -tool $(for c in $KUBE_COMMANDS; do echo "k8s.io/kubernetes/cmd/$c@v$KUBERNETES"; done)
  flags="-s -w"
  for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags="$flags -X $p.gitVersion=v$KUBERNETES -X $p.gitMajor=1 -X $p.gitMinor=$(cut -d. -f2 <<< "$KUBERNETES") -X $p.gitTreeState=clean -X $p.buildDate=2026-01-01T00:00:00Z"
  done
  nice -n 10 go build -p 2 -trimpath -ldflags "$flags" -o "$BIN/" $(for c in $KUBE_COMMANDS; do echo "k8s.io/kubernetes/cmd/$c"; done)

  cd "$work/ksm"
  nice -n 10 go install -p 2 -trimpath -ldflags "-s -w" "sigs.k8s.io/kwok/cmd/kwok@$KWOK"
  go mod init testbed/ksm
  # No `go install`: it asks for the list of versions, which a partial proxy may refuse.
  go mod edit -require="k8s.io/kube-state-metrics/v2@$KUBE_STATE_METRICS" -tool=k8s.io/kube-state-metrics/v2
  nice -n 10 go build -mod=mod -p 2 -trimpath -ldflags "-s -w -X github.com/prometheus/common/version.Version=${KUBE_STATE_METRICS#v}" \
    -o "$BIN/kube-state-metrics" k8s.io/kube-state-metrics/v2
  binaries_match || die "the binaries in $BIN do not report the versions of versions.env"
fi
kwok_files
echo "$want" > "$stamp"
say "testbed: ready in $BIN"
