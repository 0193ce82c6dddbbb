#!/usr/bin/env python3
"""ClickHouse's engine (chdb) behind the part of ClickHouse's HTTP interface that Rootline uses; one query at a time.

usage: clickhouse.py PORT FOLDER
"""
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chdb import session

port, folder = int(sys.argv[1]), sys.argv[2]
engine = session.Session(folder)
one_at_a_time = threading.Lock()


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, b"Ok.\n")  # /ping

    def do_POST(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("query", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        try:
            with one_at_a_time:
                result = engine.query(f"{query}\n{body}", "TabSeparated")
                rows = result.bytes() if result is not None else b""
            self.answer(200, rows)
        except Exception as error:  # the engine's words carry the code
            said = str(error)
            code = re.search(r"Code: (\d+)", said)
            status = {"60": 404, "81": 404, "516": 403}.get(code.group(1) if code else "", 400 if code else 500)
            self.answer(status, said.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Front).serve_forever()
