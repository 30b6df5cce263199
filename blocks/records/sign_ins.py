"""Sign-ins: sessions of people, carried on by refresh tokens that change with each use.

A refresh token is good once. The one before it is taken for half a minute more, for an answer may get lost;
one that comes again after that is in two hands, so the session ends.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.errors import NotFound, Unauthenticated
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.tables import now
from blocks.records.tokens import token_hash
from blocks.records.user_tables import SignIn, User

LASTS = timedelta(days=7)
"""From signing in until the password is asked for again."""
GRACE = timedelta(seconds=30)
KEPT = timedelta(days=30)
"""How long a session that is over is still shown."""
PREFIX = "somar_"


class SessionOver(Unauthenticated):
    """This session is over. Sign in again."""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """A session with the refresh token that is good for its next step."""

    session: SignIn
    user: User
    secret: str


async def begin_session(database: Database, user: User) -> Refreshed:
    """Sign the user in; sessions of theirs that were over long ago are forgotten."""
    secret = _new_secret()
    began = SignIn(
        tenant=user.tenant, user=user.name, current_sha256=token_hash(secret), expires_at=now() + LASTS
    )
    own = delete(SignIn).where(col(SignIn.tenant) == user.tenant, col(SignIn.user) == user.name)
    seen = update(User).where(col(User.tenant) == user.tenant, col(User.name) == user.name)
    async with database.session() as session:
        await session.exec(own.where(col(SignIn.expires_at) < now() - KEPT))
        await session.exec(seen.values(signed_in_at=now()))
        session.add(began)
        await session.flush()
        await append(session, [_happened(began, "signed in", user.name)])
    return Refreshed(session=began, user=user, secret=secret)


async def refresh_session(database: Database, secret: str) -> Refreshed:
    """The session's next step, or `SessionOver`; a refresh token that comes twice ends the session."""
    async with database.session() as session:
        found = await _taken(session, token_hash(secret))
    if found is None:
        raise SessionOver
    return found


async def _taken(session: AsyncSession, digest: str) -> Refreshed | None:
    either = or_(col(SignIn.current_sha256) == digest, col(SignIn.previous_sha256) == digest)
    query = select(SignIn).where(either)
    found = (await session.exec(query.with_for_update())).first()
    if found is None or found.ended_at is not None or found.expires_at <= now():
        return None
    user = await session.get_one(User, (found.tenant, found.user))
    if user.disabled_at is not None:
        return None
    if found.current_sha256 != digest and found.rotated_at + GRACE < now():
        await _end(session, found, "the hub", "ended: a refresh token came twice")
        return None
    secret = _new_secret()
    found.previous_sha256, found.current_sha256 = found.current_sha256, token_hash(secret)
    found.rotated_at = now()
    session.add(found)
    return Refreshed(session=found, user=user, secret=secret)


async def live_session(database: Database, session_id: str) -> tuple[SignIn, User] | None:
    """The session and its user, if both are good now."""
    async with database.session() as session:
        found = await session.get(SignIn, session_id)
        if found is None or found.ended_at is not None or found.expires_at <= now():
            return None
        user = await session.get_one(User, (found.tenant, found.user))
        return (found, user) if user.disabled_at is None else None


async def list_sessions(database: Database, *, tenant: str, user: str) -> list[SignIn]:
    """The user's sessions that are not over, the newest first."""
    query = select(SignIn).where(
        SignIn.tenant == tenant,
        SignIn.user == user,
        col(SignIn.ended_at).is_(None),
        col(SignIn.expires_at) > now(),
    )
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(SignIn.created_at).desc())))


async def end_session(database: Database, session_id: str, *, tenant: str, user: str, by: str) -> None:
    """End a session of the user; harmless when it is over."""
    async with database.session() as session:
        found = await session.get(SignIn, session_id, with_for_update=True)
        if found is None or (found.tenant, found.user) != (tenant, user):
            raise NotFound(f"{user!r} has no session {session_id!r}")
        if found.ended_at is None:
            await _end(session, found, by, "signed out" if by == user else "session ended")


async def end_sessions(
    session: AsyncSession, tenant: str, user: str, *, by: str, kept: str | None = None
) -> None:
    """End every session of the user but the one named, in the caller's transaction."""
    own = update(SignIn).where(
        col(SignIn.tenant) == tenant, col(SignIn.user) == user, col(SignIn.ended_at).is_(None)
    )
    if kept is not None:
        own = own.where(col(SignIn.id) != kept)
    await session.exec(own.values(ended_at=now(), ended_by=by))


async def _end(session: AsyncSession, found: SignIn, by: str, event: str) -> None:
    found.ended_at, found.ended_by = now(), by
    session.add(found)
    await session.flush()
    await append(session, [_happened(found, event, by)])


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _happened(found: SignIn, event: str, by: str) -> dict[str, object]:
    principal = {"name": found.user, "kind": "user"}
    return entry("user", found.tenant, event=event, principal=principal, session=found.id, by=by)
