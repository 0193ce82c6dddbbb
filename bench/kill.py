#!/usr/bin/env python3
"""Kills the daemon (SIGKILL) at random moments under load and wants: every acknowledged alert in exactly one incident, no
incident lost or numbered anew, every incident told at least once, no message twice but under its own key, the store whole.

usage: kill.py ROOTLINE [--rounds N] [--seed S]
"""
import argparse
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

told = {}  # key → times
lock = threading.Lock()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = self.headers.get("Idempotency-Key", "")
        with lock:
            for incident in json.loads(body).get("rootline", []):
                told.setdefault(incident["id"], {}).setdefault(key, 0)
                told[incident["id"]][key] += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def start(rootline, folder, hook):
    p = subprocess.Popen([rootline, "run", "--no-cluster", "--listen", "127.0.0.1:0", "--data", folder, "--webhook", f"http://127.0.0.1:{hook}/x"],
                         stderr=subprocess.PIPE, text=True)
    line = p.stderr.readline()
    if "http://" not in line:
        sys.exit(f"the daemon does not start: {line}{p.stderr.read()}")
    threading.Thread(target=lambda: [None for _ in p.stderr], daemon=True).start()
    return p, line.rsplit("http://", 1)[1].strip()


def ask(address, method, path, body=None):
    c = http.client.HTTPConnection(address, timeout=20)
    c.request(method, path, body, {"Content-Type": "application/json"})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


def incidents(address):
    out, after = [], ""
    while True:
        status, data = ask(address, "GET", f"/api/v1/incidents?limit=500{after}")
        page = json.loads(data)
        out += page["items"]
        if not page.get("next"):
            return out
        after = "&cursor=" + page["next"]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("rootline")
    a.add_argument("--rounds", type=int, default=200)
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    chance = random.Random(a.seed)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = server.server_port
    folder = tempfile.mkdtemp(prefix="rootline-kill-")
    acknowledged, seen, n = set(), {}, 0
    problems = []
    for round in range(a.rounds):
        process, address = start(a.rootline, folder, hook)
        for i in incidents(address):
            seen.setdefault(i["id"], i["onset"])
            # what joins can have begun earlier; a later beginning is another incident under an old number
            if i["onset"] > seen[i["id"]]:
                problems.append(f"round {round}: incident {i['id']} is another one now")
            seen[i["id"]] = min(seen[i["id"]], i["onset"])
        alive = threading.Event()

        def load(address=address):
            nonlocal n
            while not alive.is_set():
                n += 1
                name = f"svc-{n}"
                alert = [{"labels": {"alertname": "HTTPErrorRateHigh", "severity": "critical", "namespace": f"ns-{n % 50}", "service": name},
                          "annotations": {"summary": f"{name} answers 5xx"}, "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "endsAt": "2100-01-01T00:00:00Z"}]
                try:
                    if ask(address, "POST", "/api/v2/alerts", json.dumps(alert))[0] == 200:
                        acknowledged.add(name)
                except OSError:
                    return
                time.sleep(0.25)  # a storm of less than the members that one incident keeps

        loader = threading.Thread(target=load)
        loader.start()
        time.sleep(chance.uniform(0.05, 4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        alive.set()
        loader.join()
    process, address = start(a.rootline, folder, hook)
    deadline = time.time() + 180
    while True:
        all_of_them = incidents(address)
        homes = {}
        for i in all_of_them:
            status, data = ask(address, "GET", f"/api/v1/incidents/{i['id']}")
            for m in json.loads(data)["members"]:
                labels = m.get("labels") or m["alert"]["labels"]
                homes.setdefault(labels.get("service"), set()).add(i["id"])
        homeless = [name for name in acknowledged if name not in homes]
        # a message is due 15 s after the first alert fired, and one more round for the courier
        with lock:
            # one that went into another before it was told is told by that one
            untold = [i["id"] for i in all_of_them if i["id"] not in told and i["alerts"]]
        if not homeless and not untold or time.time() > deadline:
            break
        time.sleep(3)
    problems += [f"alert of {name} was acknowledged and is in no incident" for name in sorted(homeless)[:5]]
    problems += [f"incident {i} was told to nobody" for i in untold[:5]]
    problems += [f"alert of {s} is in several incidents: {sorted(h)}" for s, h in homes.items() if len(h) > 1][:5]
    problems += [f"incident {i} is lost" for i in sorted(set(seen) - {i['id'] for i in all_of_them})[:5]]
    # the same key may come again (at least once); another key for the same version may not
    keys = {i: k for i, k in told.items()}
    versions = {}
    for i, by_key in keys.items():
        for key in by_key:
            versions.setdefault((i, key.split("/")[0]), set()).add(key)
    problems += [f"incident {i} version {v} was told under {len(k)} keys" for (i, v), k in versions.items() if v and len(k) > 1][:5]
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    again = sum(t - 1 for k in keys.values() for t in k.values())
    print(f"{a.rounds} kills, {len(acknowledged)} alerts acknowledged, {len(all_of_them)} incidents, {sum(len(k) for k in keys.values())} messages, "
          f"{again} of them sent again under the same key")
    for p in problems:
        print("FAIL", p)
    print("test result:", "FAILED" if problems else "ok")
    sys.exit(bool(problems))


main()
