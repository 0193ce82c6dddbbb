#!/usr/bin/env python3
"""Writes tape.jsonl: the alerts that kube-prometheus' rules send when the kubelet of the node in `1-node-lost.tar.zst` (a
recording of a real cluster) stops, each with its rule's `for:`, delivery delays and two flaps; and two alerts that have
nothing to do with it. The same bytes at every run.

usage: make.py > tape.jsonl
"""
import datetime
import json
import random

LOST = datetime.datetime(2026, 11, 24, 0, 21, 20, tzinfo=datetime.timezone.utc)  # the node's last heartbeat, from the recording
NODE = "worker-1"
R = random.Random(7)
HOLDS = {"KubeNodeNotReady": 900, "KubeNodeUnreachable": 900, "KubePodNotReady": 900, "KubeDeploymentReplicasMismatch": 900,
         "KubeStatefulSetReplicasMismatch": 900, "KubeDaemonSetRolloutStuck": 900, "TargetDown": 600, "HTTPErrorRateHigh": 300,
         "CPUThrottlingHigh": 900, "KubeletDown": 900, "NodeClockSkewDetected": 600}
KSM = {"job": "kube-state-metrics"}
STORM = [  # seconds after the loss, name, severity, labels, summary
    (42, "KubeNodeNotReady", "warning", {"node": NODE, **KSM}, f"{NODE} has been unready for more than 15 minutes."),
    (42, "KubeNodeUnreachable", "warning", {"node": NODE, **KSM}, f"{NODE} is unreachable and some workloads may be rescheduled."),
    (15, "TargetDown", "warning", {"job": "kubelet", "namespace": "kube-system", "service": "kubelet"}, "One or more kubelet targets are down."),
    (15, "KubeletDown", "critical", {"job": "kubelet", "node": NODE}, f"Kubelet on {NODE} has disappeared from target discovery."),
    *[(45, "KubePodNotReady", "warning", {"namespace": ns, "pod": pod, **KSM}, f"Pod {ns}/{pod} has been in a non-ready state for longer than 15 minutes.")
      for ns, pod in [("platform", "cache-0"), ("platform", "gateway-8bddf57ff-7brz8"), ("platform", "gateway-8bddf57ff-plwd8"),
                      ("platform", "log-agent-k6tdg"), ("shop", "search-page-dcc4547b4-bm98z")]],
    *[(48, "KubeDeploymentReplicasMismatch", "warning", {"namespace": ns, "deployment": d, **KSM}, f"Deployment {ns}/{d} has not matched the expected number of replicas.")
      for ns, d in [("platform", "gateway"), ("shop", "search-page")]],
    (48, "KubeStatefulSetReplicasMismatch", "warning", {"namespace": "platform", "statefulset": "cache", **KSM}, "StatefulSet platform/cache has not matched the expected number of replicas."),
    (50, "KubeDaemonSetRolloutStuck", "warning", {"namespace": "platform", "daemonset": "log-agent", **KSM}, "DaemonSet platform/log-agent has not finished or progressed."),
    (60, "HTTPErrorRateHigh", "critical", {"namespace": "platform", "service": "gateway"}, "Service gateway in platform returns 100% HTTP 5xx"),
    (62, "HTTPErrorRateHigh", "critical", {"namespace": "shop", "service": "search-page"}, "Service search-page in shop returns 97% HTTP 5xx"),
]
NOISE = [
    (-700, "CPUThrottlingHigh", "info", {"namespace": "billing", "pod": "report-5f7d9c8b66-x2x2p", "container": "report"}, "37% throttling of CPU in namespace billing."),
    (400, "NodeClockSkewDetected", "warning", {"instance": "worker-7:9100", "job": "node-exporter"}, "Clock on worker-7:9100 is out of sync by more than 0.05s."),
]


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


arrivals = []
for after, name, severity, labels, summary in STORM + NOISE:
    fires = LOST + datetime.timedelta(seconds=after + HOLDS[name] + R.uniform(0, 30))
    ends = fires + datetime.timedelta(seconds=R.uniform(1500, 1900))
    alert = {"labels": {"alertname": name, "severity": severity, **labels}, "annotations": {"summary": summary},
             "startsAt": iso(fires), "endsAt": iso(ends)}
    arrivals.append((fires + datetime.timedelta(seconds=R.expovariate(1 / 8)), alert))
    if name == "HTTPErrorRateHigh":  # flaps once
        again = ends + datetime.timedelta(seconds=90)
        arrivals.append((again, {**alert, "startsAt": iso(again), "endsAt": iso(again + datetime.timedelta(seconds=300))}))
print(json.dumps({"at": iso(LOST - datetime.timedelta(seconds=900)), "holds": HOLDS}))
for at, alert in sorted(arrivals, key=lambda x: x[0]):
    print(json.dumps({"at": iso(at + datetime.timedelta(seconds=1)), "alerts": [alert]}))
