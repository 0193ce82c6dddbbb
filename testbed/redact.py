#!/usr/bin/env python3
"""Empties what a recording must not carry, in place: usage: redact.py FOLDER

JSON: managed fields, values of Secrets, certificate bundles, machine ids, kernel version.
Text: the same lines of `kubectl describe node`.
"""
import json
import pathlib
import re
import sys

MACHINE = {"machineID", "systemUUID", "bootID", "kernelVersion", "osImage"}
TEXT = re.compile(r"^(\s*(?:Machine ID|System UUID|Boot ID|Kernel Version|OS Image):\s*).*$", re.M)


def emptied(data):
    return {key: "" for key in data}


def clean(obj):
    if isinstance(obj, list):
        for x in obj:
            clean(x)
        return
    if not isinstance(obj, dict):
        return
    if "nodeInfo" in obj:
        for key in MACHINE & obj["nodeInfo"].keys():
            obj["nodeInfo"][key] = "redacted"
    obj.get("metadata", {}).pop("managedFields", None) if isinstance(obj.get("metadata"), dict) else None
    if obj.get("kind") == "Secret":
        annotations = obj["metadata"].get("annotations", {})
        annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
        obj.update({key: emptied(obj[key]) for key in ("data", "stringData") if key in obj})
    for key, value in obj.items():
        if key == "caBundle":
            obj[key] = ""
        elif isinstance(value, str) and value.startswith("-----BEGIN CERTIFICATE-----"):
            obj[key] = "(certificate left out)"
        else:
            clean(value)


for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.suffix == ".json":
        obj = json.loads(path.read_text())
        clean(obj)
        path.write_text(json.dumps(obj, indent=1, ensure_ascii=False) + "\n")
    elif path.suffix == ".txt":
        path.write_text(TEXT.sub(r"\1redacted", path.read_text()))
