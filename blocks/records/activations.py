"""Which constitution is in force: activated, confirmed by a second person where needed, rolled back.

Every step is kept. The newest that is done counts; a rollback undoes the newest activation that was not
undone yet, so that several in a row go further back each time.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.constitution.constitution import Constitution
from blocks.errors import BadInput, Conflict, Forbidden, NotFound
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.constitution_tables import Activation, ConstitutionVersion, Replay
from blocks.records.constitutions import Keys, check_version, get_version, happened, lock_tenant
from blocks.records.database import Database
from blocks.records.text import storable

CONFIRMING = frozenset({"admin", "approver"})
"""Who has one of these roles may be the second person."""
Standing = Literal["published", "waiting", "active", "superseded"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the history, with the version that it is about."""

    activation: Activation
    version: ConstitutionVersion


async def active(database: Database, tenant: str) -> ConstitutionVersion | None:
    """The version in force, or None where none was ever activated."""
    async with database.session() as session:
        digests = await _in_force(session, tenant)
        return await session.get_one(ConstitutionVersion, (tenant, digests[-1])) if digests else None


async def request_activation(
    database: Database,
    *,
    tenant: str,
    ref: str,
    by: Principal,
    keys: Keys,
    replay: str | None = None,
    reason: str = "",
) -> Activation:
    """Put a version in force, or let it wait for a second person where `by` looked at no replay of it."""
    version = await get_version(database, tenant, ref)
    _is_due(await asyncio.to_thread(check_version, version, keys))
    async with database.session() as session:
        await lock_tenant(session, tenant)
        await _is_free(session, version)
        seen = await _looked_at(session, version, by, replay)
        step = Activation(
            tenant=tenant,
            digest=version.digest,
            replay=seen or replay,
            asked_by=by.name,
            reason=storable(reason),
            state="done" if seen else "waiting",
        )
        await _take(session, step, version, by, "activated" if seen else "waiting")
    return step


async def activate_shipped(
    database: Database, *, version: ConstitutionVersion, over: str | None, by: Principal
) -> bool:
    """Put the hub's own constitution in force; False when that would not take the place of `over`.

    It needs neither a replay nor a second person: it was reviewed where it was made.
    """
    async with database.session() as session:
        await lock_tenant(session, version.tenant)
        digests = await _in_force(session, version.tenant)
        if (digests[-1] if digests else None) != over:
            return False
        step = Activation(
            tenant=version.tenant,
            digest=version.digest,
            asked_by=by.name,
            state="done",
            reason="ships with the hub",
        )
        await _take(session, step, version, by, "activated")
    return True


async def confirm(
    database: Database, activation: int, *, tenant: str, by: Principal, keys: Keys
) -> Activation:
    """The second person's yes: what waited is in force."""
    if not by.roles & CONFIRMING:
        raise Forbidden(
            f"{by.name!r} may not confirm an activation: it takes the role {' or '.join(sorted(CONFIRMING))}"
        )
    async with database.session() as session:
        await lock_tenant(session, tenant)
        step = await _waiting(session, activation, tenant)
        if step.asked_by == by.name:
            raise Forbidden(
                f"{by.name!r} asked for this activation; another person has to confirm it",
                mend="or look at a replay of the candidate and activate it again",
            )
        version = await session.get_one(ConstitutionVersion, (tenant, step.digest))
        _is_due(await asyncio.to_thread(check_version, version, keys))
        step.state = "done"
        await _take(session, step, version, by, "activated")
    return step


async def withdraw(database: Database, activation: int, *, tenant: str, by: Principal) -> Activation:
    """Let an activation that waits be forgotten."""
    async with database.session() as session:
        await lock_tenant(session, tenant)
        step = await _waiting(session, activation, tenant)
        version = await session.get_one(ConstitutionVersion, (tenant, step.digest))
        step.state = "withdrawn"
        await _take(session, step, version, by, "withdrawn")
    return step


async def rollback(
    database: Database, *, tenant: str, by: Principal, keys: Keys, reason: str = ""
) -> Activation:
    """Put the version in force that was so before the present one; needs no replay and no second person."""
    async with database.session() as session:
        await lock_tenant(session, tenant)
        digests = await _in_force(session, tenant)
        if len(digests) < 2:  # the present one, and one to go back to
            raise Conflict(
                "no other constitution was in force before this one; there is nothing to go back to"
            )
        version = await session.get_one(ConstitutionVersion, (tenant, digests[-2]))
        await asyncio.to_thread(check_version, version, keys)
        step = Activation(
            tenant=tenant,
            digest=version.digest,
            kind="rollback",
            state="done",
            asked_by=by.name,
            reason=storable(reason),
        )
        await _take(session, step, version, by, "rolled_back")
    return step


async def history(database: Database, tenant: str) -> list[Step]:
    """Every step, the newest first."""
    query = (
        select(Activation, ConstitutionVersion)
        .join(
            ConstitutionVersion,
            (col(ConstitutionVersion.tenant) == col(Activation.tenant))
            & (col(ConstitutionVersion.digest) == col(Activation.digest)),
        )
        .where(Activation.tenant == tenant)
        .order_by(col(Activation.id).desc())
    )
    async with database.session() as session:
        return [Step(activation=step, version=version) for step, version in await session.exec(query)]


async def standings(database: Database, tenant: str) -> Mapping[str, Standing]:
    """How each version that was ever activated or waits stands, by digest; others are `published`."""
    query = select(Activation).where(Activation.tenant == tenant, Activation.state != "withdrawn")
    async with database.session() as session:
        steps = list(await session.exec(query))
        digests = await _in_force(session, tenant)
    found: dict[str, Standing] = {step.digest: "superseded" for step in steps if step.state == "done"}
    found |= {step.digest: "waiting" for step in steps if step.state == "waiting"}
    return found | ({digests[-1]: "active"} if digests else {})


def unfolded(steps: Iterable[tuple[str, str]]) -> list[str]:
    """The digests that a rollback can go back through, the present one last; of (kind, digest) in order."""
    stack: list[str] = []
    for kind, digest in steps:
        if kind == "rollback" and len(stack) > 1:
            stack.pop()
        if not stack or stack[-1] != digest:
            stack.append(digest)
    return stack


async def _in_force(session: AsyncSession, tenant: str) -> list[str]:
    query = (
        select(Activation.kind, Activation.digest)
        .where(Activation.tenant == tenant, Activation.state == "done")
        .order_by(col(Activation.done_at), col(Activation.id))
    )
    return unfolded((await session.exec(query)).all())


async def _take(
    session: AsyncSession, step: Activation, version: ConstitutionVersion, by: Principal, event: str
) -> None:
    """Keep the step and tell the audit log; the database's clock puts the steps in order."""
    if step.state != "waiting":
        step.done_by = by.name
        step.done_at = await _moment(session)
    session.add(step)
    await session.flush()
    second = by.name if by.name != step.asked_by else None
    record = happened(version, event, by, second)
    extra: dict[str, Any] = {"activation": step.id, "replay": step.replay, "reason": step.reason}
    await append(session, [{**record, "by": step.asked_by, **extra}])


async def _moment(session: AsyncSession) -> datetime:
    moment: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    return moment


async def _is_free(session: AsyncSession, version: ConstitutionVersion) -> None:
    """`Conflict` where the version is in force already, or another activation waits."""
    digests = await _in_force(session, version.tenant)
    if digests and digests[-1] == version.digest:
        raise Conflict(f"{version.name}@{version.version} is in force already")
    query = select(Activation).where(Activation.tenant == version.tenant, Activation.state == "waiting")
    if waiting := (await session.exec(query)).first():
        other = await session.get_one(ConstitutionVersion, (version.tenant, waiting.digest))
        raise Conflict(
            f"activation {waiting.id} of {other.name}@{other.version} waits for a second person",
            mend="confirm or withdraw it first",
            activation=waiting.id,
        )


async def _waiting(session: AsyncSession, activation: int, tenant: str) -> Activation:
    step = await session.get(Activation, activation)
    if step is None or step.tenant != tenant:
        raise NotFound(f"there is no activation {activation}; `soma constitution history` lists them")
    if step.state != "waiting":
        raise Conflict(f"activation {activation} does not wait any more: it is {step.state}")
    return step


async def _looked_at(
    session: AsyncSession, version: ConstitutionVersion, by: Principal, replay: str | None
) -> str | None:
    """A replay of this version that `by` has looked at; the one that is named, or the newest."""
    if replay is not None:
        named = await session.get(Replay, replay)
        if named is None or named.tenant != version.tenant:
            raise NotFound(f"there is no replay {replay!r}")
        if named.digest != version.digest:
            raise BadInput(
                f"the replay {replay} is of another text than {version.name}@{version.version}",
                mend="replay the version that is to be activated",
            )
        return replay if by.name in named.looked_at_by else None
    query = select(Replay).where(
        Replay.tenant == version.tenant,
        Replay.digest == version.digest,
        col(Replay.looked_at_by).contains([by.name]),
    )
    newest = (await session.exec(query.order_by(col(Replay.at).desc()).limit(1))).first()
    return newest.id if newest else None


def _is_due(constitution: Constitution) -> None:
    effective = constitution.document.get("metadata", {}).get("effective")
    if effective and date.fromisoformat(str(effective)) > datetime.now(UTC).date():
        raise BadInput(
            f"{constitution.name}@{constitution.version} takes effect on {effective}, not before",
            mend="activate it then, or publish a version with an earlier metadata.effective",
        )
