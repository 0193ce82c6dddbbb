#!/usr/bin/env python3
"""Nodes and deployments for kwok, YAML on standard output. usage: fakenodes.py NODES PODS"""
import json
import sys

nodes, pods = int(sys.argv[1]), int(sys.argv[2])
for i in range(1, nodes + 1):
    size = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    print("---\n" + json.dumps({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": f"fake-{i}", "annotations": {"kwok.x-k8s.io/node": "fake"},
                     "labels": {"type": "kwok", "kubernetes.io/hostname": f"fake-{i}", "kubernetes.io/os": "linux",
                                "kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": f"z{i % 3}"}},
        "spec": {"taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]},
        "status": {"allocatable": size, "capacity": size,
                   "nodeInfo": {"kubeletVersion": "v1.36.1", "operatingSystem": "linux", "architecture": "amd64"}},
    }))
for d in range(1, -(-pods // 100) + 1):
    name = f"fake-{d}"
    print("---\n" + json.dumps({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": {"fake": "yes"}},
        "spec": {"replicas": min(100, pods - 100 * (d - 1)), "selector": {"matchLabels": {"app": name}},
                 "template": {"metadata": {"labels": {"app": name, "fake": "yes"}},
                              "spec": {"nodeSelector": {"type": "kwok"}, "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
                                       "containers": [{"name": "app", "image": "registry.example.com/shop/cart:2.7.0",
                                                       "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}}]}}},
    }))
