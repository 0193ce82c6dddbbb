#!/usr/bin/env python3
"""Receives notifications. Every POST becomes one JSON line: {"at": seconds, "path": ..., "headers": {...}, "body": ...}.

usage: webhook.py PORT FILE [ADDRESS]      ADDRESS: 127.0.0.1
GET /metrics gives what lies in made.prom beside FILE, for alerts that a test turns on and off. A path /status/CODE answers with that code, /slow/SECONDS after so long; both are written down as well.
"""
import http.server
import json
import pathlib
import sys
import threading
import time

LOCK = threading.Lock()
MAX_BODY = 8 << 20


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, body=b"ok", kind="text/plain"):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        made = pathlib.Path(sys.argv[2]).with_name("made.prom")
        if self.path == "/metrics":
            self.answer(200, made.read_bytes() if made.is_file() else b"", "text/plain; version=0.0.4")
        else:
            self.answer(200 if self.path == "/healthz" else 404)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.answer(413)
            return
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw)
        except ValueError:
            body = raw.decode("utf-8", "replace")
        line = json.dumps({"at": time.time(), "path": self.path, "headers": dict(self.headers), "body": body}, ensure_ascii=False)
        with LOCK, open(sys.argv[2], "a", encoding="utf-8") as out:
            out.write(line + "\n")
        parts = self.path.strip("/").split("/")
        if parts[0] == "slow" and len(parts) > 1:
            time.sleep(float(parts[1]))
        self.answer(int(parts[1]) if parts[0] == "status" and len(parts) > 1 else 200)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer((sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
