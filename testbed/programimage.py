#!/usr/bin/env python3
"""Makes an image of one program with the libraries it is linked to, as deploy/Dockerfile does with a container engine.

usage: programimage.py PROGRAM REFERENCE OUT.tar                 Rootline's image
       programimage.py PROGRAM REFERENCE OUT.tar --at PATH [--user UID] [--own DIR]... [--add FILE_OR_DIR:PATH]... [--busybox FILE] [--plain]
                                                                 another program's, laid out as its own project lays it out

--at       where the program lies and what the image starts
--own      a folder of the user's; the first one is the working directory, all are volumes
--busybox  a shell and small tools in /bin, for images that have them
--plain    no entry point: the command names the program
"""
import argparse
import io
import pathlib
import re
import subprocess
import tarfile

import ociimage

ROOTLINE, NONROOT = "/usr/local/bin/rootline", 65532
LEFT_OUT = {"__pycache__", "test", "tests", "dist-packages", "site-packages", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"}


class Layer:
    """One layer, with the folders above each file."""

    def __init__(self):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w")
        self.known = set()

    def add(self, name, kind, data=b"", mode=0o755, user=0, link=""):
        name = name.strip("/")
        for above in reversed(pathlib.PurePosixPath(name).parents):
            if str(above) != "." and str(above) not in self.known:
                self.add(str(above), tarfile.DIRTYPE)
        if name in self.known:
            return
        self.known.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.mtime, info.uid, info.gid, info.linkname = kind, mode, len(data), 0, user, user, link
        self.tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)

    def folder(self, name, mode=0o755, user=0):
        self.add(name, tarfile.DIRTYPE, mode=mode, user=user)

    def file(self, name, source):
        """A file, or a folder of program text without its tests and caches."""
        source = pathlib.Path(source)
        if source.is_dir():
            for entry in sorted(source.iterdir()):
                if entry.name not in LEFT_OUT:
                    self.file(f"{name}/{entry.name}", entry)
        elif source.is_file():
            self.add(name, tarfile.REGTYPE, source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644)

    def program(self, name, source):
        self.file(name, source)
        linked = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout      # a static one has none
        for library in sorted(set(re.findall(r"(/\S+\.so\S*)", linked))):
            self.file(library, library)

    def bytes(self):
        self.tar.close()
        return self.out.getvalue()


def filesystem(a):
    layer = Layer()
    layer.folder("tmp", mode=0o1777)
    for folder in ("etc/ssl/certs", "proc", "sys", "dev", "var"):
        layer.folder(folder)
    for folder in a.own:
        layer.folder(folder, mode=0o750 if a.at == ROOTLINE else 0o755, user=a.user)
    layer.program(a.at, a.program)
    if a.busybox:
        layer.file("bin/busybox", a.busybox)
        for applet in subprocess.run([a.busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            layer.add("bin/" + applet, tarfile.SYMTYPE, link="busybox")
    for pair in a.add:
        layer.file(*reversed(pair.split(":", 1)))
    users = f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{a.user}:{a.user}:nonroot:/home/nonroot:/sbin/nologin\n"
    layer.add("etc/passwd", tarfile.REGTYPE, users.encode(), 0o644)
    layer.add("etc/group", tarfile.REGTYPE, f"root:x:0:\nnonroot:x:{a.user}:\n".encode(), 0o644)
    layer.add("etc/nsswitch.conf", tarfile.REGTYPE, b"hosts: files dns\n", 0o644)
    layer.file("etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt")
    return layer.bytes()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program", type=pathlib.Path)
    args.add_argument("reference")
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--at", default=ROOTLINE)
    args.add_argument("--user", type=int, default=NONROOT)
    for many in ("--own", "--add"):
        args.add_argument(many, action="append", default=[])
    args.add_argument("--busybox", type=pathlib.Path)
    args.add_argument("--plain", action="store_true")
    a = args.parse_args()
    command = []
    if a.at == ROOTLINE:
        a.own, command = ["/var/lib/rootline"], ["run", "--config", "/etc/rootline/rootline.yaml"]
    layer = filesystem(a)
    config = {"User": f"{a.user}:{a.user}", "WorkingDir": a.own[0] if a.own else "/", "Entrypoint": [] if a.plain else [a.at],
              "Cmd": command, "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Volumes": {folder: {} for folder in a.own}}
    ociimage.write_archive(a.out, a.reference, layer, *ociimage.image(layer, config))


if __name__ == "__main__":
    main()
