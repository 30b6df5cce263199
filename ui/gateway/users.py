"""Users over HTTP, for admins: made, listed, changed, and their sessions ended."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from blocks.errors import Forbidden, NotFound
from blocks.records import users as records
from blocks.records.sign_ins import end_session, list_sessions
from blocks.records.user_tables import SignIn
from blocks.records.user_tables import User as Row
from blocks.signing_in.passwords import check_password, hashed, one_time_password
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.wire_users import MadeUser, NewUser, Session, User, UserChange

router = APIRouter(prefix="/v1/users", tags=["users"])


async def meant_tenant(
    hub: CurrentHub, principal: CurrentPrincipal, tenant: Annotated[str | None, Query(max_length=63)] = None
) -> str:
    """The tenant that the request is about: the caller's own, or for the installation's admins any."""
    return _checked(hub, principal.tenant, tenant)


MeantTenant = Annotated[str, Depends(meant_tenant)]


async def keep_nowhere(response: Response) -> None:
    """Passwords are told here: nobody on the way may keep the answer."""
    response.headers["Cache-Control"] = "no-store"


@router.post("", status_code=201, dependencies=[Depends(keep_nowhere)])
async def make_user(asked: NewUser, hub: CurrentHub, principal: CurrentPrincipal) -> MadeUser:
    """A new user; without a password the answer has one for one sign-in, and it is told here only."""
    tenant = _checked(hub, principal.tenant, asked.tenant)
    given = asked.password.get_secret_value() if asked.password is not None else None
    if given is not None:
        check_password(given, asked.name)
    password = given or one_time_password()
    made = await records.create_user(
        hub.database,
        tenant=tenant,
        name=asked.name,
        roles=frozenset(asked.roles),
        password=await hashed(password),
        one_time=given is None,
        by=principal,
    )
    return _told(made, None if given else password)


@router.get("")
async def find_users(hub: CurrentHub, tenant: MeantTenant) -> list[User]:
    """The tenant's users by name, also those who may not sign in any more."""
    return [_shown(user) for user in await records.list_users(hub.database, tenant=tenant)]


@router.patch("/{user}", dependencies=[Depends(keep_nowhere)])
async def change_user(
    user: str,
    asked: UserChange,
    hub: CurrentHub,
    principal: CurrentPrincipal,
    tenant: MeantTenant,
) -> MadeUser:
    """Change roles, disable or enable, or give a password for one sign-in; in force within a second."""
    password = one_time_password() if asked.reset_password else None
    changed = await records.change_user(
        hub.database,
        user,
        tenant=tenant,
        by=principal,
        roles=frozenset(asked.roles) if asked.roles is not None else None,
        disabled=asked.disabled,
        one_time_password=await hashed(password) if password else None,
    )
    return _told(changed, password)


@router.get("/{user}/sessions")
async def find_sessions(user: str, hub: CurrentHub, tenant: MeantTenant) -> list[Session]:
    """The user's sessions that are not over, the newest first."""
    if await records.find_user(hub.database, tenant, user) is None:
        raise NotFound(f"there is no user {user!r}; `soma users list` shows them")
    found = await list_sessions(hub.database, tenant=tenant, user=user)
    return [_session(session) for session in found]


@router.delete("/{user}/sessions/{session}", status_code=204)
async def stop_session(
    user: str, session: str, hub: CurrentHub, principal: CurrentPrincipal, tenant: MeantTenant
) -> None:
    """End a session: its tokens are refused within a second."""
    await end_session(hub.database, session, tenant=tenant, user=user, by=principal.name)


def runs_installation(hub: Hub, tenant: str) -> bool:
    """Whether the admins of this tenant run the whole installation."""
    return tenant == hub.settings.tenant


def _checked(hub: Hub, own: str, asked: str | None) -> str:
    if asked is None or asked == own:
        return own
    if not runs_installation(hub, own):
        raise Forbidden(f"you are of the tenant {own!r}; others are looked after by who runs the hub")
    return asked


def _shown(user: Row) -> User:
    return User.model_validate({**user.model_dump(), "one_time": user.one_time_until is not None})


def _told(user: Row, password: str | None) -> MadeUser:
    return MadeUser(**_shown(user).model_dump(), one_time_password=password)


def _session(found: SignIn) -> Session:
    return Session.model_validate({**found.model_dump(), "used_at": found.rotated_at})
