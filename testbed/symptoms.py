#!/usr/bin/env python3
"""Writes down when trouble could first be seen in the API, by a rule that knows nothing of faults.

usage: symptoms.py SERVER CA_FILE TOKEN OUT.jsonl
One line for each thing that is in trouble the first time: {"at": seconds, "namespace": ..., "what": ...}. Looked at twice a second.
Trouble is: a container that waits for another reason than being made, or ended with an error; a pod that cannot be placed; a
Warning event; a node that is not ready; a failed Job; a deployment that does not progress or cannot make pods.
"""
import json
import ssl
import sys
import time
import urllib.request

BEING_MADE = {"ContainerCreating", "PodInitializing", None, ""}
LEFT_ALONE = {"kube-system", "platform", "kube-node-lease", "kube-public"}


def of_pods(pods):
    for pod in pods:
        meta, status = pod["metadata"], pod.get("status", {})
        for container in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
            for state in (container.get("state", {}), container.get("lastState", {})):
                waits, ended = state.get("waiting", {}).get("reason"), state.get("terminated", {})
                if waits not in BEING_MADE:
                    yield meta["namespace"], f"pod {meta['name']} waits: {waits}"
                if ended.get("exitCode", 0) != 0:
                    yield meta["namespace"], f"pod {meta['name']} ended: {ended.get('reason')} {ended['exitCode']}"
        for condition in status.get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                yield meta["namespace"], f"pod {meta['name']} is not placed"


def of_events(events):
    for event in events:
        about = event["involvedObject"]
        yield about.get("namespace", ""), f"event {event['reason']} {about['kind']}/{about['name']} {event['metadata']['uid']}"


def of_conditions(kind, objects, bad):
    for one in objects:
        for condition in one.get("status", {}).get("conditions", []):
            if (condition["type"], condition["status"]) in bad:
                # the heartbeat of a node is no news, the change is
                yield one["metadata"].get("namespace", ""), f"{kind} {one['metadata']['name']} {condition['type']}={condition['status']} {condition.get('lastTransitionTime')}"


def main():
    server, ca, token, out = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca)

    def items(path):
        request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:
            return json.load(answer).get("items") or []

    seen = set()
    while True:
        try:
            found = [
                *of_pods(items("/api/v1/pods?resourceVersion=0")), *of_events(items("/api/v1/events?fieldSelector=type%3DWarning")),
                *of_conditions("node", items("/api/v1/nodes"), {("Ready", "False"), ("Ready", "Unknown"), ("DiskPressure", "True"), ("MemoryPressure", "True")}),
                *of_conditions("job", items("/apis/batch/v1/jobs"), {("Failed", "True")}),
                *of_conditions("deployment", items("/apis/apps/v1/deployments"), {("Progressing", "False"), ("ReplicaFailure", "True")})]
        except (OSError, ValueError):
            time.sleep(0.5)
            continue
        now = time.time()
        with open(out, "a", encoding="utf-8") as lines:
            for namespace, what in found:
                if namespace not in LEFT_ALONE and (namespace, what) not in seen:
                    seen.add((namespace, what))
                    lines.write(json.dumps({"at": now, "namespace": namespace, "what": what}) + "\n")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
