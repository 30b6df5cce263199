"""Governed tasks that run programs, always in the sandbox; what cannot be shut in is not run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect.cache_policies import NO_CACHE

from blocks.sandbox.order import Limits
from blocks.sandbox.running import Ran, run
from blocks.settings import load_settings
from blocks.workspace.beneath import folder_at, steps_of
from tasks.governed import governed_task
from tasks.tools.places import workspace

OPTIONS: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


def isolated(name: str) -> Any:
    """The options of a governed tool that runs nothing outside of the sandbox: articles see `isolated`."""

    def facts(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"tool": {"name": name, "arguments": arguments, "isolated": True}}

    return {**OPTIONS, "facts": facts}


async def shut_in(
    command: Sequence[str],
    folder: str,
    seconds: float,
    *,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> Ran:
    """Run the command in a folder of the workspace, within the limits of the hub's settings."""
    root = workspace()
    settings = load_settings()
    return await run(
        command,
        workspace=root,
        folder=folder_of(root, folder),
        environment=environment,
        given=given,
        readable=settings.sandbox_paths,
        limits=Limits(seconds=seconds, memory_mb=settings.sandbox_memory_mb),
    )


def folder_of(root: Path, path: str, *, make: bool = False) -> Path:
    """The folder of the workspace as an absolute path, or an error that says why it is none."""
    steps = steps_of(path or ".", root)
    with folder_at(root, steps, make=make):
        return root.joinpath(*steps)


@governed_task(stage="tool.call", action="python.run", **isolated("python.run"))
async def run_python(code: str, folder: str = ".", seconds: int = 60) -> Ran:
    """Run a Python program; modules of the folder can be imported."""
    # From its standard input, where a program may be as long as it likes; `python -` imports from the folder.
    given = code.encode("utf-8", "surrogatepass")
    return _shown(await shut_in(["python3", "-B", "-"], folder, seconds, given=given))


@governed_task(stage="tool.call", action="shell.run", **isolated("shell.run"))
async def run_shell(command: str, folder: str = ".", seconds: int = 60) -> Ran:
    """Run a command line."""
    return _shown(await shut_in(["/bin/sh", "-c", command], folder, seconds))


def _shown(ran: Ran) -> Ran:
    """Without NUL, which no record can keep."""
    return replace(ran, stdout=ran.stdout.replace("\0", "�"), stderr=ran.stderr.replace("\0", "�"))


PROGRAMS: dict[str, Any] = {"python.run": run_python, "shell.run": run_shell}
"""By the names that manifests use."""
