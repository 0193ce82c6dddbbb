#!/usr/bin/env bash
# The shipped Alertmanager configuration against a real Alertmanager: which alerts are silent while copies are there. No Rootline, no
# cluster; the copies are made here as Rootline makes them. About fifteen seconds.
. "$(dirname "$0")/lib.sh"
trap '"$HERE/partners.sh" stop alertmanager' EXIT
rm -rf "$PARTNERS/alertmanager"
"$HERE/partners.sh" start alertmanager
python3 - "http://127.0.0.1:$ALERTMANAGER_PORT/api/v2/alerts" <<'P'
import datetime, json, sys, time, urllib.request

URL = sys.argv[1]
passed = failed = 0


def post(*alerts, seconds=120):
    now = datetime.datetime.now(datetime.timezone.utc)
    at = lambda s: (now + datetime.timedelta(seconds=s)).isoformat().replace("+00:00", "Z")
    body = [{"labels": labels, "startsAt": at(-5), "endsAt": at(seconds)} for labels in alerts]
    urllib.request.urlopen(urllib.request.Request(URL, json.dumps(body).encode(), {"Content-Type": "application/json"})).close()


def loud():
    """Labels of the alerts that notify somebody: active, and routed to on-call."""
    with urllib.request.urlopen(URL) as answer:
        return [a["labels"] for a in json.load(answer) if a["status"]["state"] == "active" and a["receivers"][0]["name"] == "on-call"]


def check(name, expected, seconds=5):
    global passed, failed
    end = time.time() + seconds
    key = lambda l: sorted(map(lambda d: sorted(d.items()), l))
    while key(loud()) != key(expected) and time.time() < end:
        time.sleep(0.1)
    good = key(loud()) == key(expected)
    passed, failed = passed + good, failed + (not good)
    print("PASS" if good else "FAIL", name, "" if good else f"\n     loud: {loud()}")


pod = {"alertname": "KubePodNotReady", "severity": "warning", "cluster": "c", "namespace": "shop", "pod": "cart-1"}
other = {**pod, "pod": "cart-2"}
disk = {"alertname": "NodeFilesystemAlmostOutOfSpace", "severity": "critical", "cluster": "c", "instance": "n1", "device": "sda1", "mountpoint": "/"}
post(pod, other, disk)
check("without copies all are loud", [pod, other, disk])
post({**pod, "rootline_role": "held"})
check("held: the alert waits, nothing else does", [other, disk])
core, folded, gone = {**disk, "rootline_role": "core", "rootline_incident": "7"}, {**pod, "rootline_role": "folded", "rootline_incident": "7"}, {**pod, "rootline_role": "held"}
post(gone, seconds=-1)
post(core, folded, seconds=8)
check("of an incident only the core is loud", [other, core])
post({**other, "rootline_role": "core", "rootline_incident": "8"}, seconds=8)
check("another incident has a core of its own", [core, {**other, "rootline_role": "core", "rootline_incident": "8"}])
check("copies that are not repeated expire, and the alerts are loud again", [pod, other, disk], 15)
fact = {"alertname": "container.oom_killed", "severity": "error", "cluster": "c", "namespace": "shop", "rootline_role": "core", "rootline_incident": "9"}
post(fact)
check("a fact that no rule knows is loud by itself", [pod, other, disk, fact])
print(f"{passed} passed, {failed} failed")
sys.exit(bool(failed))
P
