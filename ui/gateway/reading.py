"""Constitutions as requests name them, read where a hostile document holds nobody else up."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import parse_constitution
from blocks.constitution.parsed import parsed
from blocks.errors import Unavailable
from blocks.records.constitutions import get_version
from capsules.environment import SHIPPED_CONSTITUTION
from capsules.signatures import installed_signatures
from ui.gateway.hub import Hub

T = TypeVar("T")
READERS = 2
LONGEST_QUEUE = 16
PATIENCE = 120.0
"""Seconds; a document of the largest size takes some."""
_readers = ThreadPoolExecutor(READERS, "soma-reading")
_busy = 0


async def apart(work: Callable[[], T]) -> T:
    """The answer of work that may take seconds: in few threads of its own, so that no others are used up."""
    global _busy  # noqa: PLW0603  # one process has one number of readers
    if _busy >= LONGEST_QUEUE:
        raise Unavailable("too many documents are being read at the moment; try again in a minute")
    _busy += 1
    try:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.run_in_executor(_readers, work), PATIENCE)
    except TimeoutError:
        raise Unavailable(f"reading the document takes longer than {PATIENCE:g} seconds") from None
    finally:
        _busy -= 1


async def read(text: str, where: str = "constitution") -> Constitution:
    """The constitution of a text, or `ConstitutionInvalid` with every problem in it."""
    return await apart(lambda: parsed(text, where))


async def checked(text: str) -> Constitution:
    """The same for an author: it is held against the tools and capsules that are installed here too."""
    return await apart(lambda: parse_constitution(text, "constitution", installed_signatures()))


async def named(hub: Hub, tenant: str, ref: str | None) -> Constitution:
    """The constitution that a request means: `active` (also None), `shipped`, or a published version."""
    if ref is None or ref == "active":
        return await asyncio.to_thread(hub.constitution.of(tenant).current)
    if ref == "shipped":
        return await read(SHIPPED_CONSTITUTION.read_text(encoding="utf-8"), "the shipped constitution")
    version = await get_version(hub.database, tenant, ref)
    return await read(version.text, f"{version.name}@{version.version}")


async def meant(hub: Hub, tenant: str, *, ref: str | None, text: str | None) -> Constitution:
    """The constitution of the text, where there is one, else the one that is named."""
    return await named(hub, tenant, ref) if text is None else await read(text)
