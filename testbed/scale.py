#!/usr/bin/env python3
"""Writes a made-up recording of a big cluster, the same bytes for the same arguments.

usage: scale.py --pods 20000 --out DIR [--faults K] [--seed N] [--indent]

DIR holds one get-KIND.json List per kind, in the shape of `kubectl get KIND -A -o json --show-managed-fields`:
nodes, namespaces, deployments, replicasets, pods, services, endpointslices, configmaps, events. Everything in it
is healthy but for K broken Deployments, which expect.json lists with the entity and code of their cause. Field by
field the objects follow the recordings of testdata/recordings; statuses and messages are copied from there.
"""
import argparse
import datetime
import json
import pathlib
import random

T0 = datetime.datetime(2026, 11, 20, 8, 0, 0, tzinfo=datetime.timezone.utc)
NOW = T0 + datetime.timedelta(days=3)
POD_SLOTS = 60              # pods per node
ENDPOINTS_PER_SLICE = 100   # what the endpointslice controller uses
STEMS = "cart catalog checkout ledger orders payments pricing search sessions shipping stock tax tickets users vouchers".split()
ROLES = "api worker web cache gateway sync export index".split()
VERSION = "v1.36.1"
FAULTS = ("oom", "crash", "image", "configmap", "cpu", "readiness")
CODES = {
    "oom": "container.oom_killed", "crash": "container.crashed", "image": "image.not_found",
    "configmap": "config.configmap_missing", "cpu": "pod.unschedulable.cpu", "readiness": "probe.readiness_wrong_port",
}


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Writer:
    """Streams `List` files, so that 20,000 pods do not have to fit in memory at once."""

    def __init__(self, out, indent):
        self.out, self.indent, self.files, self.version = out, 4 if indent else None, {}, 100

    def add(self, kind, obj):
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        first = kind not in self.files
        if first:
            self.files[kind] = (self.out / f"get-{kind}.json").open("w")
            self.files[kind].write('{"apiVersion":"v1","items":[\n')
        text = json.dumps(obj, indent=self.indent, separators=None if self.indent else (",", ":"))
        self.files[kind].write(("" if first else ",\n") + text)

    def close(self):
        for f in self.files.values():
            f.write('\n],"kind":"List","metadata":{"resourceVersion":""}}\n')
            f.close()


class Cluster:
    def __init__(self, args, writer):
        self.rng, self.writer, self.pods_wanted = random.Random(args.seed), writer, args.pods
        self.nodes = [f"node-{i:04d}" for i in range(1, max(1, -(-args.pods // POD_SLOTS)) + 1)]
        self.faults, self.expect, self.addresses, self.pods = args.faults, [], 0, 0

    def uid(self):
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def meta(self, name, ns=None, labels=None, owner=None, born=T0, manager="kube-controller-manager", fields=None, **more):
        m = {"name": name, "uid": self.uid(), "creationTimestamp": stamp(born), **more}
        if ns:
            m["namespace"] = ns
        if labels:
            m["labels"] = labels
        if owner:
            m["ownerReferences"] = [{"apiVersion": "apps/v1", "blockOwnerDeletion": True, "controller": True,
                                     "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]
        if fields:
            m["managedFields"] = [{"apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": f, "manager": who, "operation": "Update",
                                   "time": stamp(born), **({"subresource": "status"} if who == "kubelet" else {})} for who, f in fields]
        return m

    def address(self):
        self.addresses += 1
        n = self.addresses
        return f"10.{128 + (n >> 16)}.{(n >> 8) & 255}.{n & 255}"

    def event(self, ns, about, kind, reason, message, at, type_="Normal", count=1, first=None, component="kubelet"):
        scheduler = component == "default-scheduler"
        self.writer.add("events", {
            "apiVersion": "v1", "kind": "Event", "metadata": self.meta(f"{about['name']}.{self.rng.getrandbits(64):016x}", ns, born=at),
            "involvedObject": {"apiVersion": "v1" if kind == "Pod" else "apps/v1", "kind": kind, "name": about["name"], "namespace": ns, "uid": about["uid"]},
            "reason": reason, "message": message, "type": type_, "reportingComponent": component, "reportingInstance": "",
            # the scheduler writes the new form: no first and last time, no count
            **({"eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.000000Z"), "firstTimestamp": None, "lastTimestamp": None, "source": {}} if scheduler else
               {"eventTime": None, "firstTimestamp": stamp(first or at), "lastTimestamp": stamp(at), "count": count, "source": {"component": component}}),
        })

    def write_nodes(self):
        for i, name in enumerate(self.nodes):
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                      "topology.kubernetes.io/zone": f"zone-{'abc'[i % 3]}", "node.kubernetes.io/instance-type": "standard-16"}
            size = {"cpu": "16", "memory": "65837148Ki", "pods": "110", "ephemeral-storage": "259962244Ki", "hugepages-2Mi": "0"}
            calm = [("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                    ("Ready", "True", "KubeletReady", "kubelet is posting ready status")]
            self.writer.add("nodes", {
                "apiVersion": "v1", "kind": "Node", "metadata": self.meta(name, labels=labels, born=T0 - datetime.timedelta(days=30)),
                "spec": {"podCIDR": f"10.{128 + (i >> 8)}.{i & 255}.0/24"},
                "status": {"capacity": size, "allocatable": size, "addresses": [{"type": "InternalIP", "address": f"10.0.{i >> 8}.{i & 255}"}, {"type": "Hostname", "address": name}],
                           "conditions": [{"type": t, "status": s, "reason": r, "message": m, "lastHeartbeatTime": stamp(NOW), "lastTransitionTime": stamp(T0)} for t, s, r, m in calm],
                           "nodeInfo": {"kubeletVersion": VERSION, "operatingSystem": "linux", "architecture": "amd64", "containerRuntimeVersion": "containerd://1.7.24"}}})

    def write_workloads(self):
        sizes, left = [], self.pods_wanted
        while left:
            sizes.append(min(left, self.rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 6, 10, 20, 40))))
            left -= sizes[-1]
        # Faults are spread evenly over the workloads, so each has healthy neighbours.
        faulty = {round((i + 0.5) * len(sizes) / self.faults): FAULTS[i % len(FAULTS)] for i in range(self.faults)} if self.faults else {}
        namespaces = [f"team-{i:03d}" for i in range(max(1, len(sizes) // 25))]
        for name in namespaces:
            self.writer.add("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": self.meta(name, labels={"kubernetes.io/metadata.name": name}),
                                           "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})
        for i, replicas in enumerate(sizes):
            name = f"{STEMS[i % len(STEMS)]}-{ROLES[i // len(STEMS) % len(ROLES)]}-{i // (len(STEMS) * len(ROLES))}"
            self.workload(namespaces[i % len(namespaces)], name, replicas, faulty.get(i))

    def template(self, name, ns, fault):
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": ns, "app.kubernetes.io/version": f"1.{len(name)}.0"}
        env = [{"name": f"{name.split('-')[0].upper()}_{k}", "value": v} for k, v in
               (("LOG_LEVEL", "info"), ("HTTP_PORT", "8080"), ("METRICS_PORT", "9090"), ("UPSTREAM_TIMEOUT", "2s"), ("POOL_SIZE", "16"))]
        probe = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
        container = {
            "name": name.rsplit("-", 1)[0], "image": f"registry.example.com/{ns}/{name}:1.{len(name)}.0", "imagePullPolicy": "IfNotPresent",
            "env": env + [{"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
            "envFrom": [{"configMapRef": {"name": f"{name}-settings" if fault != "configmap" else f"{name}-config"}}],
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "64" if fault == "cpu" else "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
            "livenessProbe": {"httpGet": {"path": "/livez", "port": "http", "scheme": "HTTP"}, **probe},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081 if fault == "readiness" else "http", "scheme": "HTTP"}, **probe},
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }
        spec = {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "serviceAccount": "default", "serviceAccountName": "default", "terminationGracePeriodSeconds": 30}
        return labels, spec

    def workload(self, ns, name, replicas, fault):
        labels, spec = self.template(name, ns, fault)
        match = {"matchLabels": {"app.kubernetes.io/name": name}}
        ready = 0 if fault else replicas
        born = T0 + datetime.timedelta(minutes=self.rng.randrange(4000))
        conditions = [{"type": "Available", "status": "False" if fault else "True", "reason": "MinimumReplicasUnavailable" if fault else "MinimumReplicasAvailable",
                       "lastTransitionTime": stamp(born), "lastUpdateTime": stamp(born), "message": "Deployment does not have minimum availability." if fault else "Deployment has minimum availability."}]
        counts = {"replicas": replicas, "observedGeneration": 1, **({"readyReplicas": ready, "availableReplicas": ready} if ready else {})}
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.meta(name, ns, labels, born=born, generation=1, annotations={"deployment.kubernetes.io/revision": "1"}),
                      "spec": {"replicas": replicas, "selector": match, "template": {"metadata": {"labels": labels}, "spec": spec}, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
                               "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}},
                      "status": {**counts, "updatedReplicas": replicas, **({"unavailableReplicas": replicas} if fault else {}), "conditions": conditions}}
        digest = f"{self.rng.getrandbits(40):010x}"[:10]
        hashed = {**labels, "pod-template-hash": digest}
        replicaset = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": self.meta(f"{name}-{digest}", ns, hashed, deployment, born, generation=1),
                      "spec": {"replicas": replicas, "selector": {"matchLabels": {**match["matchLabels"], "pod-template-hash": digest}}, "template": {"metadata": {"labels": hashed}, "spec": spec}},
                      "status": {**counts, "fullyLabeledReplicas": replicas}}
        self.writer.add("deployments.apps", deployment)
        self.writer.add("replicasets.apps", replicaset)
        self.writer.add("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self.meta(f"{name}-settings", ns, born=born), "data": {"REGION": "north", "FEATURES": "a,b,c"}})
        endpoints = [self.pod(ns, name, replicaset, hashed, spec, fault, born) for _ in range(replicas)]
        self.service(ns, name, labels, [e for e in endpoints if e], born)
        if fault:
            self.expect.append({"entity": f"deployment/{ns}/{name}", "code": CODES[fault]})

    def service(self, ns, name, labels, endpoints, born):
        ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": self.meta(name, ns, labels, born=born),
                   "spec": {"clusterIP": self.address(), "ports": ports, "selector": {"app.kubernetes.io/name": name}, "sessionAffinity": "None", "type": "ClusterIP"}, "status": {"loadBalancer": {}}}
        self.writer.add("services", service)
        for start in range(0, max(1, len(endpoints)), ENDPOINTS_PER_SLICE):
            m = self.meta(f"{name}-{self.rng.getrandbits(24):06x}", ns, {**labels, "kubernetes.io/service-name": name}, born=born)
            m["ownerReferences"] = [{"apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"], "controller": True}]
            self.writer.add("endpointslices.discovery.k8s.io", {
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": m,
                "endpoints": endpoints[start:start + ENDPOINTS_PER_SLICE], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]})

    def pod(self, ns, workload, owner, labels, spec, fault, born):
        """Writes one pod with its events and returns its endpoint, if it has an address."""
        name = f"{owner['metadata']['name']}-{''.join(self.rng.choices('bcdfghjklmnpqrstvwxz2456789', k=5))}"
        node = None if fault == "cpu" else self.nodes[self.pods % len(self.nodes)]
        self.pods += 1
        ip = self.address() if node else None
        volume = f"kube-api-access-{''.join(self.rng.choices('bcdfghjklmnpqrstvwxz2456789', k=5))}"
        mounted = json.loads(json.dumps(spec))
        mounted["containers"][0]["volumeMounts"] = [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": volume, "readOnly": True}]
        mounted.update({"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0, **({"nodeName": node} if node else {}),
                        "tolerations": [{"effect": "NoExecute", "key": f"node.kubernetes.io/{k}", "operator": "Exists", "tolerationSeconds": 300} for k in ("not-ready", "unreachable")],
                        "volumes": [{"name": volume, "projected": {"defaultMode": 420, "sources": [
                            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                            {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}}]}}]})
        fields = [("kube-controller-manager", managed(labels, mounted["containers"][0])), ("kubelet", MANAGED_STATUS)]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": self.meta(name, ns, labels, owner, born, fields=fields, generateName=f"{owner['metadata']['name']}-"), "spec": mounted}
        pod["status"] = self.status(ns, pod, fault, born, node, ip)
        self.writer.add("pods", pod)
        if not ip:
            return None
        ok = fault is None
        return {"addresses": [ip], "conditions": {"ready": ok, "serving": ok, "terminating": False}, "nodeName": node, "targetRef": {"kind": "Pod", "name": name, "namespace": ns, "uid": pod["metadata"]["uid"]}}

    def status(self, ns, pod, fault, born, node, ip):
        about, container = pod["metadata"], pod["spec"]["containers"][0]
        started = born + datetime.timedelta(seconds=3)
        condition = lambda t, ok, reason=None, message=None: {"type": t, "status": "True" if ok else "False", "lastProbeTime": None, "lastTransitionTime": stamp(started),
                                                              **({"reason": reason, "message": message} if reason else {})}
        if fault == "cpu":
            message = f"0/{len(self.nodes)} nodes are available: {len(self.nodes)} Insufficient cpu. no new claims to deallocate, preemption: 0/{len(self.nodes)} nodes are available: {len(self.nodes)} Preemption is not helpful for scheduling."
            self.event(ns, about, "Pod", "FailedScheduling", message, NOW, "Warning", component="default-scheduler")
            return {"phase": "Pending", "qosClass": "Burstable", "conditions": [condition("PodScheduled", False, "Unschedulable", message)]}
        if fault or self.rng.random() < 0.1:      # events live an hour: few healthy pods still have theirs
            at = NOW - datetime.timedelta(minutes=self.rng.randrange(1, 60))
            self.event(ns, about, "Pod", "Scheduled", f"Successfully assigned {ns}/{about['name']} to {node}", at, component="default-scheduler")
            if fault not in ("image", "configmap"):
                for reason, message in (("Pulled", f'Container image "{container["image"]}" already present on machine and can be accessed by the pod'), ("Created", "Container created"), ("Started", "Container started")):
                    self.event(ns, about, "Pod", reason, message, at)
        cid = f"containerd://{self.rng.getrandbits(256):064x}"
        state, last, restarts = {"running": {"startedAt": stamp(started)}}, {}, 0
        if fault:
            state, last, restarts = self.broken(ns, about, container, fault, cid)
        running = "running" in state
        waits = "containers with unready status: [%s]" % container["name"]
        bad = ("ContainersNotReady", waits) if fault else (None, None)
        return {
            "phase": "Pending" if fault in ("image", "configmap") else "Running", "qosClass": "Burstable", "hostIP": "10.0.0.1", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": stamp(born),
            "conditions": [condition("PodReadyToStartContainers", True), condition("Initialized", True), condition("Ready", not fault, *bad), condition("ContainersReady", not fault, *bad), condition("PodScheduled", True)],
            "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "" if fault == "image" else f"{container['image'].split(':')[0]}@sha256:{self.rng.getrandbits(256):064x}",
                                   "containerID": "" if fault in ("image", "configmap") else cid, "ready": not fault, "started": running, "restartCount": restarts, "state": state, "lastState": last}],
        }

    def broken(self, ns, about, container, fault, cid):
        """State, last state and restarts of a container with this fault; writes its warning events."""
        first, pod, image = NOW - datetime.timedelta(minutes=40), f"{about['name']}_{ns}({about['uid']})", container["image"]
        warn = lambda reason, message, count: self.event(ns, about, "Pod", reason, message, NOW - datetime.timedelta(seconds=20), "Warning", count, first)
        if fault in ("oom", "crash"):
            code, reason = (137, "OOMKilled") if fault == "oom" else (1, "Error")
            end = {"terminated": {"containerID": cid, "exitCode": code, "reason": reason, "startedAt": stamp(NOW - datetime.timedelta(seconds=40)), "finishedAt": stamp(NOW - datetime.timedelta(seconds=25))}}
            text = f"Back-off restarting failed container {container['name']} in pod {pod}"
            warn("BackOff", text, 120)
            return {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off 5m0s restarting failed container={container['name']} pod={pod}"}}, end, 11
        if fault == "image":
            missing = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
            warn("Failed", f'Failed to pull image "{image}": rpc error: code = NotFound desc = {missing}', 9)
            warn("BackOff", f'Back-off pulling image "{image}"', 140)
            return {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = {missing}'}}, {}, 0
        if fault == "configmap":
            message = f'configmap "{container["envFrom"][0]["configMapRef"]["name"]}" not found'
            warn("Failed", f"Error: {message}", 180)
            return {"waiting": {"reason": "CreateContainerConfigError", "message": message}}, {}, 0
        warn("Unhealthy", 'Readiness probe failed: Get "http://10.128.0.1:8081/readyz": dial tcp 10.128.0.1:8081: connect: connection refused', 240)
        return {"running": {"startedAt": stamp(first)}}, {}, 0


def managed(labels, container):
    """What server-side bookkeeping says the ReplicaSet controller owns: most of the pod."""
    leaf = {}
    env = {f'k:{{"name":"{e["name"]}"}}': {".": leaf, "f:name": leaf, "f:value" if "value" in e else "f:valueFrom": leaf} for e in container["env"]}
    ports = {f'k:{{"containerPort":{p["containerPort"]},"protocol":"TCP"}}': {".": leaf, "f:containerPort": leaf, "f:name": leaf, "f:protocol": leaf} for p in container["ports"]}
    probe = {".": leaf, "f:failureThreshold": leaf, "f:httpGet": {".": leaf, "f:path": leaf, "f:port": leaf, "f:scheme": leaf}, "f:periodSeconds": leaf, "f:successThreshold": leaf, "f:timeoutSeconds": leaf}
    return {"f:metadata": {"f:generateName": leaf, "f:labels": {".": leaf, **{f"f:{k}": leaf for k in labels}}, "f:ownerReferences": {".": leaf}},
            "f:spec": {"f:containers": {f'k:{{"name":"{container["name"]}"}}': {
                ".": leaf, "f:env": {".": leaf, **env}, "f:envFrom": leaf, "f:image": leaf, "f:imagePullPolicy": leaf, "f:livenessProbe": probe, "f:name": leaf, "f:ports": {".": leaf, **ports},
                "f:readinessProbe": probe, "f:resources": {".": leaf, "f:limits": {".": leaf, "f:memory": leaf}, "f:requests": {".": leaf, "f:cpu": leaf, "f:memory": leaf}},
                "f:securityContext": {".": leaf, "f:allowPrivilegeEscalation": leaf, "f:readOnlyRootFilesystem": leaf, "f:runAsNonRoot": leaf}, "f:terminationMessagePath": leaf, "f:terminationMessagePolicy": leaf}},
                "f:dnsPolicy": leaf, "f:enableServiceLinks": leaf, "f:restartPolicy": leaf, "f:schedulerName": leaf, "f:securityContext": leaf, "f:terminationGracePeriodSeconds": leaf}}


MANAGED_STATUS = {"f:status": {"f:conditions": {f'k:{{"type":"{t}"}}': {".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}} for t in ("ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready")},
                               "f:containerStatuses": {}, "f:hostIP": {}, "f:hostIPs": {}, "f:phase": {}, "f:podIP": {}, "f:podIPs": {".": {}}, "f:startTime": {}}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--faults", type=int, default=0, help="how many Deployments are broken")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--indent", action="store_true", help="four spaces, as kubectl prints")
    args = parser.parse_args()
    if args.pods < 1 or args.faults < 0:
        parser.error("--pods must be at least 1 and --faults at least 0")
    args.out.mkdir(parents=True, exist_ok=True)
    writer = Writer(args.out, args.indent)
    cluster = Cluster(args, writer)
    cluster.write_nodes()
    cluster.write_workloads()
    writer.close()
    (args.out / "expect.json").write_text(json.dumps(cluster.expect, indent=2) + "\n")
    (args.out / "recording.json").write_text(json.dumps({"recorded_at": stamp(NOW), "kubernetes": VERSION, "context": "scale"}) + "\n")
    print(f"{cluster.pods} pods on {len(cluster.nodes)} nodes, {len(cluster.expect)} faults, in {args.out}")


if __name__ == "__main__":
    main()
