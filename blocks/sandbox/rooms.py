"""What a program in a jail sees of the disk: a new root with little in it, most of it read-only."""

import os
from collections.abc import Mapping
from pathlib import Path

from blocks.sandbox.order import Order
from blocks.sandbox.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    detach,
    mount,
    pivot_root,
    seal_mount,
)

SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
OF_ETC = ("alternatives", "ld.so.cache", "localtime", "ssl/certs", "mime.types")
"""Of `/etc` no more than this is shown: some programs need it, and no secret lies there."""
OWN_ETC = {
    "passwd": "agent:x:1000:1000:agent:/tmp:/bin/sh\n",
    "group": "agent:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
DEVICES = ("null", "zero", "full", "random", "urandom")
BASE = "/tmp"  # noqa: S108  # a folder that every machine has, to be mounted over where nobody else sees it
SCRATCH = "/tmp"  # noqa: S108  # the jail's own
OLD, NEW = "/old", "/new"


def move_in(order: Order) -> None:
    """Make the new root and move into it; nothing of the old one can be reached afterwards."""
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    mount("tmpfs", BASE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k")
    for name in (OLD, NEW):
        Path(BASE + name).mkdir()
    pivot_root(BASE, BASE + OLD)
    os.chdir("/")
    mount("tmpfs", NEW, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    _furnish(order)
    detach(OLD)
    os.chdir(NEW)
    pivot_root(".", ".")
    detach(".")
    os.chdir("/")


def lock_up() -> None:
    """From here on nothing is written but in the workspace and in `/tmp`; what lies in `/` stays as it is."""
    # A hub of the machine's root would own the kernel's switches in `/proc` even here.
    seal_mount("/proc", read_only=True)
    seal_mount("/dev", read_only=True, devices=True)
    seal_mount("/", read_only=True, beneath=False)


def _furnish(order: Order) -> None:
    scratch = f"mode=1777,size={order.limits.scratch_mb}m,nr_inodes=100k"
    for name in ("proc", "dev", "tmp", "etc", "etc/ssl"):
        Path(NEW, name).mkdir()
    mount("proc", f"{NEW}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", NEW + SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, scratch)
    _devices()
    for name in SYSTEM:
        _show_system(name)
    _etc()
    for path, source in _outermost(order.readable).items():
        _bind(path, source, read_only=True)
    if order.workspace:
        _bind(order.workspace, order.source, read_only=False)


def _devices() -> None:
    dev = Path(NEW, "dev")
    mount("tmpfs", str(dev), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
    for name in DEVICES:
        (dev / name).touch()
        mount(f"{OLD}/dev/{name}", str(dev / name), flags=MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (dev / name).symlink_to(target)
    (dev / "shm").symlink_to(SCRATCH)  # one place, one limit


def _show_system(name: str) -> None:
    old = Path(OLD, name)
    if old.is_symlink():
        Path(NEW, name).symlink_to(old.readlink())
    elif old.is_dir():
        _bind(f"/{name}", f"/{name}", read_only=True)


def _etc() -> None:
    for name, content in OWN_ETC.items():
        Path(NEW, "etc", name).write_text(content, encoding="utf-8")
    for name in OF_ETC:
        if Path(OLD, "etc", name).exists():
            _bind(f"/etc/{name}", f"/etc/{name}", read_only=True)


def _outermost(folders: Mapping[str, str]) -> dict[str, str]:
    """The folders that are not shown anyway: as a part of another one, or of the system."""
    shown = {f"/{name}": f"/{name}" for name in SYSTEM}
    for path, source in sorted(folders.items()):
        known = any(_beneath(path, other, source, shown[other]) for other in shown)
        if not known and Path(OLD + source).is_dir():
            shown[path] = source
    return {path: source for path, source in shown.items() if path.lstrip("/") not in SYSTEM}


def _beneath(path: str, other: str, source: str, its_source: str) -> bool:
    rest = path.removeprefix(other)
    return path.startswith(other) and rest[:1] in {"", "/"} and source == its_source + rest


def _bind(path: str, source: str, *, read_only: bool) -> None:
    old, target = Path(OLD + source), Path(NEW + path)
    if old.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(old), str(target), flags=MS_BIND | MS_REC)
    seal_mount(str(target), read_only=read_only)
