import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from blocks.errors import Unavailable
from blocks.memory.edge import EdgeEngine, open_edge
from blocks.memory.engine import Point, Question, Where, Words
from blocks.memory.hybrid import HybridMemory
from blocks.memory.items import Draft, Selection
from blocks.memory.ownership import MemoryLocked

Opening = Callable[[], AbstractAsyncContextManager[HybridMemory]]
ALL = Where(tenant=None)
OWNER = """
import asyncio, sys
from pathlib import Path
from blocks.memory.edge import open_edge
from blocks.memory.engine import Point, Where, Words

async def main():
    engine = open_edge(Path(sys.argv[1]), 2)
    engine.compact_after = int(sys.argv[2])
    number = await engine.count(Where(tenant=None))
    tidying = None
    while True:
        words = Words(indices=[1], values=[1.0])
        await engine.put([Point(id=number, dense=[1.0, number], words=words, payload={"tenant": "a"})])
        print(number, flush=True)
        number += 1
        if number % 20 == 0 and (tidying is None or tidying.done()):
            tidying = asyncio.create_task(engine.tidy())

asyncio.run(main())
"""


def point(number: int, tenant: str = "a") -> Point:
    identity = f"00000000-0000-0000-0000-{number:012}"
    words = Words(indices=[number], values=[1.0])
    return Point(
        id=identity, dense=[1.0, float(number)], words=words, payload={"tenant": tenant, "n": number}
    )


async def numbers(engine: EdgeEngine) -> set[int]:
    question = Question(dense=[1.0, 1.0], words=None, weights=(1.0, 1.0), limit=10_000)
    return {found.payload["n"] for found in await engine.search(ALL, question)}


def own(folder: Path, compact_after: int = 10**9) -> subprocess.Popen[str]:
    """A process that opens the store, writes for ever and says each number once it was acknowledged."""
    arguments = (sys.executable, "-c", OWNER, str(folder), str(compact_after))
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def kill_after(owner: subprocess.Popen[str], written: int) -> int:
    """The last number that the owner acknowledged before it was killed."""
    assert owner.stdout
    for _ in range(written):
        assert owner.stdout.readline(), "the owner ended by itself"
    owner.send_signal(signal.SIGKILL)
    rest = [line for line in owner.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    owner.wait()
    return written + len(rest)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """Killed at any moment, without a flush, the store has every acknowledged point, three kills in a row."""
    total = 0
    for _ in range(3):
        total += kill_after(own(tmp_path / "m"), 50)
        engine = open_edge(tmp_path / "m", 2)
        count = asyncio.run(engine.count(ALL))
        assert total <= count <= total + 1
        total = count
        asyncio.run(engine.close())


@pytest.mark.slow
def test_a_kill_while_the_index_is_built_loses_nothing(tmp_path: Path) -> None:
    """Killed again and again around compactions, the store opens and has every acknowledged point."""
    total = 0
    for written in (25, 60, 130, 45, 200):
        total += kill_after(own(tmp_path / "m", compact_after=1), written)
        engine = open_edge(tmp_path / "m", 2)
        count = asyncio.run(engine.count(ALL))
        assert total <= count <= total + 1
        assert len(list((tmp_path / "m").glob("shard-*"))) == 1
        total = count
        asyncio.run(engine.close())


def test_the_forgotten_is_gone_after_reopening(opening: Opening) -> None:
    """What was forgotten does not come back when the store is opened again; the rest is still there."""

    async def scene() -> None:
        async with opening() as memory:
            await memory.remember(
                "a", "tenant", [Draft(text="forget me", key="f"), Draft(text="keep me", key="k")]
            )
            assert (
                await memory.forget("a", Selection(ids=((await memory.recall("a", "forget"))[0].item.id,)))
                == 1
            )
        async with opening() as memory:
            assert [hit.item.text for hit in await memory.recall("a", "forget me")] == ["keep me"]
            assert await memory.count("a") == 1

    asyncio.run(scene())


def test_a_second_opening_is_refused_and_names_the_owner(tmp_path: Path) -> None:
    """While one process has the store, another gets an error with the owner's number."""
    owner = own(tmp_path / "m")
    assert owner.stdout
    assert owner.stdout.readline()

    with pytest.raises(MemoryLocked, match=f"process {owner.pid}") as caught:
        open_edge(tmp_path / "m", 2)
    kill_after(owner, 1)

    assert "gateway" in caught.value.mend
    asyncio.run(open_edge(tmp_path / "m", 2).close())


def test_one_process_cannot_open_it_twice(tmp_path: Path) -> None:
    """A second opening in the same process is refused as well, and closing makes room for the next."""
    engine = open_edge(tmp_path / "m", 2)

    with pytest.raises(MemoryLocked, match=f"process {os.getpid()}"):
        open_edge(tmp_path / "m", 2)
    asyncio.run(engine.close())
    asyncio.run(open_edge(tmp_path / "m", 2).close())


def test_writes_go_on_while_the_index_is_built(tmp_path: Path) -> None:
    """Points put and removed during a compaction are put and removed in the compacted store too."""

    async def scene() -> None:
        engine = open_edge(tmp_path / "m", 2)
        engine.compact_after = 1
        await engine.put([point(number) for number in range(100)])
        before = {path.name for path in (tmp_path / "m").glob("shard-*")}
        tidying = asyncio.create_task(engine.tidy())
        late = 100
        while not tidying.done():
            await engine.put([point(late)])
            await engine.remove(Where(tenant="a", ids=(point(late - 100).id,)))
            assert late in await numbers(engine)
            late += 1
            await asyncio.sleep(0.01)
        await tidying
        expected = set(range(late - 100, late))
        assert expected == await numbers(engine)
        assert before.isdisjoint(path.name for path in (tmp_path / "m").glob("shard-*"))
        await engine.close()
        engine = open_edge(tmp_path / "m", 2)
        assert expected == await numbers(engine)
        await engine.close()

    asyncio.run(scene())


def test_a_failed_compaction_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the index cannot be built the store goes on as it was, and the half copy is removed."""

    async def scene() -> None:
        engine = open_edge(tmp_path / "m", 2)
        engine.compact_after = 1
        await engine.put([point(1)])
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(Unavailable, match="compacting"):
            await engine.tidy()
        await engine.put([point(2)])
        assert {1, 2} == await numbers(engine)
        assert [path.name for path in (tmp_path / "m").glob("shard-*")] == ["shard-1"]
        await engine.close()

    asyncio.run(scene())


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    """A store that cannot be read is an error with its folder and the way out, and stays as it is."""
    asyncio.run(open_edge(tmp_path / "m", 2).close())
    (tmp_path / "m" / "shard-1" / "edge_config.json").write_text("{")

    with pytest.raises(Unavailable, match="cannot be opened") as caught:
        open_edge(tmp_path / "m", 2)

    assert "backup" in caught.value.mend
    assert (tmp_path / "m" / "shard-1" / "segments").exists()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """The folder of the store is closed to other users."""
    asyncio.run(open_edge(tmp_path / "m", 2).close())

    assert (tmp_path / "m").stat().st_mode & 0o077 == 0
