"""Reads, judges, measures. Called by bench/run."""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BINARY = "target/release/rootline"
RUNS = int(os.environ.get("RUNS", "5"))
SIZES = [int(n) for n in os.environ.get("PODS", "1000 5000 20000").split()]
# bars: reading s, judging s, peak MiB
BARS = {1000: (0.5, 0.1, 150), 20000: (5, 2, 600)}
SHARED = Path(os.environ.get("SHARED", "../shared"))


def measure(what):
    """Medians of reading s, judging s, whole s, and the highest peak in MiB, of several runs."""
    rows = []
    for _ in range(RUNS):
        command = ["/usr/bin/env", "python3", "-c", ONE, BINARY, str(what)]
        rows.append(json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout))
    return [statistics.median(r[i] for r in rows) for i in range(3)] + [max(r[3] for r in rows)]


# in a process of its own, so that the peak is that of one run
ONE = r"""
import json, re, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run([sys.argv[1], "diagnose", sys.argv[2], "-o", "json", "--timings"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
whole = time.perf_counter() - start
read, judged = map(float, re.search(r"read ([\d.]+) s, judged ([\d.]+) s", done.stderr).groups())
print(json.dumps([read, judged, whole, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


def line(name, figures, bar=None):
    missed = bar is not None and any(f > b for f, b in zip((figures[0], figures[1], figures[3]), bar))
    note = "" if bar is None else f"   bar {bar[0]} / {bar[1]} s / {bar[2]} MiB{', MISSED' if missed else ''}"
    print(f"{name:<38} {figures[0]:8.3f} {figures[1]:9.3f} {figures[2]:8.3f} {figures[3]:8.0f}{note}", flush=True)
    return missed


CORRELATION = [  # case, alerts, what is held against the bar, bar
    ("correlate_stream", 200_000, "alerts_per_s", 200_000),
    ("correlate_storm_10k", 10_000, "cpu_s", 0.1),
    ("correlate_flood_1m", 1_000_000, "alerts_per_s", None),
]


def correlation(work):
    """Alerts through the default correlator, in process, one thread."""
    missed = False
    for name, alerts, what, bar in CORRELATION:
        folder = Path(work) / name
        folder.mkdir()
        (folder / "meta.json").write_text(json.dumps({"alerts": alerts}))
        done = subprocess.run(["target/release/rootline-bench", name, folder], check=True, text=True, stdout=subprocess.PIPE)
        answer = json.loads(done.stdout)
        per_second = answer["result"]["alerts_per_s"]
        bad = bar is not None and (per_second < bar if what == "alerts_per_s" else answer["cpu_s"] > bar)
        note = "" if bar is None else f"   bar {bar}{' alerts/s' if what == 'alerts_per_s' else ' s'}{', MISSED' if bad else ''}"
        print(f"{name:<38} {answer['cpu_s']:8.3f} CPU-s {per_second:12,.0f} alerts/s{note}", flush=True)
        missed |= bad
    return missed


def main():
    print(f"{'state':<38} {'read s':>8} {'judge s':>9} {'all s':>8} {'MiB':>8}", flush=True)
    missed, curve = False, []
    with tempfile.TemporaryDirectory() as work:
        for pods in SIZES:
            folder = Path(work) / str(pods)
            subprocess.run([sys.executable, "testbed/scale.py", "--pods", str(pods), "--out", folder], check=True, stdout=subprocess.DEVNULL)
            figures = measure(folder)
            curve.append((pods, figures[0] + figures[1]))
            missed |= line(f"made-up cluster, {pods} pods", figures, BARS.get(pods))
        missed |= correlation(work)
    for name in ("k8s-1.36.1-kwok-1000-pods", "k8s-1.36.1-eleven-faults"):
        path = SHARED / "data/own-recordings" / f"{name}.tar.zst"
        if path.exists():
            bar = BARS[1000] if "1000" in name else (0.3, 0.3, 40)
            missed |= line(name, measure(path), bar)
        else:
            print(f"skipped: {name} (no {SHARED}/data here)")
    if len(curve) > 1:
        print("seconds per 1,000 pods: " + ", ".join(f"{1000 * t / n:.4f} at {n}" for n, t in curve))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
