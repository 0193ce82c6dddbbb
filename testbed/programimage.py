#!/usr/bin/env python3
"""Makes an image of one program with the libraries it is linked to, as deploy/Dockerfile does with a container engine.

usage: programimage.py PROGRAM REFERENCE OUT.tar
"""
import io
import pathlib
import re
import subprocess
import sys
import tarfile

import ociimage

USER = 65532
PASSWD = f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n"


def filesystem(program):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w")

    def add(name, kind, data=b"", mode=0o755, user=0):
        info = tarfile.TarInfo(name.lstrip("/"))
        info.type, info.mode, info.size, info.mtime, info.uid, info.gid = kind, mode, len(data), 0, user, user
        tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)

    for folder in ("tmp", "etc", "etc/ssl", "etc/ssl/certs", "proc", "sys", "dev", "usr", "usr/local", "usr/local/bin", "var", "var/lib"):
        add(folder, tarfile.DIRTYPE)
    add("var/lib/rootline", tarfile.DIRTYPE, mode=0o750, user=USER)
    add("usr/local/bin/rootline", tarfile.REGTYPE, program.read_bytes())
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for library in sorted(set(re.findall(r"(/\S+\.so\S*)", linked))):
        add(library, tarfile.REGTYPE, pathlib.Path(library).read_bytes())
    add("etc/passwd", tarfile.REGTYPE, PASSWD.encode(), 0o644)
    add("etc/nsswitch.conf", tarfile.REGTYPE, b"hosts: files dns\n", 0o644)
    authorities = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    if authorities.is_file():
        add(str(authorities), tarfile.REGTYPE, authorities.read_bytes(), 0o644)
    tar.close()
    return out.getvalue()


if __name__ == "__main__":
    layer = filesystem(pathlib.Path(sys.argv[1]))
    config = {"User": f"{USER}:{USER}", "WorkingDir": "/var/lib/rootline", "Entrypoint": ["/usr/local/bin/rootline"],
              "Cmd": ["run", "--config", "/etc/rootline/rootline.yaml"]}
    ociimage.write_archive(pathlib.Path(sys.argv[3]), sys.argv[2], layer, *ociimage.image(layer, config))
