"""One supervised process, tried with small programs."""

import asyncio
import json
import os
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from blocks.engines.child import Child
from ui.supervisor.log import ChildLog
from ui.supervisor.process import Process, StartFailed


def program(folder: Path, source: str, **given: object) -> Child:
    file = folder / "program.py"
    file.write_text(textwrap.dedent(source))
    return Child(name="program", command=(sys.executable, str(file)), environment=os.environ, **given)  # type: ignore[arg-type]


def exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return path.exists()

    return ready


def supervised(child: Child, folder: Path, told: list[str] | None = None) -> Process:
    log = ChildLog(child.name, folder, None, quiet=True)
    return Process(child, log, (told if told is not None else []).append)


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110  # looks at another process
            await asyncio.sleep(0.05)


def test_is_started_again_when_it_is_killed(tmp_path: Path) -> None:
    """A child that dies comes back with another process id, and what happened is told."""
    note = tmp_path / "pids"
    child = program(
        tmp_path,
        f"""
        import os, time
        open({str(note)!r}, "a").write(f"{{os.getpid()}}\\n")
        time.sleep(600)
        """,
        ready=exists(note),
    )
    told: list[str] = []

    async def scenario() -> list[str]:
        process = supervised(child, tmp_path, told)
        await process.start()
        await until(lambda: len(note.read_text().split()) == 1)
        os.kill(int(note.read_text()), signal.SIGKILL)
        await until(lambda: len(note.read_text().split()) == 2)
        await process.stop()
        return note.read_text().split()

    first, second = asyncio.run(scenario())

    assert first != second
    assert "killed by SIGKILL" in told[0]
    assert not Path(f"/proc/{second}").exists()


def test_waits_longer_each_time_it_ends_at_once(tmp_path: Path) -> None:
    """The delay doubles while the child keeps ending."""
    note = tmp_path / "note"
    child = program(tmp_path, f"open({str(note)!r}, 'a').write('x')", ready=exists(note))
    told: list[str] = []

    async def scenario() -> None:
        process = supervised(child, tmp_path, told)
        await process.start()
        await until(lambda: len([line for line in told if "starting it again" in line]) >= 3)
        await process.stop()

    asyncio.run(scenario())
    delays = [line.split(" in ")[1] for line in told if "starting it again" in line]

    assert delays[:3] == ["0.5 s", "1 s", "2 s"]


def test_that_does_not_start_is_one_error_with_its_last_words(tmp_path: Path) -> None:
    """A child that ends before it is ready raises what it said and where its log is."""
    child = program(tmp_path, "print('no such port'); raise SystemExit(3)", ready=exists(tmp_path / "never"))

    with pytest.raises(
        StartFailed, match=r"program ended with status 3; it said: no such port .*program\.log"
    ):
        asyncio.run(supervised(child, tmp_path).start())


def test_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    """The wait for readiness is bounded."""
    child = program(
        tmp_path, "import time; time.sleep(600)", ready=exists(tmp_path / "never"), ready_seconds=0.3
    )

    async def scenario() -> None:
        process = supervised(child, tmp_path)
        try:
            await process.start()
        finally:
            await process.stop()

    with pytest.raises(StartFailed, match="not ready after"):
        asyncio.run(scenario())


def test_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    """Stopping ends even a child that does not listen."""
    note = tmp_path / "note"
    child = program(
        tmp_path,
        f"""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open({str(note)!r}, "w").write("up")
        while True:
            time.sleep(1)
        """,
        ready=exists(note),
        stop_seconds=0.3,
    )

    async def scenario() -> int | None:
        process = supervised(child, tmp_path)
        await process.start()
        pid = process.pid
        await process.stop()
        return pid

    assert not Path(f"/proc/{asyncio.run(scenario())}").exists()


def test_its_output_is_kept_as_json_lines(tmp_path: Path) -> None:
    """Lines become records; a line that is a JSON object keeps its fields; colours are left out."""
    log = ChildLog("program", tmp_path, None, quiet=True)
    log.write("\x1b[31mred\x1b[0m words\n")
    log.write('{"level": "info", "event": "begun"}\n')
    log.close()
    records = [json.loads(line) for line in (tmp_path / "program.log").read_text().splitlines()]

    assert [record["component"] for record in records] == ["program", "program"]
    assert (records[0]["line"], records[1]["event"]) == ("red words", "begun")


def test_its_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has grown is set aside, and only a few are kept."""
    monkeypatch.setattr("ui.supervisor.log.MAX_BYTES", 200)
    log = ChildLog("program", tmp_path, None, quiet=True)
    for number in range(100):
        log.write(f"line {number}\n")
    log.close()

    assert {path.name for path in tmp_path.iterdir()} == {
        "program.log",
        *(f"program.log.{number}" for number in range(1, 6)),
    }
