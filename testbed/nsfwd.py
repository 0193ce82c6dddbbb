#!/usr/bin/env python3
"""Offers ports of a network namespace on the machine's 127.0.0.1: listens outside, connects inside, same port on both sides.

usage: nsfwd.py PID_INSIDE PORT...
"""
import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000


def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(256)
    s.setblocking(False)
    return s


def enter_network_of(pid):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        sys.exit(f"nsfwd: setns: {os.strerror(ctypes.get_errno())}")


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        try:
            writer.close()
        except OSError:
            pass


async def main(listeners):
    async def serve(sock, port):
        async def connection(reader, writer):
            try:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        return await asyncio.start_server(connection, sock=sock)
    servers = [await serve(s, p) for s, p in listeners]
    await asyncio.gather(*(s.serve_forever() for s in servers))


if __name__ == "__main__":
    sockets = [(listen(int(p)), int(p)) for p in sys.argv[2:]]
    enter_network_of(sys.argv[1])       # sockets made from here on live inside
    asyncio.run(main(sockets))
