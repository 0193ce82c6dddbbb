#!/usr/bin/env python3
"""Answers every connection with bytes that are neither HTTP nor TLS, and hangs up.

usage: garbage.py PORT [ADDRESS]      ADDRESS: 127.0.0.1
"""
import random
import socketserver
import sys


class Garbage(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(2)
        try:
            self.request.recv(65536)
            self.request.sendall(random.Random(1).randbytes(3000))
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", int(sys.argv[1])), Garbage).serve_forever()
