#!/usr/bin/env python3
"""Answers the names of a cluster's Services, as CoreDNS does: the address of a Service, the addresses behind a headless one, a pod by its
host name. Everything else does not exist. UDP, IPv4.

usage: clusterdns.py ADDRESS PORT API_SERVER TOKEN
"""
import ipaddress
import json
import socket
import ssl
import struct
import sys
import time
import urllib.error
import urllib.request

A, AAAA = 1, 28
KEPT_S = 2
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)      # one, as loading the authorities each time costs more than all the rest
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
NO_SUCH_NAME = 3


def ask(path):
    """What the API server has there, None when it has nothing."""
    request = urllib.request.Request(sys.argv[3] + path, headers={"Authorization": "Bearer " + sys.argv[4]})
    try:
        with urllib.request.urlopen(request, timeout=3, context=TLS) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError):
        return None


def known(name, kept={}):
    """What was found out in the last two seconds counts: every look-up asks for several names and for both families."""
    at, found = kept.get(name, (-KEPT_S, None))
    if time.monotonic() - at >= KEPT_S:
        at, found = kept[name] = time.monotonic(), addresses(name)
    return found


def addresses(name):
    """None for a name that does not exist."""
    words = name.lower().removesuffix(".cluster.local").split(".")
    if len(words) not in (3, 4) or words[-1] != "svc":
        return None
    *host, service, namespace = words[:-1]
    found = ask(f"/api/v1/namespaces/{namespace}/services/{service}")
    if found is None:
        return None
    if found["spec"].get("clusterIP") != "None":
        return [found["spec"]["clusterIP"]] if not host else None
    unready = found["spec"].get("publishNotReadyAddresses")
    slices = ask(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}") or {}
    endpoints = [e for s in slices.get("items", []) for e in s.get("endpoints") or []]
    ready = [e for e in endpoints if (unready or e["conditions"].get("ready", True)) and (not host or [e.get("hostname")] == host)]
    return [address for e in ready for address in e["addresses"]] or None


def reply(query):
    at, words = 12, []
    while query[at]:
        words.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    kind = struct.unpack_from("!H", query, at + 1)[0]
    question = query[12 : at + 5]
    found = known(".".join(words)) if kind in (A, AAAA) else []
    records = [b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 5, 4) + ipaddress.IPv4Address(a).packed for a in found or [] if kind == A]
    flags = 0x8580 | (NO_SUCH_NAME if found is None else 0)
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


if __name__ == "__main__":
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((sys.argv[1], int(sys.argv[2])))
    while True:
        packet, sender = listener.recvfrom(1500)
        try:
            listener.sendto(reply(packet), sender)
        except (IndexError, struct.error, ValueError):
            pass      # no question that can be read
