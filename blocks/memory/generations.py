"""Where the shard lies: `shard-N` folders, and one file that says which of them is the memory."""

import os
import shutil
from pathlib import Path

import qdrant_edge as qdrant

from blocks.memory.edge_language import edge_config, edge_indexes


class Generations:
    """The shard folders of one store; at any moment exactly one is current, also after a kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / "current"

    def current(self) -> Path | None:
        if not self._pointer.exists():
            return None
        return self._folder / self._pointer.read_text("ascii").strip()

    def fresh(self) -> Path:
        """A folder that no generation had before."""
        numbers = [int(path.name.removeprefix("shard-")) for path in self._folder.glob("shard-*")]
        return self._folder / f"shard-{max(numbers, default=0) + 1}"

    def make(self, size: int) -> Path:
        """An empty shard, made current."""
        path = self.fresh()
        shard = qdrant.EdgeShard.create(str(path), edge_config(size))
        for index in edge_indexes():
            shard.update(index)
        shard.flush()
        shard.close()
        self.switch(path)
        return path

    def switch(self, path: Path) -> None:
        """Make this generation the current one, durably, and drop every other."""
        beside = self._pointer.with_suffix(".new")
        beside.write_text(path.name, "ascii")
        sync(beside)
        beside.replace(self._pointer)
        sync(self._folder)
        self.sweep()

    def sweep(self) -> None:
        """Remove what is not current, such as a compaction that was cut short."""
        for path in self._folder.glob("shard-*"):
            if path != self.current():
                shutil.rmtree(path, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until the disk holds what was written to this file or folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
