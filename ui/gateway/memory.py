"""Memory over HTTP; whose memory it is, the token says and never the request; whether, the constitution."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from blocks.constitution.decisions import Decision
from blocks.constitution.detectors.secrets import redact_text, redacted
from blocks.errors import Forbidden, NotFound
from blocks.identity import Principal
from blocks.memory.items import Draft, Selection, namespace
from blocks.memory.store import MemoryStore
from blocks.memory.wire import Forgotten, Keeping, Kept, Recalled, Recalling, Remembered, Remembering
from blocks.records.happenings import note_memories
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.gateway.permits import Court, asker, permit

router = APIRouter(prefix="/v1/memory", tags=["memory"])

WHOLE = "tenant"
"""The scope of what names none: all that the tenant has."""


class Desk:
    """The memory of one caller, with the constitution before it."""

    def __init__(self, store: MemoryStore, court: Court, principal: Principal) -> None:
        self.store = store
        self.tenant = principal.tenant
        self._court = court
        self._principal = principal

    async def read(self, name: str, scopes: Sequence[str], query: str) -> None:
        """Ask before reading from these scopes."""
        for scope in scopes or (WHOLE,):
            await self._ask("read", name, scope, {"scope": scope, "query": query}, query=query)

    async def write(self, name: str, scopes: Sequence[str], said: Any = None, **facts: Any) -> bool:
        """Ask before writing this to these scopes; whether secrets in it must be masked."""
        decisions = []
        for scope in scopes or (WHOLE,):
            arguments = {"scope": scope, "said": said}
            decisions.append(await self._ask("write", name, scope, arguments, **facts))
        return any(item.verdict == "redact" for decision in decisions for item in decision.articles)

    async def purged(self, scopes: Sequence[str], count: int) -> None:
        """Tell the audit log what is gone for good; it is durable when this returns."""
        for scope in scopes or (WHOLE,):
            self._court.audit.note(
                "memory", self.tenant, event="purged", scope=scope, count=count, by=self._principal.name
            )
        await self._court.audit.flush()

    async def _ask(
        self, verb: str, name: str, scope: str, arguments: dict[str, Any], **facts: Any
    ) -> Decision:
        _check_mandate(self._principal, scope)
        known = {"scope": scope.partition(":")[0], "text": "", "query": "", "labels": {}, **facts}
        size = len(str(known["text"]).encode("utf-8", "replace"))
        return await permit(
            asker(self._court, self._principal),
            "memory.read" if verb == "read" else "memory.write",
            name,
            {"memory": {**known, "size": size}},
            arguments,
            effect=verb == "write",
        )


def _check_mandate(principal: Principal, scope: str) -> None:
    """An agent uses the scopes that its node was planned with, and of projects its own alone."""
    if (mandate := principal.mandate) is None:
        return
    word, _, subject = scope.partition(":")
    if word not in mandate.memory:
        raise Forbidden(f"{mandate.node} was not planned with the memory of the {word}")
    if word == "project" and scope != namespace("project", mandate.project):
        raise Forbidden(f"the memory of the project {subject!r} is not this project's")


def desk(request: Request, principal: CurrentPrincipal) -> Desk:
    return Desk(request.app.state.memory, request.app.state.hub, principal)


Asked = Annotated[Desk, Depends(desk)]
Scope = Annotated[str, Path(max_length=120)]
Key = Annotated[str, Path(max_length=500)]


@router.post("", status_code=201)
async def remember(asked: Remembering, memory: Asked, hub: CurrentHub) -> Remembered:
    """Keep memories; the answer comes when they are on the disk."""
    text = "\n".join(item.text for item in asked.items)
    labels = {label: True for item in asked.items for label in item.labels}
    masked = await memory.write("remember", [asked.scope], asked.items, text=text, labels=labels)
    drafts = [_masked(item) for item in asked.items] if masked else asked.items
    items = await memory.store.remember(memory.tenant, asked.scope, drafts)
    await note_memories(hub.database, memory.tenant, items)
    return Remembered(ids=[item.id for item in items])


@router.post("/recall")
async def recall(asked: Recalling, memory: Asked) -> Recalled:
    """The memories that answer a query best."""
    await memory.read("recall", asked.scopes, asked.query)
    hits = await memory.store.recall(
        memory.tenant,
        asked.query,
        scopes=asked.scopes,
        labels=asked.labels,
        limit=asked.limit,
        mode=asked.mode,
    )
    return Recalled(hits=hits)


@router.post("/forget")
async def forget(selection: Selection, memory: Asked) -> Forgotten:
    """Remove every memory that satisfies all conditions given."""
    labels = dict.fromkeys(selection.labels, True)
    await memory.write("forget", selection.scopes or (), selection, labels=labels)
    count = await memory.store.forget(memory.tenant, selection)
    await memory.purged(selection.scopes or (), count)
    return Forgotten(forgotten=count)


@router.delete("/{memory_id}", status_code=204)
async def forget_one(memory_id: str, memory: Asked) -> None:
    """Remove one memory."""
    await memory.write("forget", (), memory_id)
    if not await memory.store.forget(memory.tenant, Selection(ids=(memory_id,))):
        raise NotFound(f"there is no memory {memory_id!r}")
    await memory.purged((), 1)


@router.get("/kv/{scope}/{key:path}")
async def get_value(scope: Scope, key: Key, memory: Asked) -> Kept:
    """The value under a key."""
    await memory.read("get_value", [scope], key)
    return Kept(value=await memory.store.get(memory.tenant, scope, key))


@router.put("/kv/{scope}/{key:path}", status_code=204)
async def put_value(scope: Scope, key: Key, asked: Keeping, memory: Asked) -> None:
    """Keep a value under a key, in place of any that is there."""
    masked = await memory.write("set_value", [scope], asked.value, query=key, text=str(asked.value))
    value = redacted(asked.value) if masked else asked.value
    await memory.store.put(memory.tenant, scope, key, value, seconds=asked.seconds)


@router.delete("/kv/{scope}/{key:path}", status_code=204)
async def delete_value(scope: Scope, key: Key, memory: Asked) -> None:
    """Remove the value under a key."""
    await memory.write("delete_value", [scope], key, query=key)
    await memory.store.delete(memory.tenant, scope, key)
    await memory.purged([scope], 1)


def _masked(draft: Draft) -> Draft:
    return replace(
        draft,
        text=redact_text(draft.text),
        data=redacted(draft.data),
        labels=tuple(map(redact_text, draft.labels)),
    )
