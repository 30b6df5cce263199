"""The audit log: read it, take it away, and prove single decisions to outsiders."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from blocks.audit.certificate import certificate, placed
from blocks.audit.entries import Kind
from blocks.constitution.decisions import Verdict
from blocks.errors import BadInput, Conflict, NotFound
from blocks.keys import SigningKey
from blocks.records import audit
from blocks.records.audit_export import export_lines, find_range, place_of
from blocks.records.audit_heads import ChainBroken, list_heads, sign_end
from blocks.records.audit_tables import AuditRecord
from blocks.records.constitutions import get_version
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub

router = APIRouter(prefix="/v1/audit", tags=["audit"])
Place = Annotated[int, Query(ge=0, le=2**62)]


@router.get("")
async def list_audit(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    *,
    project: Annotated[str | None, Query(max_length=200)] = None,
    kind: Kind | None = None,
    verdict: Verdict | None = None,
    after: Place = 0,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Records behind `after` in the order of the chain, or those in front of `before`, the newest first."""
    await hub.audit.flush()
    found = await audit.list_records(
        hub.database,
        tenant=principal.tenant,
        project=project,
        kind=kind,
        verdict=verdict,
        after=after,
        before=before,
        limit=limit,
    )
    return [_shown(row) for row in found]


def _shown(row: AuditRecord) -> dict[str, Any]:
    return {"sequence": row.sequence, "hash": row.hash, "record": json.loads(row.record)}


@router.get("/heads")
async def show_heads(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    after: Place = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> list[dict[str, Any]]:
    """The signed heads behind a place."""
    found = await list_heads(hub.database, principal.tenant, after=after, limit=limit)
    return [head.as_json() for head in found]


@router.post("/heads")
async def sign_now(hub: CurrentHub, principal: CurrentPrincipal) -> dict[str, Any]:
    """Sign the end of the chain now, if it is not signed yet, and return the newest head."""
    await hub.audit.flush()
    head = await sign_end(hub.database, _key(hub), principal.tenant)
    if head is None:
        raise NotFound("the audit log is empty: there is nothing to sign yet")
    return head.as_json()


@router.get("/export")
async def export(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Place = 0,
    columns: bool = False,
) -> StreamingResponse:
    """The chain as lines of JSON, signed up to its end; a part of it begins and ends where it says."""
    await hub.audit.flush()
    with contextlib.suppress(ChainBroken):  # whoever verifies the export is to see where
        await sign_end(hub.database, _key(hub), principal.tenant)
    part = await find_range(
        hub.database, principal.tenant, since=_aware(since), until=_aware(until), after=after
    )
    lines = export_lines(hub.database, principal.tenant, part, columns=columns)
    return StreamingResponse(_in_pieces(lines), media_type="application/x-ndjson")


async def _in_pieces(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Many lines in one piece: each costs a turn of the loop."""
    waiting: list[str] = []
    async for line in lines:
        waiting.append(line)
        if len(waiting) >= PIECE:
            yield "".join(waiting).encode()
            waiting.clear()
    yield "".join(waiting).encode()


PIECE = 200


@router.get("/certificates/{decision}")
async def prove(decision: str, hub: CurrentHub, principal: CurrentPrincipal) -> dict[str, Any]:
    """All that an outsider needs to check this decision without the hub."""
    await hub.audit.flush()
    row = await audit.get_record(hub.database, principal.tenant, decision)
    if row.kind != "decision":
        raise Conflict(f"{decision!r} is no decision but of the kind {row.kind!r}")
    await sign_end(hub.database, _key(hub), principal.tenant)
    related = await audit.related_records(hub.database, row)
    return certificate(
        tenant=principal.tenant,
        decision=await _placed(hub, row),
        related=[await _placed(hub, other) for other in related],
        constitution=await _rules(hub, principal.tenant, row.constitution or ""),
    )


async def _placed(hub: Hub, row: AuditRecord) -> dict[str, Any]:
    found = await place_of(hub.database, row)
    if found is None:
        raise Conflict(f"record {row.id} is not covered by a signed head yet", mend="try again in a moment")
    head, following = found
    record = json.loads(row.record)
    return placed(record, sequence=row.sequence, previous=row.previous, following=following, head=head)


async def _rules(hub: Hub, tenant: str, digest: str) -> dict[str, Any]:
    """The constitution of this digest: as it was published, or the file that is in force unsigned."""
    if not digest:
        return {"digest": ""}
    try:
        found = await get_version(hub.database, tenant, digest)
    except (NotFound, BadInput):
        return {"digest": digest, **_unsigned(hub, digest)}
    names = ("digest", "name", "version", "text", "key", "signature")
    return {name: getattr(found, name) for name in names}


def _unsigned(hub: Hub, digest: str) -> dict[str, Any]:
    """A constitution file is signed by nobody; its text is given while it is the same file still."""
    said = "no version of it was published: a file (SOMA_CONSTITUTION) was in force, which nobody signed"
    path = hub.settings.constitution
    if path is not None and hub.constitution.current().digest == digest:
        return {"unsigned": said, "text": path.read_text(encoding="utf-8")}
    return {"unsigned": f"{said}; its text was not kept"}


def _key(hub: Hub) -> SigningKey:
    return SigningKey.ensure(hub.settings.keys_path)


def _aware(moment: datetime | None) -> datetime | None:
    """A moment without a zone is in the hub's own."""
    return moment.astimezone() if moment is not None and moment.tzinfo is None else moment
