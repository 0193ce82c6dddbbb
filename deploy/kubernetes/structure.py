#!/usr/bin/env python3
"""Holds objects against the schemas of custom resource definitions, more strictly than an API server: an unknown field is an error.

usage: structure.py CRD_DIR FILE...     files may hold several documents; kinds that no definition has are passed over
       structure.py CRD_DIR --patch KIND POINTER GUIDE.md...   a JSON patch that a guide shows: its `value` at POINTER of the kind's `spec`
"""
import json
import pathlib
import re
import sys

import yaml


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """With `=` as a plain word, which definitions list as an operator."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def wrong(schema, value, at):
    """Yields what does not fit."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, (int, str)):
            yield f"{at}: {value!r} is neither a number nor a string"
        return
    kind = KINDS.get(schema.get("type"), object)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind not in (bool, object)):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: {value!r} does not match {schema['pattern']}"
        if len(value) < schema.get("minLength", 0):
            yield f"{at}: {value!r} is too short"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: {len(value)} items"
        for place, item in enumerate(value):
            yield from wrong(schema.get("items", {}), item, f"{at}[{place}]")
    if isinstance(value, dict):
        yield from wrong_fields(schema, value, at)


def wrong_fields(schema, value, at):
    known, more = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}: {name} is missing"
    for name, inner in value.items():
        if name in known:
            yield from wrong(known[name], inner, f"{at}.{name}")
        elif isinstance(more, dict):
            yield from wrong(more, inner, f"{at}.{name}")
        elif known and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{at}: no field {name}"


def definitions(folder):
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        for document in yaml.load_all(path.read_text(), Loader):
            spec = document["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                schema["properties"].pop("metadata", None)      # every API server knows it better
                found[spec["names"]["kind"], f'{spec["group"]}/{version["name"]}'] = schema
    return found


def check_files(known, files):
    seen = 0
    for path in files:
        for document in yaml.load_all(pathlib.Path(path).read_text(), Loader):
            schema = known.get((document.get("kind"), document.get("apiVersion"))) if document else None
            if schema:
                seen += 1
                name = f'{document["kind"]} {document["metadata"]["name"]}'
                yield from wrong(schema, {k: v for k, v in document.items() if k != "metadata"}, name)
    if not seen:
        yield "no object of these kinds in the files"


def check_patches(known, kind, pointer, guides):
    schema = next(s for (k, _), s in known.items() if k == kind)["properties"]["spec"]
    for step in pointer.strip("/").split("/"):
        schema = schema["items"] if step == "-" else schema["properties"][step]
    for path in guides:
        patches = re.findall(r"-p '(\[.*?\])'", pathlib.Path(path).read_text(), re.DOTALL)
        if not patches:
            yield f"{path}: no patch"
        for operation in (o for text in patches for o in json.loads(text)):
            if operation["path"] != f"/spec{pointer}":
                yield f'{path}: the patch is at {operation["path"]}'
            yield from wrong(schema, operation["value"], f"{path}: value")


if __name__ == "__main__":
    definitions_of = definitions(sys.argv[1])
    if sys.argv[2] == "--patch":
        found = check_patches(definitions_of, sys.argv[3], sys.argv[4], sys.argv[5:])
    else:
        found = check_files(definitions_of, sys.argv[2:])
    lines = list(found)
    sys.exit("\n".join(lines) or 0)
