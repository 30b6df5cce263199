"""Users: people of a tenant who may sign in, with their roles and the hash of their password."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.errors import Conflict, NotFound
from blocks.identity import Principal, check_name, check_roles
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.sign_ins import end_sessions
from blocks.records.tables import Tenant, now
from blocks.records.tokens import revoke_tokens_of
from blocks.records.user_tables import User

ONE_TIME = timedelta(days=7)
"""How long a password that an admin gave waits for its user."""


async def create_user(
    database: Database,
    *,
    tenant: str,
    name: str,
    roles: frozenset[str],
    password: str,
    one_time: bool,
    by: Principal,
) -> User:
    """Make a user; `password` is the hash. `Conflict` when the name is taken."""
    check_name(name, "a user")
    check_roles(roles, "a user")
    user = User(
        tenant=tenant,
        name=name,
        password=password,
        one_time_until=now() + ONE_TIME if one_time else None,
        roles=sorted(roles),
        created_by=by.name,
    )
    try:
        async with database.session() as session:
            if await session.get(Tenant, tenant) is None:
                raise NotFound(f"there is no tenant {tenant!r}; `soma tenants list` shows them")
            session.add(user)
            await session.flush()
            await append(session, [_happened(user, "created", by)])
    except IntegrityError:
        raise Conflict(f"there is a user {name!r} already") from None
    return user


async def find_user(database: Database, tenant: str, name: str) -> User | None:
    async with database.session() as session:
        return await session.get(User, (tenant, name))


async def list_users(database: Database, *, tenant: str) -> list[User]:
    """Every user of the tenant by name, also those who may not sign in any more."""
    query = select(User).where(User.tenant == tenant).order_by(col(User.name))
    async with database.session() as session:
        return list(await session.exec(query))


async def change_user(
    database: Database,
    name: str,
    *,
    tenant: str,
    by: Principal,
    roles: frozenset[str] | None = None,
    disabled: bool | None = None,
    one_time_password: str | None = None,
) -> User:
    """Change a user; new roles hold within a second, also for sessions that are open.

    Disabling ends their sessions and tokens, a password for one time (its hash) the sessions.
    """
    if roles is not None:
        check_roles(roles, "a user")
    async with database.session() as session:
        user = await _locked(session, tenant, name)
        told = _apply(user, roles, one_time_password, disabled=disabled)
        session.add(user)
        await session.flush()
        if disabled or one_time_password is not None:
            await end_sessions(session, tenant, name, by=by.name)
        if disabled:
            await revoke_tokens_of(session, name, by=by, tenant=tenant)
        await append(session, [_happened(user, event, by) for event in told])
    return user


def _apply(
    user: User, roles: frozenset[str] | None, password: str | None, *, disabled: bool | None
) -> list[str]:
    """Change the row, and say in words what was changed."""
    told = []
    if roles is not None and sorted(roles) != user.roles:
        user.roles = sorted(roles)
        told.append("roles changed")
    if disabled is not None and disabled is (user.disabled_at is None):
        user.disabled_at = now() if disabled else None
        told.append("disabled" if disabled else "enabled")
    if password is not None:
        user.password, user.one_time_until = password, now() + ONE_TIME
        told.append("password reset")
    return told


async def replace_password(
    database: Database, user: User, password: str, *, session_kept: str | None = None
) -> bool:
    """Give the user a password (its hash) of their own; their sessions end, all but the one named.

    False when the password was changed by somebody else since `user` was read: nothing was done then.
    """
    by = Principal(tenant=user.tenant, name=user.name)
    change = update(User).where(
        col(User.tenant) == user.tenant, col(User.name) == user.name, col(User.password) == user.password
    )
    async with database.session() as session:
        done = await session.exec(change.values(password=password, one_time_until=None))
        if done.rowcount != 1:
            return False
        await end_sessions(session, user.tenant, user.name, by=user.name, kept=session_kept)
        await append(session, [_happened(user, "password changed", by)])
    return True


async def note_refused(database: Database, user: User) -> None:
    """Put on record that somebody tried to sign in as this user, and could not."""
    by = Principal(tenant=user.tenant, name=user.name)
    async with database.session() as session:
        await append(session, [_happened(user, "sign-in refused", by)])


def may_sign_in(user: User, moment: datetime) -> bool:
    """Whether the user's password opens anything at this moment."""
    over = user.one_time_until is not None and user.one_time_until <= moment
    return user.disabled_at is None and not over


async def _locked(session: AsyncSession, tenant: str, name: str) -> User:
    query = select(User).where(User.tenant == tenant, User.name == name).with_for_update()
    found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound(f"there is no user {name!r}; `soma users list` shows them")
    return found


def _happened(user: User, event: str, by: Principal) -> dict[str, object]:
    return entry(
        "user",
        user.tenant,
        event=event,
        principal={"name": user.name, "kind": "user"},
        roles=user.roles,
        by=by.name if by.tenant == user.tenant else f"{by.name} of {by.tenant}",
    )
