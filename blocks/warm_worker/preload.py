"""What the fork server loads before it serves, and whether that has changed on disk since."""

import importlib
import importlib.util
import os
import pkgutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

PREFECT = (
    "prefect",
    "prefect.main",
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.task_runners",
    "prefect.deployments",
    "prefect.deployments.steps.core",
    "prefect.client.orchestration",
    "prefect.events.clients",
    "prefect.logging.handlers",
    "prefect.runner.storage",
    "prefect.workers.base",
)
LATER = ("blocks.warm_worker.worker", "alembic.command", "sqlalchemy.dialects.postgresql.asyncpg")
"""Not needed by runs, but by what else is forked from here."""
ROOMS = ("blocks", "tasks", "capsules", "flows")
"""The packages whose modules are all loaded; by name, because this file may not import those above it."""
WARM_UP = ("capsules.warm_up", "warm_up")
"""Called once all is loaded; by name, as above."""
REFRESH = ("capsules.warm_up", "refresh")
"""Called before each run is forked; by name, as above."""
SKIPPED = ("__main__", "migrations", "fork_server", "prefect_api", "pydantic_side")
WATCHED = {".py", ".yaml", ".jinja", ".md", ".txt"}


@dataclass(frozen=True, kw_only=True)
class Preloaded:
    """The source files of the hub as they were when they were loaded."""

    files: dict[str, int] = field(default_factory=dict)
    """Path -> modification time in nanoseconds."""
    bare: bool = False

    @classmethod
    def load(cls, *, bare: bool = False) -> "Preloaded":
        """Import Prefect's engine and, unless `bare`, every module of the hub; one that fails is left out."""
        ours = () if bare else (*LATER, *_hub_modules())
        for name in (*PREFECT, *ours, *_extra_modules()):
            try:
                importlib.import_module(name)
            except Exception as error:  # noqa: BLE001  # a broken capsule must not stop the others
                print(f"WARNING {name} could not be loaded: {type(error).__name__}: {error}", flush=True)  # noqa: T201
        if not bare:
            _call(*WARM_UP)
        importlib.import_module("blocks.warm_worker.shortcuts").take_shortcuts()
        return cls(files=_snapshot(), bare=bare)

    def refresh(self) -> None:
        """Read anew what runs read first, if it has changed; the hub's matter, so not of a bare one."""
        if not self.bare:
            _call(*REFRESH)

    def is_stale(self) -> bool:
        """Whether a source file of the hub was changed, added or removed since it was loaded."""
        return bool(self.files) and _snapshot() != self.files


def native_threads() -> int:
    """How many threads this process has, those of native libraries too."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  # names suffice
    except OSError:
        return 1


def _call(module: str, name: str) -> None:
    try:
        getattr(importlib.import_module(module), name)()
    except Exception as error:  # noqa: BLE001  # each run then meets the same and says so where it matters
        print(f"WARNING {module} could not {name}: {type(error).__name__}: {error}", flush=True)  # noqa: T201


def _hub_modules() -> list[str]:
    return [module for room in ROOMS for module in _modules_of(room)]


def _modules_of(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    found = [package]
    for folder in spec.submodule_search_locations or [] if spec else []:
        found += _walk(folder, package)
    return found if spec else []


def _walk(folder: str, package: str) -> list[str]:
    names = []
    for module in pkgutil.iter_modules([folder]):
        if module.name in SKIPPED:
            continue
        names.append(f"{package}.{module.name}")
        if module.ispkg:
            names += _walk(f"{folder}/{module.name}", f"{package}.{module.name}")
    return names


def _extra_modules() -> list[str]:
    """Modules of other distributions, named in SOMA_PRELOAD with commas between them."""
    return [name for name in os.environ.get("SOMA_PRELOAD", "").split(",") if name]


def _snapshot() -> dict[str, int]:
    """Every source file of the hub's rooms and of the extra modules, with its modification time."""
    times: dict[str, int] = {}
    for folder in _folders():
        for place, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                if Path(name).suffix in WATCHED:
                    path = f"{place}/{name}"
                    times[path] = _modified(path)
    return times


def _folders() -> set[str]:
    names = (*ROOMS, *(name.partition(".")[0] for name in _extra_modules()))
    modules = [sys.modules[name] for name in names if name in sys.modules]
    return {folder for module in modules for folder in getattr(module, "__path__", [])}


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  # thousands of calls
    except OSError:
        return 0
