#!/usr/bin/env python3
"""A registry with one image under many names, so that pods carry believable image names and pulls fail the way real ones do.

usage: registry.py PORT IMAGE_DIR CATALOGUE

CATALOGUE lists `repository:tag`, one per line: those are served. Any other tag is unknown (404), and every
repository under `private/` asks for a token and then refuses it (insufficient scope). Only pulling works.
"""
import http.server
import json
import pathlib
import sys

port, images, catalogue = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
blobs = images / "blobs"
manifest_digest = (images / "app.digest").read_text()


def served():
    return {line.strip() for line in catalogue.read_text().splitlines() if line.strip() and not line.startswith("#")}


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def error(self, status, code, message, headers=()):
        self.reply(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers=headers)

    def blob(self, digest, kind):
        path = blobs / digest.split(":")[-1]
        if not path.is_file():
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        self.reply(200, path.read_bytes(), kind, [("Docker-Content-Digest", digest)])

    def do_GET(self):
        path = self.path.split("?")[0]
        if path in ("/v2", "/v2/"):
            return self.reply(200, b"{}")
        if path == "/token":
            return self.reply(200, b'{"token":"anonymous","expires_in":300}')
        parts = path.removeprefix("/v2/").rsplit("/", 2)
        if len(parts) != 3:
            return self.error(404, "NAME_INVALID", "invalid repository name")
        name, what, ref = parts
        if name.startswith("private/"):
            realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="registry.example.com",scope="repository:{name}:pull"'
            if self.headers.get("Authorization"):
                realm += ',error="insufficient_scope"'
            return self.error(401, "UNAUTHORIZED", "authentication required", [("WWW-Authenticate", realm)])
        if what == "blobs":
            return self.blob(ref, "application/octet-stream")
        if ref == manifest_digest or f"{name}:{ref}" in served():
            return self.blob(manifest_digest, "application/vnd.oci.image.manifest.v1+json")
        self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    do_HEAD = do_GET

    def log_message(self, fmt, *args):
        print(self.address_string(), fmt % args, flush=True)


http.server.ThreadingHTTPServer(("127.0.0.1", port), Registry).serve_forever()
