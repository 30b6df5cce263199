"""What `soma doctor` looks at on this machine, whether or not the hub is up."""

import ast
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import yaml

from blocks.engines import postgres, prefect_server, valkey
from blocks.errors import SomaError
from blocks.settings import Settings
from capsules.catalogue import AGENTS, list_capsules
from ui.supervisor.lock import running_hub
from ui.supervisor.ports import PortBusy, require_free_ports

OLDEST_PYTHON = (3, 11)
PACKAGES = ("prefect", "fastapi", "sqlalchemy", "asyncpg", "redis", "pygit2", "qdrant_edge", "onnxruntime")
ENOUGH_BYTES = 2_000_000_000
TOO_FEW_BYTES = 200_000_000


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found at one place, and how to mend it."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    mend: str = ""


def check_machine(settings: Settings) -> Iterable[Check]:
    """Everything that can be told without a running hub."""
    for check in CHECKS:
        try:
            yield check(settings)
        except SomaError as error:
            yield Check(name=_name(check), state="fail", detail=error.message)
        except Exception as error:  # noqa: BLE001  # a doctor does not faint
            yield Check(name=_name(check), state="fail", detail=f"{type(error).__name__}: {error}")


def _name(check: Callable[[Settings], Check]) -> str:
    return check.__name__.replace("_", " ")


def python(_: Settings) -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Check(name="python", state="fail", detail=found, mend="install Python 3.11 or newer")
    return Check(name="python", state="ok", detail=f"{found}, {sys.executable}")


def packages(_: Settings) -> Check:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        detail = "not installed: " + ", ".join(missing)
        return Check(name="packages", state="fail", detail=detail, mend="run `make setup`")
    return Check(
        name="packages", state="ok", detail=f"Prefect {version('prefect')} and {len(PACKAGES) - 1} more"
    )


def engines(settings: Settings) -> Check:
    """Whether the embedded servers' programs are there and run."""
    found = []
    if postgres.needed(settings):
        told = subprocess.run(  # the wheel's own program
            [postgres.binary("postgres"), "--version"], capture_output=True, text=True, check=True
        )
        found.append(told.stdout.strip().replace("postgres (PostgreSQL)", "PostgreSQL"))
    if valkey.needed(settings):
        valkey.child(settings)
        found.append("Valkey")
    return Check(name="engines", state="ok", detail=", ".join(found) or "none embedded; all are elsewhere")


def root_user(settings: Settings) -> Check:
    if os.geteuid() != 0 or not postgres.needed(settings):
        return Check(name="user", state="ok", detail=f"user id {os.geteuid()}")
    if shutil.which("setpriv"):
        return Check(name="user", state="ok", detail="root; PostgreSQL runs as nobody")
    return Check(
        name="user",
        state="fail",
        detail="PostgreSQL refuses to run as root and `setpriv` is missing",
        mend="install util-linux, or run the hub as another user",
    )


def data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        mend = "set SOMA_DATA_DIR to a folder of your own"
        return Check(name="data folder", state="fail", detail=f"{place} is not writable", mend=mend)
    free = shutil.disk_usage(place).free
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    if free < ENOUGH_BYTES:
        state: Literal["warn", "fail"] = "warn" if free > TOO_FEW_BYTES else "fail"
        return Check(
            name="data folder", state=state, detail=detail, mend="free some space, or set SOMA_DATA_DIR"
        )
    return Check(name="data folder", state="ok", detail=detail)


def socket_folder(settings: Settings) -> Check:
    folder = settings.runtime_path
    mend = f"remove {folder}, or set TMPDIR to a folder of your own"
    if len(str(folder)) > 90:  # a socket's path may have 107 bytes
        return Check(name="socket folder", state="fail", detail=f"{folder} is too long a path", mend=mend)
    if not folder.is_symlink() and not folder.exists():
        return Check(name="socket folder", state="ok", detail=f"{folder} is made at start")
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        return Check(
            name="socket folder", state="fail", detail=f"{folder} belongs to somebody else", mend=mend
        )
    return Check(name="socket folder", state="ok", detail=str(folder))


def ports(settings: Settings) -> Check:
    if info := running_hub(settings):
        return Check(name="ports", state="ok", detail=f"held by this hub, pid {info.pid}")
    try:
        require_free_ports(settings, prefect=prefect_server.needed(settings))
    except PortBusy as error:
        return Check(name="ports", state="fail", detail=error.message)
    return Check(name="ports", state="ok", detail="free")


def git(_: Settings) -> Check:
    found = shutil.which("git")
    if not found:
        mend = "install git to audit repositories over ssh"
        return Check(name="git", state="warn", detail="not installed", mend=mend)
    return Check(name="git", state="ok", detail=found)


def token_file(settings: Settings) -> Check:
    try:
        found = settings.token_path.stat()
    except FileNotFoundError:
        return Check(name="token", state="ok", detail="is made at the first start")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        mend = f"chmod 600 {settings.token_path}, and delete it to get a new one"
        return Check(name="token", state="fail", detail=f"others may read it (mode {mode:o})", mend=mend)
    return Check(name="token", state="ok", detail=f"{settings.token_path}, mode {mode:o}")


def deployment_entrypoints(_: Settings) -> Check:
    """Whether every entrypoint of prefect.yaml names a function that is there; nothing is run."""
    spec = importlib.util.find_spec("flows")
    folders = (spec and spec.submodule_search_locations) or []
    file = next(
        (path for path in (Path(folder).parent / "prefect.yaml" for folder in folders) if path.exists()), None
    )
    if file is None:
        return Check(
            name="deployments", state="fail", detail="prefect.yaml is missing", mend="install the hub again"
        )
    entries = [entry["entrypoint"] for entry in yaml.safe_load(file.read_text())["deployments"]]
    wrong = [entry for entry in entries if not _defines(entry)]
    if wrong:
        return Check(name="deployments", state="fail", detail="cannot be found: " + ", ".join(wrong))
    return Check(name="deployments", state="ok", detail=f"{len(entries)} in {file}")


def _defines(entrypoint: str) -> bool:
    module, _, name = entrypoint.rpartition(".")
    try:
        if module == AGENTS:
            return any(entry.entrypoint == entrypoint for entry in list_capsules())
        spec = importlib.util.find_spec(module)
        tree = ast.parse(Path((spec and spec.origin) or "").read_text())
    except (ImportError, OSError, SyntaxError, ValueError, SomaError):
        return False
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in tree.body
    )


def installed(_: Settings) -> Check:
    try:
        return Check(name="hub", state="ok", detail=f"SomaAgentHub {version('soma-agent-hub')}")
    except PackageNotFoundError:
        mend = "run `make setup`"
        return Check(name="hub", state="warn", detail="runs from its sources, not installed", mend=mend)


CHECKS: tuple[Callable[[Settings], Check], ...] = (
    installed,
    python,
    packages,
    engines,
    root_user,
    data_folder,
    socket_folder,
    ports,
    git,
    token_file,
    deployment_entrypoints,
)
