#!/usr/bin/env python3
"""Asks a real Prometheus every query of every dashboard, variables filled with "all of them".

usage: queries.py PROMETHEUS_URL [--data PATTERN]...
Fails on a query that Prometheus refuses, and, for panels whose title matches a PATTERN, on one that has no data.
Prints how many had data.
"""
import json
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent / "dashboards"
FILLED = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h", "$job": ".+", "$instance": ".+", "$namespace": ".+", "$detector": ".+", "$thing": ""}


def ask(url, expr):
    for name, value in FILLED.items():
        expr = expr.replace(name, value)
    data = urllib.parse.urlencode({"query": expr}).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query", data, timeout=30) as answer:
            return json.load(answer)["data"]["result"], None
    except urllib.error.HTTPError as refused:
        return [], json.load(refused).get("error", str(refused))


def main():
    url, patterns = sys.argv[1].rstrip("/"), [p for a, p in zip(sys.argv, sys.argv[1:]) if a == "--data"]
    asked = filled = 0
    wrong = []
    for path in sorted(HERE.glob("*.json")):
        board = json.loads(path.read_text())
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric = re.match(r"label_values\((.*), \w+\)$", variable["definition"])[1]
                _, error = ask(url, metric)
                if error:
                    wrong.append(f"{path.name}: variable {variable['name']}: {error}")
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                asked += 1
                result, error = ask(url, target["expr"])
                filled += bool(result)
                if error:
                    wrong.append(f"{path.name}: {panel['title']}: {error}")
                elif not result and any(re.search(p, panel["title"]) for p in patterns):
                    wrong.append(f"{path.name}: {panel['title']}: no data for {target['expr']}")
    for line in wrong:
        print(line)
    print(f"{asked} queries asked, {len(wrong)} wrong, {filled} with data")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
