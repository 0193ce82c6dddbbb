#!/usr/bin/env python3
"""Samples by Prometheus remote write 1.0, of many made-up pods: one metric, each pod a series of its own.

usage: push.py URL METRIC SERIES [ROUNDS]      prints "ACCEPTED of SENT series, SLOWEST s a request, STATUS COUNT..."
Snappy without compression is valid Snappy, so nothing but the standard library is needed.
"""
import collections
import sys
import time
import urllib.error
import urllib.request

BATCH = 2000


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def series(labels, value, at_ms):
    import struct
    pairs = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms)
    return field(1, pairs + field(2, sample))


def snappy(data):
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 65536):
        piece = data[start:start + 65536]
        out += bytes([61 << 2]) + (len(piece) - 1).to_bytes(2, "little") + piece      # a literal with a length of two bytes
    return bytes(out)


def main():
    url, metric, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    statuses, accepted, sent, slowest = collections.Counter(), 0, 0, 0.0
    for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1):
        for start in range(0, count, BATCH):
            at = int(time.time() * 1000)
            many = [series({"__name__": metric, "namespace": f"ns-{i % 50}", "pod": f"made-{i}", "container": "app"}, 1e6 + i, at) for i in range(start, min(start + BATCH, count))]
            request = urllib.request.Request(url, snappy(b"".join(many)), {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"})
            begun = time.time()
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
            slowest = max(slowest, time.time() - begun)
            statuses[status] += 1
            sent += len(many)
            accepted += len(many) if status < 300 else 0
    print(f"{accepted} of {sent} series, {slowest:.2f} s a request, " + ", ".join(f"{s} {n}" for s, n in sorted(statuses.items())))


if __name__ == "__main__":
    main()
