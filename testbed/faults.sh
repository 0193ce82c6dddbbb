# Reading of faults/, shared by e2e.sh and run.sh. Source it after lib.sh.

# --- what setup, inject, wait and cleanup of a fault.json may call, besides kc and until_ok
pods_show() { kc -n "$1" get pods --no-headers 2>/dev/null | grep -E -- "$2" > /dev/null; }
has_event() { # NAMESPACE REASON [REGEX over "Kind/name message"]
  kc -n "$1" get events --field-selector "reason=$2" -o jsonpath='{range .items[*]}{.involvedObject.kind}/{.involvedObject.name} {.message}{"\n"}{end}' 2>/dev/null | grep -E -- "${3:-.}" > /dev/null
}
restarted() { # NAMESPACE TIMES : some container has been started again so often
  kc -n "$1" get pods -o jsonpath='{range .items[*]}{range .status.initContainerStatuses[*]}{.restartCount}{"\n"}{end}{range .status.containerStatuses[*]}{.restartCount}{"\n"}{end}{end}' | awk -v n="$2" '$1 >= n {found=1} END {exit !found}'
}
no_pressure() { ! kc get node "$NODE_NAME" -o jsonpath='{.status.conditions[?(@.type=="DiskPressure")].status}{.spec.taints[*].key}' | grep -E 'True|pressure' > /dev/null; }
stop_kubelet() { local p; p=$(pid_of kubelet); kill -9 "$p"; until_ok 10 "end of the kubelet" test ! -d "/proc/$p"; }
start_kubelet() { "$HERE/up.sh" kubelet; }
restart_kubelet() { stop_kubelet; EVICTION=$1 "$HERE/up.sh" kubelet; }

field() { python3 -c 'import json,sys; v=json.load(open(sys.argv[1])).get(sys.argv[2]); print("" if v is None else v)' "$1" "$2"; }
expectation() { python3 -c 'import json,sys; e=json.load(open(sys.argv[1]))["expect"]; print(e["entity"]+" "+e["code"] if e else "-")' "$1"; }

baseline_ready() {
  kc -n platform rollout status deployment/gateway --timeout=1s && kc -n platform rollout status statefulset/cache --timeout=1s &&
    kc -n platform rollout status daemonset/log-agent --timeout=1s
}
namespaces_gone() { local all; all=$(kc get namespaces -o name) && ! grep -Ev '/(default|kube-.*|platform|rootline)$' <<< "$all" > /dev/null; }
