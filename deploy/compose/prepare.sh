#!/usr/bin/env bash
# Makes deploy/compose/run: random tokens and passwords, the configuration with their digests, a copy of your kubeconfig.
# What is there already stays. usage: prepare.sh [KUBECONFIG]
set -euo pipefail
config=${1:-${KUBECONFIG:-$HOME/.kube/config}}
[ ! -e "$config" ] || config=$(realpath "$config")
cd "$(dirname "$0")"
umask 077
mkdir -p run/targets
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
digits() { tr -d '\n' < "$1" | sha256sum | cut -d' ' -f1; }
for secret in receiver-token viewer-token operator-token grafana-password; do
  [ -s "run/$secret" ] || random > "run/$secret"
done
sed -e "s/@RECEIVER_SHA256@/$(digits run/receiver-token)/; s/@VIEWER_SHA256@/$(digits run/viewer-token)/; s/@OPERATOR_SHA256@/$(digits run/operator-token)/" rootline.yaml > run/rootline.yaml.new
[ -s run/rootline.yaml ] || mv run/rootline.yaml.new run/rootline.yaml
rm -f run/rootline.yaml.new
for job in kube-state-metrics node-exporter; do [ -s "run/targets/$job.yml" ] || echo '[]' > "run/targets/$job.yml"; done
# Only the context in use, with its certificates inside: containers do not see the files that minikube and others name.
if command -v kubectl > /dev/null && KUBECONFIG=$config kubectl config view --raw --flatten --minify > run/kubeconfig.new 2> /dev/null; then
  cat run/kubeconfig.new > run/kubeconfig
elif [ -s "$config" ]; then
  cat "$config" > run/kubeconfig
elif [ ! -s run/kubeconfig ]; then
  echo "prepare: no kubeconfig at $config: put one at deploy/compose/run/kubeconfig" >&2
  exit 1
fi
rm -f run/kubeconfig.new
named() { grep -qE "$1" run/kubeconfig; }
! named '(certificate-authority|client-certificate|client-key|tokenFile): *[^ ]' || echo "prepare: the kubeconfig names files, which the container does not have; kubectl config view --raw --flatten --minify > deploy/compose/run/kubeconfig puts certificates inside." >&2
! named '^ *(exec|auth-provider):' || echo "prepare: the kubeconfig calls a program to log in; the container does not have it. Make a service account with deploy/kubernetes/base/rbac.yaml and use its token." >&2
! named 'server: *"?https?://(127\.0\.0\.1|localhost)' || echo "prepare: the cluster is at this machine's loopback address, which containers do not reach; use an address that they do (kind: kind get kubeconfig --internal, and join its network)." >&2
# Containers run as other users. Only you can enter run/; the files inside are mounted one by one.
chmod 755 run/targets; chmod 644 run/targets/* run/rootline.yaml run/receiver-token run/viewer-token run/grafana-password run/kubeconfig
echo "Grafana: user admin, password in deploy/compose/run/grafana-password"
