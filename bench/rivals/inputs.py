"""Seeded inputs of bench/analytics: the same bytes on every machine, written in the formats that bench/analytics.py describes."""
import csv
import json
import os
import re
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("SHARED", "../shared"))


def write(folder, meta=None, lines=None, **arrays):
    """meta.json, NAME.f64 for each array, lines.txt."""
    meta = dict(meta or {})
    for name, array in arrays.items():
        meta.setdefault("shapes", {})[name] = list(array.shape)
        np.ascontiguousarray(array, dtype="<f8").tofile(folder / f"{name}.f64")
    if lines is not None:
        (folder / "lines.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "meta.json").write_text(json.dumps(meta))


def linear_dag(p, n, degree, seed, noise="gauss"):
    """n rows of a linear model over a random DAG with `degree` expected neighbours a node; columns in random order."""
    rng = np.random.default_rng(seed)
    edges = np.tril(rng.random((p, p)) < degree / (p - 1), -1)
    weights = np.where(edges, rng.uniform(.5, 1.2, (p, p)) * rng.choice([-1, 1], (p, p)), 0)
    e = rng.normal(size=(n, p)) if noise == "gauss" else rng.uniform(-1, 1, (n, p)) * np.sqrt(3)
    x = np.zeros((n, p))
    for i in range(p):
        x[:, i] = x @ weights[i] + e[:, i]
    return x[:, rng.permutation(p)]


def related_pairs(p, n, seed):
    """p variables of n samples: noise, lines, parabolas, sines of each other; as MIC's authors test it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(p, n))
    for i in range(1, p):
        parent, kind = x[rng.integers(i)], rng.integers(6)
        signal = (None, parent, parent**2, np.sin(3 * parent), np.abs(parent), None)[kind]
        if signal is not None:
            x[i] = signal + .3 * x[i]
    return x


def splitmix_graph(n, m, seed):
    """Edges [from, to, weight], parallel ones added up: splitmix64, z_k = mix(seed + k*golden), triples (r1, r2, r3) of it,
    from = (r1%n)*(r2%n)//n, to = r3%n; so few nodes have many edges out and some none."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, 3 * m + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    r = (z % np.uint64(n)).reshape(m, 3)
    key, weight = np.unique(r[:, 0] * r[:, 1] // np.uint64(n) * np.uint64(n) + r[:, 2], return_counts=True)
    return np.column_stack([key // np.uint64(n), key % np.uint64(n), weight]).astype(float)


def fault_graph(seed):
    """Nine binary variables: four causes, four effects by noisy-OR of two causes each, one more effect; soft evidence on the effects."""
    rng = np.random.default_rng(seed)
    factors = []
    for v in range(4):
        prior = rng.uniform(.02, .06)
        factors.append({"vars": [v], "table": [1 - prior, prior]})
    for causes, effect in (((0, 1), 4), ((0, 2), 5), ((3, 1), 6), ((3, 2), 7), ((0,), 8)):
        w, leak = rng.uniform(.5, .9, len(causes)), .01
        shape = (2,) * len(causes)
        off = np.array([(1 - leak) * np.prod([1 - w[k] for k, on in enumerate(state) if on]) for state in np.ndindex(shape)])
        factors.append({"vars": [*causes, effect], "table": np.stack([off, 1 - off], -1).ravel().tolist()})
    for v in range(4, 9):
        lr = np.exp(rng.normal(0, 2))
        factors.append({"vars": [v], "table": [1 / (1 + lr), lr / (1 + lr)]})
    return {"card": [2] * 9, "factors": factors, "damping": .3, "iterations": 50}


def two_classes(n, p, seed):
    """Rows exact in f32 and a 0/1 target that needs interactions."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)).astype(np.float32)
    logit = x[:, 0] + x[:, 1] * x[:, 2] - np.abs(x[:, 3]) + np.sin(2 * x[:, 4]) * x[:, 5] + .3 * x[:, 6:16].sum(1)
    return x, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)


def planted_outliers(n, p, share, seed):
    """Three correlated clouds and `share` points far from them; 1 = planted."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(0, 3, (3, p))[rng.integers(3, size=n)]
    x = centre + rng.normal(size=(n, p)) @ (np.eye(p) + .3 * rng.normal(size=(p, p)))
    planted = rng.random(n) < share
    x[planted] = rng.uniform(-12, 12, (planted.sum(), p))
    return x, planted.astype(int)


def minute_series(days, seed):
    """t in seconds from a Monday midnight, and y: a trend that bends, day and week shape, noise; one value a minute."""
    rng = np.random.default_rng(seed)
    t = np.arange(days * 1440) * 60.
    day, week = t / 86400, t / 604800
    y = 5 + .05 * day + .08 * np.maximum(day - days * .4, 0) + np.sin(2 * np.pi * day) + .4 * np.cos(4 * np.pi * day) + .3 * np.sin(2 * np.pi * week)
    return np.column_stack([t, y + rng.normal(0, .2, len(t))])


def hourly_series(count, hours, seed):
    """Usage-like series, one a row: a day shape that is weak in most of them (as on servers), level shifts, autocorrelated noise,
    some spikes; never negative."""
    rng = np.random.default_rng(seed)
    h = np.arange(hours)
    rows = []
    for _ in range(count):
        phase, amplitude, phi = rng.uniform(0, 24), 12 * rng.random() ** 2, rng.uniform(.3, .9)
        y = rng.uniform(20, 60) + amplitude * np.sin(2 * np.pi * (h - phase) / 24) + rng.uniform(0, 8) * (h // 24 % 7 < 5)
        y += rng.normal(0, 8) * (h > rng.integers(hours))
        noise, e = np.zeros(hours), rng.normal(0, rng.uniform(2, 5), hours)
        for i in range(1, hours):
            noise[i] = phi * noise[i - 1] + e[i]
        rows.append(np.maximum(y + noise + 30 * (rng.random(hours) < .01), 0))
    return np.array(rows)


ALERTS = [  # name, entity, text
    ("KubePodCrashLooping", "pod", "Pod {ns}/{pod} (app) is in waiting state (reason: CrashLoopBackOff) on cluster c1."),
    ("KubePodNotReady", "pod", "Pod {ns}/{pod} has been in a non-ready state for longer than 15 minutes."),
    ("ContainerOOMKilled", "pod", "Container in pod {pod} was OOM killed"),
    ("KubePodEvicted", "pod", "Pod {pod} was evicted from {node}"),
    ("ImagePullBackOff", "pod", "Pod {pod} cannot pull its image"),
    ("CPUThrottlingHigh", "pod", "{v}% throttling of CPU in namespace {ns} for container app in pod {pod}."),
    ("KubeContainerWaiting", "pod", "pod/{pod} in namespace {ns} on container app has been in waiting state for longer than 1 hour."),
    ("KubeNodeNotReady", "node", "{node} has been unready for more than 15 minutes."),
    ("KubeNodeUnreachable", "node", "{node} is unreachable and some workloads may be rescheduled."),
    ("NodeFilesystemSpaceFillingUp", "node", "Filesystem on /dev/vda1 at {node} has only {v}% available space left and is filling up."),
    ("NodeClockSkewDetected", "node", "Clock at {node} is out of sync by more than {v}s."),
    ("KubeletTooManyPods", "node", "Kubelet {node} is running at {v}% of its Pod capacity."),
    ("HTTPErrorRateHigh", "service", "Service {service} in {ns} returns {v}% HTTP 5xx"),
    ("HTTPLatencyHigh", "service", "Service {service} in {ns} p99 latency is {v} ms"),
    ("KafkaConsumerLag", "service", "Consumer group of {service} lags by {v} messages"),
    ("DBConnectionsExhausted", "service", "Database {service} has {v} of 100 connections in use"),
    ("TargetDown", "service", "{v}% of the {service} targets in {ns} namespace are down."),
    ("KubeDeploymentReplicasMismatch", "deployment", "Deployment {ns}/{service} has not matched the expected number of replicas for longer than 15 minutes."),
    ("KubeHpaMaxedOut", "deployment", "HPA {ns}/{service} has been running at max replicas for longer than 15 minutes."),
    ("KubePersistentVolumeFillingUp", "pvc", "The PersistentVolume claimed by data-{service} in namespace {ns} is only {v}% free."),
    ("KubeQuotaAlmostFull", "namespace", "Namespace {ns} is using {v}% of its quota."),
    ("NodeSystemdServiceFailed", "node", "Systemd service kubelet.service has entered failed state at {node}"),
    ("KubePodNotReadyZh", "pod", "Pod {pod} 超过15分钟未就绪"),
    ("HTTPErrorRateHighZh", "service", "服务 {service} 5xx 错误率过高"),
]


def alert_texts(n, seed):
    """n alert texts as an alert clusterer sees them: name, sorted label=value without severity, summary; entities repeat unevenly."""
    rng = np.random.default_rng(seed)
    pods = []
    for ns in range(30):
        for s in range(rng.integers(4, 10)):
            service = f"{('pay', 'cart', 'user', 'search', 'ads', 'risk', 'order', 'stock', 'msg', 'feed')[ns % 10]}-{('api', 'web', 'db', 'mq', 'gw', 'job')[rng.integers(6)]}{s}"
            for _ in range(rng.choice([2, 2, 3, 3, 4, 6, 10])):
                pods.append((f"{('pay', 'cart', 'user', 'search', 'ads')[ns % 5]}-{('prod', 'core', 'edge')[ns % 3]}{ns // 10}", service, f"{service}-{rng.integers(16**9):09x}-{rng.integers(16**5):05x}", f"node-{rng.integers(200):03d}"))
    which = (len(pods) * rng.random(n) ** 6).astype(int)
    kinds, values, digits = (len(ALERTS) * rng.random(n) ** 2).astype(int), rng.uniform(1, 99, n), rng.choice([0, 1, 2, 2], size=n)
    texts = []
    for pod_id, kind, value, places in zip(which, kinds, values, digits):
        name, entity, text = ALERTS[kind]
        ns, service, pod, node = pods[pod_id]
        labels = {"pod": {"container": "app", "job": "kube-state-metrics", "namespace": ns, "pod": pod}, "node": {"instance": node, "job": "node-exporter", "namespace": "monitoring"},
                  "service": {"namespace": ns, "service": service}, "deployment": {"deployment": service, "job": "kube-state-metrics", "namespace": ns},
                  "pvc": {"namespace": ns, "persistentvolumeclaim": f"data-{service}"}, "namespace": {"namespace": ns}}[entity]
        shown = text.format(ns=ns, service=service, pod=pod, node=node, v=round(value, int(places)))
        texts.append(" ".join([name, *(f"{k}={v}" for k, v in labels.items()), shown]))
    return texts


def log_lines(n, seed):
    """n messages: the contents of the public log lines in turn through the systems, every number of two or more digits drawn anew."""
    files = sorted((SHARED / "data/loghub2k").glob("*/*_2k.log_structured.csv"))
    if not files:
        raise FileNotFoundError(f"{SHARED}/data/loghub2k is absent")
    contents = []
    for path in files:
        with open(path, encoding="utf-8", newline="") as f:
            contents.append([row["Content"].replace("\r", " ").replace("\n", " ") for row in csv.DictReader(f)])
    rng = np.random.default_rng(seed)
    pool, at, lines = rng.integers(10, size=1 << 20).astype(str).tolist(), 0, []
    pool = "".join(pool)

    def digits(match):
        nonlocal at
        size = len(match[0])
        at = (at + size) % (len(pool) - 64)
        return pool[at:at + size] if size < 64 else match[0]

    for i in range(n):
        system = contents[i % len(contents)]
        lines.append(re.sub(r"\d\d+", digits, system[i // len(contents) % len(system)]))
    return lines
