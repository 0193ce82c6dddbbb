#!/usr/bin/env python3
"""Whether the NetworkPolicies of a cluster let one pod speak to another, as the API's documentation defines it; no network is asked.

usage: kubectl get namespaces,pods,networkpolicies -A -o json | networkpolicy.py NAMESPACE/POD NAMESPACE/POD PORT
       the sender, the receiver, a port of the receiver by number
"""
import json
import sys


def selects(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        value = labels.get(rule["key"])
        holds = {"In": value in (rule.get("values") or []), "NotIn": value not in (rule.get("values") or []),
                 "Exists": value is not None, "DoesNotExist": value is None}[rule["operator"]]
        if not holds:
            return False
    return True


def is_peer(peer, policy_namespace, namespace, pod, namespaces):
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], namespaces[namespace]):
            return False
    elif namespace != policy_namespace:
        return False
    return selects(peer.get("podSelector", {}), pod["metadata"].get("labels", {}))


def is_port(entry, port, receiver):
    wanted = entry.get("port")
    if isinstance(wanted, str):
        named = {p.get("name"): p["containerPort"] for c in receiver["spec"]["containers"] for p in c.get("ports", [])}
        wanted = named.get(wanted)
    return entry.get("protocol", "TCP") == "TCP" and ("port" not in entry or wanted == port)


def main():
    items = json.load(sys.stdin)["items"]
    namespaces = {i["metadata"]["name"]: i["metadata"].get("labels", {}) for i in items if i["kind"] == "Namespace"}
    pods = {(i["metadata"]["namespace"], i["metadata"]["name"]): i for i in items if i["kind"] == "Pod"}
    sender, receiver = (tuple(word.split("/")) for word in sys.argv[1:3])
    port = int(sys.argv[3])

    def closing(direction, side):
        return [i for i in items if i["kind"] == "NetworkPolicy" and i["metadata"]["namespace"] == side[0]
                and direction in i["spec"].get("policyTypes", ["Ingress"]) and selects(i["spec"]["podSelector"], pods[side]["metadata"].get("labels", {}))]

    for direction, side, other, key in (("Ingress", receiver, sender, "from"), ("Egress", sender, receiver, "to")):
        policies = closing(direction, side)
        rules = [(p, r) for p in policies for r in p["spec"].get(direction.lower()) or []]
        open_by = [p["metadata"]["name"] for p, r in rules
                   if (not r.get(key) or any(is_peer(peer, side[0], other[0], pods[other], namespaces) for peer in r[key]))
                   and (not r.get("ports") or any(is_port(e, port, pods[receiver]) for e in r["ports"]))]
        names = [p["metadata"]["name"] for p in policies]
        print(f"{direction} of {'/'.join(side)}: policies {names}, open by {open_by}")
        if policies and not open_by:
            sys.exit(1)


if __name__ == "__main__":
    main()
