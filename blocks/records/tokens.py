"""Bearer tokens: kept as hashes, with whom they speak for, their roles, and until when."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_
from sqlmodel import col, select

from blocks.audit.entries import entry
from blocks.errors import BadInput, Conflict, NotFound
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.constitution_tables import Token
from blocks.records.database import Database
from blocks.records.tables import now

ROLES = frozenset({"admin", "approver", "operator", "viewer"})
RESERVED = frozenset({"admin", "prefect", "soma"})
"""Names under which the hub itself acts."""
PREFIX = "soma_"
"""By which people and scanners know a token when they see one."""
LONGEST = timedelta(days=365)
_NAME = re.compile(r"[a-z][a-z0-9._@-]{0,62}")


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


def token_hash(secret: str) -> str:
    """SHA-256 of a token, hex; tokens are random enough to need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _check(name: str, roles: frozenset[str], expires: timedelta | None) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for a token's owner: small letters, digits and . _ @ -")
    if name in RESERVED:
        raise BadInput(f"the hub itself acts as {name!r}; choose another name")
    if not roles or not roles <= ROLES:
        wrong = ", ".join(sorted(roles - ROLES)) or "none"
        raise BadInput(f"roles: {wrong}: a token has one or more of {', '.join(sorted(ROLES))}")
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
