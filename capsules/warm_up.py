"""Warm-up: what every run would otherwise do first, done once in the process that runs are forked from."""

from functools import cache
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from blocks.constitution.active import read_before
from blocks.constitution.parsed import parsed
from blocks.constitution.source import ConstitutionSource
from blocks.constitution.standing import Folder
from blocks.settings import load_settings
from capsules.catalogue import list_capsules
from capsules.environment import SHIPPED_CONSTITUTION, constitution_texts
from tasks.hooks import hooks

_seen: list[int] = []
"""The stamp of the folder of texts when it was last read."""


def warm_up() -> None:
    """Fill the caches that a run reads; opens no connection and starts no thread."""
    configure_mappers()
    hooks()
    list_capsules()
    if given := load_settings().constitution:
        ConstitutionSource(given).current()
    else:
        parsed(SHIPPED_CONSTITUTION.read_text(encoding="utf-8"))
    refresh()


def refresh() -> None:
    """Read what was put in force since, so that the next run need not; costs one look at a folder."""
    texts = _texts()
    stamp = [Folder(texts).stamp()]
    if stamp != _seen:
        _seen[:] = stamp
        read_before(texts)


@cache
def _texts() -> Path:
    return constitution_texts(load_settings())
