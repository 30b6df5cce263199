"""Constitutions as they are kept: published versions, which never change, and the shadow candidate.

What is in force is the matter of `blocks.records.activations`.
"""

import asyncio
from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.constitution.constitution import Constitution
from blocks.constitution.examples import check_examples
from blocks.constitution.parsed import parsed, verified
from blocks.constitution.signing import Signature, check
from blocks.errors import BadInput, Conflict, NotFound
from blocks.identity import Principal
from blocks.keys import PublicKey
from blocks.records.audit import append
from blocks.records.constitution_tables import ConstitutionVersion, Shadow
from blocks.records.database import Database
from blocks.records.tables import Tenant

SHORTEST_DIGEST = 8
"""Hex digits by which a version may be called."""
LARGEST = 1_000_000
"""Characters of a constitution's text."""

Keys = Mapping[str, PublicKey]


async def publish(
    database: Database, *, tenant: str, text: str, signature: str, key: str, by: Principal, keys: Keys
) -> ConstitutionVersion:
    """Keep a signed text as a version of the tenant's; publishing the same again changes nothing.

    Raises `ConstitutionInvalid`, `SignatureInvalid`, `BadInput` when the document is another tenant's or
    its own tests fail, and `Conflict` when its name and version are taken by another text.
    """
    constitution = await asyncio.to_thread(_publishable, text, tenant)
    check(constitution, Signature(key=key, signature=signature, digest=constitution.digest), keys)
    version = ConstitutionVersion(
        tenant=tenant,
        digest=constitution.digest,
        name=constitution.name,
        version=constitution.version,
        text=text,
        key=key,
        signature=signature,
        published_by=by.name,
    )
    async with database.session() as session:
        await lock_tenant(session, tenant)
        if kept := await _kept(session, version):
            return await _signed_anew(session, kept, version, by, keys)
        session.add(version)
        await session.flush()
        await append(session, [happened(version, "published", by)])
    return version


def _publishable(text: str, tenant: str) -> Constitution:
    if len(text) > LARGEST or "\0" in text:
        raise BadInput(f"a constitution has at most {LARGEST:,} characters, and no NUL among them")
    constitution = parsed(text)
    meant_for = constitution.document.get("metadata", {}).get("tenant")
    if meant_for not in {None, tenant}:
        raise BadInput(
            f"metadata.tenant: this constitution is meant for the tenant {meant_for!r}, not for {tenant!r}"
        )
    if problems := check_examples(constitution):
        raise BadInput(
            f"the constitution's own tests fail: {'; '.join(problems[:5])}",
            mend="`soma constitution test FILE` runs them",
        )
    return constitution


async def _kept(session: AsyncSession, version: ConstitutionVersion) -> ConstitutionVersion | None:
    """The same version if it was published before; `Conflict` when its name stands for another text."""
    if found := await session.get(ConstitutionVersion, (version.tenant, version.digest)):
        return found
    same = select(ConstitutionVersion.digest).where(
        ConstitutionVersion.tenant == version.tenant,
        ConstitutionVersion.name == version.name,
        ConstitutionVersion.version == version.version,
    )
    if digest := (await session.exec(same)).first():
        raise Conflict(
            f"{version.name}@{version.version} is published already, with another text ({digest[:12]}…)",
            mend="a published version never changes: raise metadata.version and sign again",
        )
    return None


async def _signed_anew(
    session: AsyncSession, kept: ConstitutionVersion, version: ConstitutionVersion, by: Principal, keys: Keys
) -> ConstitutionVersion:
    """The kept version as it is; with the new signature where the old one's key is trusted no more."""
    if kept.key not in keys:
        kept.key, kept.signature = version.key, version.signature
        session.add(kept)
        await session.flush()
        await append(session, [happened(kept, "published", by)])
    return kept


async def get_version(database: Database, tenant: str, ref: str) -> ConstitutionVersion:
    """The version that `ref` names: `NAME@VERSION`, or a digest, of which eight digits suffice."""
    async with database.session() as session:
        return await find_version(session, tenant, ref)


async def find_version(session: AsyncSession, tenant: str, ref: str) -> ConstitutionVersion:
    """The same, within a transaction."""
    query = select(ConstitutionVersion).where(ConstitutionVersion.tenant == tenant)
    name, separator, version = ref.partition("@")
    if separator:
        query = query.where(ConstitutionVersion.name == name, ConstitutionVersion.version == version)
    elif len(ref) >= SHORTEST_DIGEST and set(ref) <= set("0123456789abcdef"):
        query = query.where(col(ConstitutionVersion.digest).startswith(ref))
    else:
        raise BadInput(
            f"{ref!r} names no version: write NAME@VERSION or at least {SHORTEST_DIGEST} digits of a digest"
        )
    found = list((await session.exec(query.limit(2))).all())
    if len(found) > 1:
        raise BadInput(f"several versions begin with {ref!r}; write more digits")
    if not found:
        raise NotFound(f"there is no constitution {ref!r}; `soma constitution history` lists them")
    return found[0]


async def list_versions(database: Database, tenant: str) -> list[ConstitutionVersion]:
    """Every published version, the newest first."""
    query = select(ConstitutionVersion).where(ConstitutionVersion.tenant == tenant)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(ConstitutionVersion.published_at).desc())))


def check_version(version: ConstitutionVersion, keys: Keys) -> Constitution:
    """The constitution of a kept version, if it is still what was signed, by a key still trusted."""
    signature = Signature(key=version.key, signature=version.signature, digest=version.digest)
    return verified(version.text, signature, keys, f"{version.name}@{version.version}")


async def set_shadow(database: Database, *, tenant: str, ref: str, by: Principal, keys: Keys) -> Shadow:
    """Let a published candidate be evaluated beside the constitution in force, in place of another."""
    version = await get_version(database, tenant, ref)
    await asyncio.to_thread(check_version, version, keys)
    shadow = Shadow(tenant=tenant, digest=version.digest, started_by=by.name)
    values = {"digest": shadow.digest, "since": shadow.since, "started_by": shadow.started_by}
    statement = insert(Shadow).values(tenant=tenant, **values)
    async with database.session() as session:
        await lock_tenant(session, tenant)
        await session.exec(statement.on_conflict_do_update(index_elements=["tenant"], set_=values))
        await append(session, [happened(version, "shadow_started", by)])
    return shadow


async def clear_shadow(database: Database, *, tenant: str, by: Principal) -> bool:
    """End the shadow; False when there was none."""
    statement = delete(Shadow).where(col(Shadow.tenant) == tenant).returning(col(Shadow.digest))
    async with database.session() as session:
        await lock_tenant(session, tenant)
        digest = (await session.exec(statement)).scalar_one_or_none()
        if digest is None:
            return False
        version = await session.get_one(ConstitutionVersion, (tenant, digest))
        await append(session, [happened(version, "shadow_ended", by)])
    return True


async def get_shadow(database: Database, tenant: str) -> Shadow | None:
    """Which candidate is in the shadow, and since when."""
    async with database.session() as session:
        return await session.get(Shadow, tenant)


async def lock_tenant(session: AsyncSession, tenant: str) -> None:
    """Let one change of the tenant's constitutions happen at a time, until the transaction ends."""
    query = select(Tenant.id).where(Tenant.id == tenant).with_for_update(key_share=True)
    if (await session.exec(query)).first() is None:
        raise NotFound(f"there is no tenant {tenant!r}")


def happened(
    version: ConstitutionVersion, event: str, by: Principal, second: str | None = None
) -> dict[str, str | None]:
    """The audit record of something that happened to a version."""
    return entry(
        "constitution",
        version.tenant,
        event=event,
        constitution=version.digest,
        name=version.name,
        version=version.version,
        by=by.name,
        second=second,
    )
