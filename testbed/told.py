#!/usr/bin/env python3
"""What the webhook receiver was told about incidents, against what was expected and when it could be seen.

usage: told.py wait DATA SINCE LIMIT FAULT.json     waits for the right cause; prints "SECONDS INCIDENT", or what was told instead (exit 1)
       told.py resolved DATA SINCE LIMIT            waits until every incident told since then was told to be over
       told.py quiet DATA SINCE                     fails when anything was told since then
       told.py table DATA SINCE BAR                 messages per incident and the median of seconds.txt, held against the bar
DATA: the folder with webhook.jsonl, symptoms.jsonl and seconds.txt
"""
import json
import pathlib
import statistics
import sys
import time


def lines(path):
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").split("\n")[:-1]       # a line that is being written has no end yet
    return [json.loads(line) for line in whole if line]


def messages(data, since):
    """(at, incident as the message has it) of messages of Rootline itself."""
    for message in lines(data / "webhook.jsonl"):
        if message["at"] >= since and message["path"].startswith("/rootline") and isinstance(message["body"], dict):
            for incident in message["body"].get("rootline", []):
                yield message["at"], incident


def names(fault):
    """(entities, codes) that are right."""
    expect, also = fault["expect"], fault.get("also_right") or []
    return {expect["entity"], *(a for a in also if "/" in a)}, {expect["code"], *(a for a in also if "/" not in a)}


def wait(data, since, limit, fault):
    entities, codes = names(fault)
    node = fault["expect"]["entity"].startswith("node/")
    end, told = time.time() + limit, {}
    while True:
        for at, incident in messages(data, since):
            cause = incident.get("cause") or {}
            told.setdefault(f"{incident['id']}: {cause.get('entity', '-')} {cause.get('code', 'no confident cause')}", at)
            if cause.get("entity") in entities and cause.get("code") in codes:
                seen = [s["at"] for s in lines(data / "symptoms.jsonl") if s["at"] >= since and (node and s["what"].startswith("node ") or not node and s["namespace"] == fault["namespace"])]
                first = min(seen, default=since)
                took = at - first
                with open(data / "seconds.txt", "a", encoding="utf-8") as out:
                    out.write(f"{took:.1f}\n")
                before = {i["id"] for t, i in messages(data, 0) if t < since}
                others = {i["id"]: i["title"] for _, i in messages(data, since) if i["id"] not in before | {incident["id"]}}
                print(f"{took:.0f} s", f"incident {incident['id']}" + (f", and besides {list(others.values())}" if others else ""))
                return 0
        if time.time() > end:
            print("; ".join(told) or "nothing was told")
            return 1
        time.sleep(0.5)


def resolved(data, since, limit):
    end = time.time() + limit
    while True:
        stage = {}
        for _, incident in messages(data, since):
            stage[incident["id"]] = incident["stage"]
        still = sorted(i for i, s in stage.items() if s != "resolved")
        if stage and not still:
            print(f"{len(stage)} incidents, all over")
            return 0
        if time.time() > end:
            print(f"still open: {still}" if stage else "nothing was told")
            return 1
        time.sleep(1)


def main():
    what, data, since = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
    if what == "wait":
        return wait(data, since, float(sys.argv[4]), json.loads(pathlib.Path(sys.argv[5]).read_text()))
    if what == "resolved":
        return resolved(data, since, float(sys.argv[4]))
    if what == "quiet":
        told = [f"{i['id']}.{i['version']} {i['title']}" for _, i in messages(data, since)]
        print("; ".join(told) or "nothing was told")
        return bool(told)
    told = [i["id"] for _, i in messages(data, since)]
    seconds = [float(s) for s in (data / "seconds.txt").read_text().split()] if (data / "seconds.txt").exists() else []
    bar = float(sys.argv[4])
    median = statistics.median(seconds) if seconds else float("inf")
    print(f"{len(set(told))} incidents, {len(told)} messages; from the first symptom in the API to the message with the right cause: "
          f"p50 {median:.0f} s (bar {bar:.0f}), slowest {max(seconds, default=float('inf')):.0f} s, {len(seconds)} faults")
    return median > bar


if __name__ == "__main__":
    sys.exit(main())
