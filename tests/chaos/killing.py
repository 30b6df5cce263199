"""Finding the processes of a hub by what they do, and killing one with -9."""

import random
from collections.abc import Mapping
from pathlib import Path

import psutil

from blocks.settings import Settings

MARKS = {
    "worker": "blocks.warm_worker",
    "gateway": "ui.gateway",
    "prefect": "blocks.engines.prefect_api",
}
FORK_SERVER = "blocks.warm_worker.fork_server"


def processes(settings: Settings) -> dict[str, list[psutil.Process]]:
    """The hub's processes: name of the part to its processes.

    `run` are the processes of flow runs, drivers and capsules alike.
    """
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            kind = _kind(process, settings)
        except psutil.Error:
            continue
        if kind:
            found.setdefault(kind, []).append(process)
    return found


def _kind(process: psutil.Process, settings: Settings) -> str | None:
    words = process.cmdline()
    if words and Path(words[0]).name == "postgres" and f"{settings.data_dir}/postgres" in words:
        return "postgres"
    if words and "valkey-server" in words[0] and str(settings.runtime_path) in words[0]:
        return "valkey"  # it has written its title over its environment
    if process.environ().get("SOMA_DATA_DIR") != str(settings.data_dir):
        return None
    if FORK_SERVER in words:
        parent = process.parent()
        return "run" if parent is not None and FORK_SERVER in parent.cmdline() else "fork server"
    return next((name for name, mark in MARKS.items() if mark in words), None)


def kill_one(
    settings: Settings, roles: Mapping[int, str], chance: random.Random, wanted: tuple[str, ...]
) -> str | None:
    """Kill a process of a part drawn from `wanted` with -9; the part, or None when none of it runs.

    `roles` tells which runs are drivers and which are capsules, by process id.
    """
    found = processes(settings)
    for process in found.pop("run", []):
        found.setdefault(roles.get(process.pid, "capsule"), []).append(process)
    part = chance.choice(wanted)
    if part not in found:
        return None
    victim = chance.choice(found[part])
    victim.kill()
    return part
