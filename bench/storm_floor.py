#!/usr/bin/env python3
"""What nobody could tell in time: incidents of alert storms that begin with nothing but alerts that fire already.

usage: storm_floor.py FOLDER      (labelled storms of alertgen.py; prints one line a storm and the means)

An alert that fires is one alert, however often it is sent (Alertmanager merges by labels and keeps the earliest start). An
incident of which every alert of the first 30 s fires already brings nothing new in that time. The second share counts
alerts of severity info or none as nothing too, for they alone tell nobody.
"""
import json
import math
import sys
from pathlib import Path

IN_TIME_S = 30


def share(alerts, counts):
    """Share of the real incidents without an alert that counts and is new within the time."""
    fires, first, new = {}, {}, {}
    for a in alerts:
        key = json.dumps(a["labels"], sort_keys=True)
        known = fires.get(key, -math.inf) > a["t"]
        fires[key] = max(fires.get(key, -math.inf), a["end"])
        if a["kind"] == "noise":
            continue
        first.setdefault(a["incident"], a["t"])
        if not known and counts(a):
            new.setdefault(a["incident"], a["t"])
    late = sum(new.get(i, math.inf) - t > IN_TIME_S for i, t in first.items())
    return late / len(first)


def main(folder):
    rows = []
    for path in sorted(Path(folder).glob("*.jsonl")):
        alerts = [json.loads(line) for line in path.open(encoding="utf-8")]
        loud = lambda a: a["labels"]["severity"] not in ("info", "none")  # noqa: E731
        rows.append((share(alerts, lambda a: True), share(alerts, loud)))
        print(f"{path.stem}: nothing new {rows[-1][0]:.2%}, nothing new but information {rows[-1][1]:.2%}")
    means = [sum(r[k] for r in rows) / len(rows) for k in (0, 1)]
    print(f"mean: nothing new {means[0]:.2%}, nothing new but information {means[1]:.2%}")


if __name__ == "__main__":
    main(sys.argv[1])
