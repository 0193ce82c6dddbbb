#!/usr/bin/env python3
"""Alerts through HTTP into a running daemon, as many as go, and what that costs: alerts a second, resident memory.

usage: flood.py ROOTLINE [--alerts N] [--batch N] [--names N]
Needs `wrk`-like speed from Python, so bodies are made before the clock starts and sent over a few kept connections.
"""
import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("rootline")
a.add_argument("--alerts", type=int, default=200_000)
a.add_argument("--batch", type=int, default=256, help="alerts a request; Prometheus sends up to 256")
a.add_argument("--names", type=int, default=10_000, help="different alerts; the others are the same sent again")
a.add_argument("--connections", type=int, default=2)
a = a.parse_args()
process = subprocess.Popen([a.rootline, "run", "--no-cluster", "--listen", "127.0.0.1:0", "--data", tempfile.mkdtemp()], stderr=subprocess.PIPE, text=True)
line = process.stderr.readline()
address = line.rsplit("http://", 1)[1].strip()
threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True).start()
bodies = []
for start in range(0, a.alerts, a.batch):
    bodies.append(json.dumps([
        {"labels": {"alertname": f"Alert{i % 40}", "severity": "warning", "namespace": f"ns-{i % 200}", "pod": f"pod-{i % a.names}"},
         "annotations": {"summary": "something is wrong"}, "startsAt": "2026-11-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z"}
        for i in range(start, start + a.batch)]).encode())
refused = 0


def send(mine):
    global refused
    c = http.client.HTTPConnection(address)
    for body in mine:
        while True:
            c.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
            r = c.getresponse()
            r.read()
            if r.status == 200:
                break
            refused += 1
            time.sleep(0.05)


begun = time.time()
threads = [threading.Thread(target=send, args=(bodies[i::a.connections],)) for i in range(a.connections)]
[t.start() for t in threads]
[t.join() for t in threads]
took = time.time() - begun
ticks = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
cpu = (int(ticks[11]) + int(ticks[12])) / 100
rss = next(int(l.split()[1]) for l in open(f"/proc/{process.pid}/status") if l.startswith("VmRSS")) / 1024
n = len(bodies) * a.batch
process.terminate()
process.wait()
print(f"{n} alerts in {took:.1f} s: {n / took:,.0f} a second (bar 20,000), {cpu:.1f} CPU-s, {refused} times sent back, {rss:.0f} MiB")
sys.exit(n / took < 20_000)
