#!/usr/bin/env python3
"""Makes the two images every test pod runs from one static busybox, without a container engine.

usage: ociimage.py BUSYBOX OUT_DIR [--pause REF]

OUT_DIR/app.tar    an OCI archive with busybox, its applets and a few users' homes
OUT_DIR/pause.tar  the sandbox image: a shell that sleeps until it is told to end
OUT_DIR/blobs/     the blobs and the manifest of app.tar, for registry.py (OUT_DIR/app.digest names the manifest)
"""
import argparse
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def root_filesystem(busybox):
    out = io.BytesIO()
    tar = tarfile.open(fileobj=out, mode="w")

    def add(name, kind, data=b"", mode=0o755, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname, info.size, info.mtime = kind, mode, link, len(data), 0
        tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)

    for folder in ("bin", "tmp", "etc", "proc", "sys", "dev", "var", "root", "srv"):
        add(folder, tarfile.DIRTYPE)
    add("bin/busybox", tarfile.REGTYPE, pathlib.Path(busybox).read_bytes())
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            add("bin/" + applet, tarfile.SYMTYPE, link="busybox")
    users = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    add("etc/passwd", tarfile.REGTYPE, users, 0o644)
    tar.close()
    return out.getvalue()


def image(layer, config):
    """Returns (manifest, config blob), both as bytes."""
    conf = json.dumps({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        "history": [{"created_by": "ociimage.py"}],
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(conf), "size": len(conf)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": len(layer)}],
    }).encode()
    return manifest, conf


def write_archive(path, ref, layer, manifest, conf):
    """An OCI layout, as containerd reads it, with the list beside it that `docker load` reads."""
    index = json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": MANIFEST, "digest": digest(manifest), "size": len(manifest),
        "annotations": {"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref.rsplit(":", 1)[1]},
    }]}).encode()
    files = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index)]
    blob = lambda data: "blobs/sha256/" + digest(data).split(":")[1]
    files += [(blob(b), b) for b in (layer, conf, manifest)]
    files.append(("manifest.json", json.dumps([{"Config": blob(conf), "RepoTags": [ref], "Layers": [blob(layer)]}]).encode()))
    with tarfile.open(path, "w") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("busybox")
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--app", default="registry.example.com/base/app:1")
    args.add_argument("--pause", default="registry.example.com/base/pause:1")
    a = args.parse_args()
    layer = root_filesystem(a.busybox)
    env = ["PATH=/bin"]
    app = image(layer, {"Env": env, "Cmd": ["/bin/sh"]})
    idle = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
    pause = image(layer, {"Env": env, "Entrypoint": ["/bin/sh", "-c", idle]})
    a.out.mkdir(parents=True, exist_ok=True)
    write_archive(a.out / "app.tar", a.app, layer, *app)
    write_archive(a.out / "pause.tar", a.pause, layer, *pause)
    blobs = a.out / "blobs"
    blobs.mkdir(exist_ok=True)
    for blob in (layer, *app):
        (blobs / digest(blob).split(":")[1]).write_bytes(blob)
    (a.out / "app.digest").write_text(digest(app[0]))


if __name__ == "__main__":
    main()
