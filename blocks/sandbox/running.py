"""Running a program in the sandbox, or not at all."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import anyio

from blocks.errors import BadInput, Unavailable
from blocks.sandbox.order import Ending, Limits, Order, Report
from blocks.settings import load_settings

KEPT = 50_000
"""Bytes of each of the two outputs that are kept from its beginning, and as many from its end."""
PATIENCE = 10.0
"""Seconds for which the jail may outlast the program's time before it is killed from outside."""
ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/tmp",  # noqa: S108  # the jail's own
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "TMPDIR": "/tmp",  # noqa: S108  # the jail's own
    "USER": "agent",
}
_JAIL = "import sys; sys.path.append({root!r}); from blocks.sandbox.jail import main; main({ends})"


class CannotIsolate(Unavailable):
    """Programs cannot be shut in on this machine, so none is run."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a program in the sandbox did."""

    exit_code: int | None
    """None when it was ended."""
    ended: Ending
    stdout: str
    stderr: str
    cut: bool
    """Whether there was more output than is kept."""
    note: str = ""
    """Why it was ended, for who reads the result."""


@dataclass(kw_only=True, eq=False)
class Running:
    """A program at work in the sandbox; its `stdin` and `stdout` are those of the program."""

    process: asyncio.subprocess.Process
    _report: int
    _told: bytes = field(default=b"")

    async def report(self) -> Report:
        """How it ended; waits for that."""
        await self.process.wait()
        while part := os.read(self._report, 65_536):
            self._told += part
        if not self._told:
            return Report(ended="error", message="the jail was ended from outside")
        return Report.from_json(self._told.decode())


def _shown(folders: Sequence[Path]) -> dict[str, str]:
    """Where folders are inside, and where they are outside, by every name that programs may know them by.

    `CannotIsolate` when one of them holds the hub's own data or keys.
    """
    settings = load_settings()
    found: dict[str, str] = {}
    for folder in folders:
        real = folder.resolve()
        for own in (settings.data_dir, settings.keys_path):
            if own.resolve().is_relative_to(real):
                raise CannotIsolate(
                    f"programs would see where the hub keeps its data: {str(own)!r} lies in {str(folder)!r}"
                )
        found |= {os.path.normpath(folder): str(real), str(real): str(real)}
    return found


@asynccontextmanager
async def started(
    command: Sequence[str],
    *,
    workspace: Path | None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    readable: Sequence[Path] = (),
    limits: Limits | None = None,
) -> AsyncIterator[Running]:
    """The program at work; when the block ends, nothing of it is left."""
    if sys.platform != "linux":
        raise CannotIsolate("the sandbox needs Linux")
    shown = _shown([*interpreter(), *readable])
    order = Order(
        command=list(command),
        workspace=str(workspace or ""),
        folder=str(folder or workspace or "/tmp"),  # noqa: S108  # the jail's own
        environment={**ENVIRONMENT, "PATH": path_inside(), **(environment or {})},
        readable=shown,
        source=str(workspace.resolve()) if workspace else "",
        limits=limits or Limits(),
    )
    lifeline, ours = os.pipe()
    report, telling = os.pipe()
    try:
        process = await _spawn(order, telling, lifeline)
    except BaseException:
        os.close(report)
        os.close(ours)
        raise
    finally:
        os.close(lifeline)
        os.close(telling)
    try:
        yield Running(process=process, _report=report)
    finally:
        os.close(ours)
        with anyio.CancelScope(shield=True):
            await _end(process)
        os.close(report)


async def run(
    command: Sequence[str],
    *,
    workspace: Path | None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    readable: Sequence[Path] = (),
    limits: Limits | None = None,
) -> Ran:
    """Run the program to its end, or to a limit; `CannotIsolate` where it cannot be shut in."""
    limits = limits or Limits()
    async with started(
        command,
        workspace=workspace,
        folder=folder,
        environment=environment,
        readable=readable,
        limits=limits,
    ) as running:
        process = running.process
        assert process.stdout is not None
        assert process.stderr is not None
        outputs = (_Kept(), _Kept())
        reading = asyncio.gather(
            outputs[0].read(process.stdout), outputs[1].read(process.stderr), _feed(process, given)
        )
        try:
            report = await asyncio.wait_for(running.report(), limits.seconds + PATIENCE)
            await reading
        except TimeoutError:
            report = Report(ended="time")
        finally:
            reading.cancel()
    return _ran(report, outputs[0], outputs[1], command[0], limits)


def _ran(report: Report, stdout: "_Kept", stderr: "_Kept", name: str, limits: Limits) -> Ran:
    if report.ended == "error":
        if report.message.startswith("[Errno 2]"):
            raise BadInput(f"the sandbox has no program {name!r} or no such folder: {report.message}")
        raise CannotIsolate(
            f"programs cannot be shut in on this machine, so none is run ({report.message}). "
            "`soma tools check` says what is missing"
        )
    return Ran(
        exit_code=report.code if report.ended == "exit" else None,
        ended=report.ended,
        stdout=stdout.text(),
        stderr=stderr.text(),
        cut=stdout.cut or stderr.cut,
        note=_note(report, limits),
    )


def _note(report: Report, limits: Limits) -> str:
    told: Mapping[Ending, str] = {
        "signal": f"it was ended by {_signal_name(report.code)}",
        "time": f"it was ended after {limits.seconds:g} s, all the time that it had",
        "memory": f"it was ended: it and what it started took more than {limits.memory_mb} MB of memory",
        "processes": f"it was ended: it started more than {limits.processes} processes",
        "disk": f"it was ended: the workspace grew by more than {limits.grown_mb} MB or "
        f"{limits.grown_files} files",
        "hub": "it was ended with the run that had started it",
    }
    return told.get(report.ended, "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Kept:
    """The beginning and the end of an output; the middle of a long one is dropped."""

    def __init__(self) -> None:
        self._first = bytearray()
        self._last = bytearray()
        self._dropped = 0

    @property
    def cut(self) -> bool:
        return self._dropped > 0

    async def read(self, stream: asyncio.StreamReader) -> None:
        while part := await stream.read(65_536):
            room = KEPT - len(self._first)
            self._first += part[:room]
            self._last += part[room:] if room > 0 else part
            if (over := len(self._last) - KEPT) > 0:
                self._dropped += over
                del self._last[:over]

    def text(self) -> str:
        middle = f"\n… {self._dropped:,} bytes are left out …\n".encode() if self._dropped else b""
        return bytes(self._first + middle + self._last).decode("utf-8", "replace")


async def _feed(process: asyncio.subprocess.Process, given: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):  # it has ended, or does not read
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _spawn(order: Order, telling: int, lifeline: int) -> asyncio.subprocess.Process:
    reading, writing = os.pipe()
    try:
        root = str(Path(__file__).resolve().parents[2])
        script = _JAIL.format(root=root, ends=f"{reading}, {telling}, {lifeline}")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", "-B", "-c", script),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(reading, telling, lifeline),
            cwd="/",
            env={},  # no secret of the hub's is ever in there
            start_new_session=True,
            limit=1_000_000,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    try:
        with os.fdopen(writing, "wb") as file:
            await asyncio.to_thread(file.write, order.as_json().encode())
    except BrokenPipeError:  # it has ended, and its report says why
        pass
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is still there: with the jail's first process the kernel ends all that is in it."""
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.kill()
    await process.wait()


@cache
def interpreter() -> tuple[Path, ...]:
    """The folders that Python needs, as this process runs it."""
    return tuple({Path(sys.base_prefix), Path(sys.prefix)} - {Path("/usr")})


def path_inside() -> str:
    """Where programs are looked for: Python as the hub has it, then the system."""
    own = [str(Path(sys.prefix) / "bin"), str(Path(sys.base_prefix) / "bin")]
    return ":".join([*dict.fromkeys(own), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
