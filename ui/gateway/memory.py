"""Memory over HTTP; whose memory it is, the token says and never the request."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from blocks.errors import NotFound
from blocks.memory.items import Selection
from blocks.memory.store import MemoryStore
from blocks.memory.wire import Forgotten, Keeping, Kept, Recalled, Recalling, Remembered, Remembering
from ui.gateway.auth import CurrentPrincipal

router = APIRouter(prefix="/v1/memory", tags=["memory"])


def opened_memory(request: Request) -> MemoryStore:
    memory: MemoryStore = request.app.state.memory
    return memory


Opened = Annotated[MemoryStore, Depends(opened_memory)]
Scope = Annotated[str, Path(max_length=120)]
Key = Annotated[str, Path(max_length=500)]


@router.post("", status_code=201)
async def remember(asked: Remembering, memory: Opened, principal: CurrentPrincipal) -> Remembered:
    """Keep memories; the answer comes when they are on the disk."""
    items = await memory.remember(principal.tenant, asked.scope, asked.items)
    return Remembered(ids=[item.id for item in items])


@router.post("/recall")
async def recall(asked: Recalling, memory: Opened, principal: CurrentPrincipal) -> Recalled:
    """The memories that answer a query best."""
    hits = await memory.recall(
        principal.tenant,
        asked.query,
        scopes=asked.scopes,
        labels=asked.labels,
        limit=asked.limit,
        mode=asked.mode,
    )
    return Recalled(hits=hits)


@router.post("/forget")
async def forget(selection: Selection, memory: Opened, principal: CurrentPrincipal) -> Forgotten:
    """Remove every memory that satisfies all conditions given."""
    return Forgotten(forgotten=await memory.forget(principal.tenant, selection))


@router.delete("/{memory_id}", status_code=204)
async def forget_one(memory_id: str, memory: Opened, principal: CurrentPrincipal) -> None:
    """Remove one memory."""
    if not await memory.forget(principal.tenant, Selection(ids=(memory_id,))):
        raise NotFound(f"there is no memory {memory_id!r}")


@router.get("/kv/{scope}/{key:path}")
async def get_value(scope: Scope, key: Key, memory: Opened, principal: CurrentPrincipal) -> Kept:
    """The value under a key."""
    return Kept(value=await memory.get(principal.tenant, scope, key))


@router.put("/kv/{scope}/{key:path}", status_code=204)
async def put_value(
    scope: Scope, key: Key, asked: Keeping, memory: Opened, principal: CurrentPrincipal
) -> None:
    """Keep a value under a key, in place of any that is there."""
    await memory.put(principal.tenant, scope, key, asked.value, seconds=asked.seconds)


@router.delete("/kv/{scope}/{key:path}", status_code=204)
async def delete_value(scope: Scope, key: Key, memory: Opened, principal: CurrentPrincipal) -> None:
    """Remove the value under a key."""
    await memory.delete(principal.tenant, scope, key)
