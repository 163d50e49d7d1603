"""A container image of two programs of a few bytes, made here: no registry, no compiler, no engine."""

import hashlib
import io
import json
import os
import platform
import shlex
import struct
import subprocess
import tarfile
from pathlib import Path

from harness import parts

IMAGE = "docker.io/kube-cost-test/busy-and-still:1"
BUSY = "/busy"
STILL = "/still"

_LOOP = bytes.fromhex("ebfe")  # jmp to itself
_PAUSE = bytes.fromhex("6a22 58 0f05 ebf9")  # push 34; pop rax; syscall (pause); jmp to the start

_ADDRESS = 0x400000
_X86_64 = 62


def load_tiny_image(folder: Path) -> str:
    """Load the image by way of a file in `folder`, and return its name; without a way to do it, skip or fail."""
    command = shlex.split(os.environ.get("KUBE_COST_TEST_LOAD_IMAGE", ""))
    if not command or platform.machine() != "x86_64":
        parts.lacking(parts.IMAGES)
    archive = folder / "image.tar"
    archive.write_bytes(_archive())
    loaded = subprocess.run([*command, str(archive)], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    return IMAGE


def _program(code: bytes) -> bytes:
    """A static ELF program: one segment, loaded whole, that begins with the code after the headers."""
    headers = 64 + 56
    size = headers + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head = struct.pack("<HHIQQQIHHHHHH", 2, _X86_64, 1, _ADDRESS + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x1000)
    return identity + head + segment + code


def _archive() -> bytes:
    """The image as `docker save` writes one."""
    layer = _tar({BUSY.strip("/"): _program(_LOOP), STILL.strip("/"): _program(_PAUSE)})
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [STILL], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    return _tar(
        {
            "manifest.json": json.dumps(manifest).encode(),
            "config.json": json.dumps(config).encode(),
            "layer.tar": layer,
        }
    )


def _tar(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
