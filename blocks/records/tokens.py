"""Bearer tokens: kept as hashes, with whom they speak for, their roles, and until when."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.errors import BadInput, Conflict, NotFound
from blocks.identity import Principal, check_name, check_roles
from blocks.records.audit import append
from blocks.records.constitution_tables import Token
from blocks.records.database import Database
from blocks.records.tables import now

PREFIX = "soma_"
"""By which people and scanners know a token when they see one."""
LONGEST = timedelta(days=365)
SHOWN = 10
"""Letters of a token that its owner may tell it from others by; 30 random bits are among them."""
USED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a token was last used."""


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token just made: the only moment at which it can be read."""

    token: Token
    secret: str


async def create_token(
    database: Database, *, name: str, roles: frozenset[str], by: Principal, expires: timedelta | None = None
) -> NewToken:
    """Make a token that speaks for `name` in the tenant of who makes it; only its hash is kept."""
    _check(name, roles, expires)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        tenant=by.tenant,
        sha256=token_hash(secret),
        prefix=secret[:SHOWN],
        principal=name,
        roles=sorted(roles),
        created_by=by.name,
        expires_at=now() + expires if expires else None,
    )
    async with database.session() as session:
        session.add(token)
        await session.flush()
        await append(session, [_happened(token, "created", by)])
    return NewToken(token=token, secret=secret)


async def list_tokens(database: Database, *, tenant: str) -> list[Token]:
    """Every token of the tenant, also those that are revoked or over, the newest first."""
    query = select(Token).where(Token.tenant == tenant).order_by(col(Token.created_at).desc())
    async with database.session() as session:
        return list(await session.exec(query))


async def revoke_token(database: Database, token: str, *, by: Principal) -> Token:
    """End the token; `Conflict` when it was revoked before."""
    query = select(Token).where(Token.id == token, Token.tenant == by.tenant).with_for_update()
    async with database.session() as session:
        found = (await session.exec(query)).one_or_none()
        if found is None:
            raise NotFound(f"there is no token {token!r}; `soma tokens list` shows them")
        if found.revoked_at is not None:
            raise Conflict(f"the token {token!r} was revoked already")
        found.revoked_at = now()
        session.add(found)
        await session.flush()
        await append(session, [_happened(found, "revoked", by)])
    return found


async def valid_tokens(database: Database) -> dict[str, Token]:
    """Every token that speaks for somebody now, by its hash."""
    query = select(Token).where(
        col(Token.revoked_at).is_(None), or_(col(Token.expires_at).is_(None), col(Token.expires_at) > now())
    )
    async with database.session() as session:
        return {token.sha256: token for token in await session.exec(query)}


async def note_used(database: Database, tokens: Collection[str]) -> None:
    """Keep that these tokens, by id, are in use now."""
    known = update(Token).where(col(Token.id).in_(sorted(tokens)))
    late = or_(col(Token.used_at).is_(None), col(Token.used_at) < now() - USED_EVERY)
    async with database.session() as session:
        await session.exec(known.where(late).values(used_at=now()))


async def revoke_tokens_of(session: AsyncSession, name: str, *, by: Principal, tenant: str) -> None:
    """End every token that speaks for this name, in the caller's transaction."""
    query = select(Token).where(
        Token.tenant == tenant, Token.principal == name, col(Token.revoked_at).is_(None)
    )
    found = list(await session.exec(query.with_for_update()))
    for token in found:
        token.revoked_at = now()
        session.add(token)
    await session.flush()
    await append(session, [_happened(token, "revoked", by) for token in found])


def token_hash(secret: str) -> str:
    """SHA-256 of a token, hex; tokens are random enough to need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _check(name: str, roles: frozenset[str], expires: timedelta | None) -> None:
    check_name(name, "a token's owner")
    check_roles(roles, "a token")
    if expires is not None and not timedelta(0) < expires <= LONGEST:
        raise BadInput(f"expires: a token lasts at most {LONGEST.days} days, or without end")


def _happened(token: Token, event: str, by: Principal) -> dict[str, object]:
    return entry(
        "token",
        token.tenant,
        event=event,
        token=token.id,
        principal={"name": token.principal, "kind": "user"},
        roles=token.roles,
        expires=token.expires_at.isoformat() if token.expires_at else None,
        by=by.name,
    )
