#!/usr/bin/env bash
# Records what a cluster says into one small archive, with plain kubectl.
#
# usage: record.sh KUBECONFIG OUT.tar.zst            API objects, events, logs
#        record.sh --dump KUBECONFIG OUT.tar.zst     what `kubectl cluster-info dump` writes
#        record.sh --text KUBECONFIG OUT.tar.zst     what people paste into tickets: get, describe, events, logs
#
# Left out or emptied: managed fields, values of Secrets, certificate bundles, ids of the machine.
set -euo pipefail

mode=api
case ${1:-} in --dump) mode=dump; shift ;; --text) mode=text; shift ;; esac
[ $# = 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
HERE=$(cd "$(dirname "$0")" && pwd)
KUBECTL=${KUBECTL:-kubectl}; [ ! -x "${ROOTLINE_TESTBED:-${XDG_CACHE_HOME:-$HOME/.cache}/rootline/testbed}/bin/kubectl" ] || KUBECTL=${ROOTLINE_TESTBED:-${XDG_CACHE_HOME:-$HOME/.cache}/rootline/testbed}/bin/kubectl
k() { "$KUBECTL" --kubeconfig "$1" "${@:2}"; }
config=$1 out=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

KINDS="pods nodes namespaces deployments.apps replicasets.apps statefulsets.apps daemonsets.apps jobs.batch cronjobs.batch services
  endpointslices.discovery.k8s.io ingresses.networking.k8s.io ingressclasses.networking.k8s.io persistentvolumeclaims persistentvolumes
  storageclasses.storage.k8s.io configmaps secrets serviceaccounts resourcequotas limitranges horizontalpodautoscalers.autoscaling
  poddisruptionbudgets.policy networkpolicies.networking.k8s.io priorityclasses.scheduling.k8s.io
  validatingwebhookconfigurations.admissionregistration.k8s.io mutatingwebhookconfigurations.admissionregistration.k8s.io
  apiservices.apiregistration.k8s.io leases.coordination.k8s.io events events.events.k8s.io"

containers() { # "NAMESPACE POD CONTAINER" per line, init containers too
  k "$config" get pods -A -o jsonpath='{range .items[*]}{range .spec.initContainers[*]}{@.name}{" "}{end}{range .spec.containers[*]}{@.name}{" "}{end}{"\t"}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}' |
    while IFS=$'\t' read -r names pod; do for c in $names; do echo "$pod $c"; done; done
}

logs() { # FOLDER LAYOUT : a log that cannot be read (container never started, no previous one) leaves no file
  local ns pod c previous file
  containers | while read -r ns pod c; do
    for previous in "" --previous; do
      file=$work/$1/$ns/$pod/$c${previous:+.previous}.log
      mkdir -p "$(dirname "$file")"
      k "$config" -n "$ns" logs "$pod" -c "$c" --tail=200 --timestamps $previous > "$file" 2>/dev/null < /dev/null || rm -f "$file"
      # containerd answers for a container whose log is gone with a sentence on standard output
      if [ -s "$file" ] && ! grep -qv 'unable to retrieve container logs' "$file"; then rm -f "$file"; fi
      [ -s "$file" ] || rm -f "$file"
    done
  done
}

case $mode in
  api)
    for kind in $KINDS; do k "$config" get "$kind" -A -o json > "$work/get-$kind.json" 2>/dev/null < /dev/null || rm -f "$work/get-$kind.json"; done
    logs logs
    printf '{"recorded_at": "%s", "kubernetes": "%s", "context": "testbed"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
      "$(k "$config" version -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["serverVersion"]["gitVersion"])')" > "$work/recording.json"
    ;;
  dump) k "$config" cluster-info dump --all-namespaces --output-directory="$work" > /dev/null ;;
  text)
    mkdir -p "$work/text"
    k "$config" get pods -A -o wide > "$work/text/get-pods-wide.txt"
    k "$config" get nodes -o wide > "$work/text/get-nodes-wide.txt"
    k "$config" get all,ingress,pvc,hpa,pdb,quota -A > "$work/text/get-all.txt" 2>/dev/null
    k "$config" get events -A --sort-by=.metadata.creationTimestamp > "$work/text/get-events.txt"
    k "$config" describe pods -A > "$work/text/describe-pods.txt"
    k "$config" describe nodes > "$work/text/describe-nodes.txt"
    logs text/logs
    ;;
esac
find "$work" -type d -empty -delete
python3 "$HERE/redact.py" "$work"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a=rX,u+w -C "$work" -cf - . | zstd -q -19 -f -o "$out"
