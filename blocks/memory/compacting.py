"""Building a shard's search index in a process of its own.

The engine holds Python's interpreter lock while it builds, minutes at a hundred thousand memories: done in
the owner's process, everything there would stand still. So a child builds a copy, and the owner moves over.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import qdrant_edge as qdrant

from blocks.engines.child import die_with_parent
from blocks.errors import Unavailable


async def compact(folder: Path, stop: asyncio.Event) -> None:
    """Build the index of the shard in `folder`, which nobody has open, unless told to stop."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "blocks.memory.compacting", str(folder)),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    stopped, ended = asyncio.create_task(stop.wait()), asyncio.create_task(child.communicate())
    await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        child.kill()
    stopped.cancel()
    _, complaint = await ended
    if child.returncode:
        last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise Unavailable(f"compacting the memory ended with {child.returncode}: {last[:500]}")


def main() -> None:
    die_with_parent(signal.SIGKILL)
    os.nice(10)
    shard = qdrant.EdgeShard.load(sys.argv[1])
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main()
