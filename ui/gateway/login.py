"""Signing in and out: a password becomes a session, and a session short-lived tokens."""

import ipaddress
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr

from blocks.errors import Conflict, Forbidden, PasswordUsedUp, WrongCredentials
from blocks.records.sign_in_tries import count_try, forgive
from blocks.records.sign_ins import Refreshed, begin_session, end_session, refresh_session
from blocks.records.tables import now
from blocks.records.user_tables import User
from blocks.records.users import find_user, may_sign_in, note_refused, replace_password
from blocks.signing_in.access_tokens import LIFETIME, PERSON, TokenKey
from blocks.signing_in.passwords import check_password, fits, hashed
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.wire_users import PasswordChange, Refreshing, SignedIn, SigningIn

door = APIRouter(prefix="/v1/login", tags=["signing in"])
"""For those who have no token yet."""
router = APIRouter(prefix="/v1", tags=["signing in"])
FREE_TRIES = 5
"""Failures of one name before the next one has to wait."""
FREE_TRIES_OF_ADDRESS = 50
"""The same for one address, behind which many people may sit."""


@door.post("")
async def sign_in(asked: SigningIn, request: Request, response: Response, hub: CurrentHub) -> SignedIn:
    """A session for the right password. Wrong names and wrong passwords are answered alike."""
    tenant, name = asked.tenant or hub.settings.tenant, asked.user.strip().lower()
    tried = f"user {tenant}/{name}"
    await count_try(hub.database, tried, free=FREE_TRIES)
    if (address := _address(request)) is not None:
        await count_try(hub.database, f"address {address}", free=FREE_TRIES_OF_ADDRESS)
    user = await _proven(hub, tenant, name, asked.password)
    if asked.new_password is not None:
        await _replace(hub, user, asked.new_password)
    elif user.one_time_until is not None:
        raise PasswordUsedUp
    await forgive(hub.database, tried)
    if address is not None:
        await forgive(hub.database, f"address {address}")
    return _told(request, response, await begin_session(hub.database, user))


@door.post("/refresh")
async def refresh(asked: Refreshing, request: Request, response: Response, hub: CurrentHub) -> SignedIn:
    """The session's next tokens; a refresh token is good once."""
    secret = asked.refresh_token.get_secret_value()
    return _told(request, response, await refresh_session(hub.database, secret))


@router.post("/logout", status_code=204)
async def sign_out(hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """End the session that the token belongs to; its tokens are refused within a second."""
    if principal.session is None:
        raise Conflict("this token belongs to no session; `soma tokens revoke` ends it")
    await end_session(
        hub.database,
        principal.session,
        tenant=principal.tenant,
        user=principal.name,
        by=principal.name,
    )


@router.put("/password", status_code=204)
async def change_password(asked: PasswordChange, hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """Change one's own password; it takes the present one, and ends one's other sessions."""
    if principal.session is None:
        raise Forbidden("a password is changed by who has signed in with it, not with another token")
    tried = f"user {principal.tenant}/{principal.name}"
    await count_try(hub.database, tried, free=FREE_TRIES)
    user = await _proven(hub, principal.tenant, principal.name, asked.password)
    await _replace(hub, user, asked.new_password, session_kept=principal.session)
    await forgive(hub.database, tried)


async def _proven(hub: Hub, tenant: str, name: str, password: SecretStr) -> User:
    """The user whose password this is, found out at the same cost for names that do not exist."""
    user = await find_user(hub.database, tenant, name)
    right = await fits(password.get_secret_value(), user.password if user is not None else None)
    if user is None:
        raise WrongCredentials
    if not right or not may_sign_in(user, now()):
        await note_refused(hub.database, user)
        raise WrongCredentials
    return user


async def _replace(hub: Hub, user: User, wanted: SecretStr, *, session_kept: str | None = None) -> None:
    password = wanted.get_secret_value()
    check_password(password, user.name)
    if await fits(password, user.password):
        raise Conflict("this is the password that there is already; choose another one")
    if not await replace_password(hub.database, user, await hashed(password), session_kept=session_kept):
        raise WrongCredentials


def _told(request: Request, response: Response, found: Refreshed) -> SignedIn:
    """The tokens of a session; nobody on the way may keep them."""
    response.headers["Cache-Control"] = "no-store"
    key: TokenKey = request.app.state.token_key
    user, session = found.user, found.session
    token = key.make(PERSON, user.name, user.tenant, roles=user.roles, sid=session.id)
    return SignedIn(
        access_token=token,
        expires_in=LIFETIME,
        expires_at=now() + timedelta(seconds=LIFETIME),
        refresh_token=found.secret,
        session=session.id,
        session_expires_at=session.expires_at,
        tenant=user.tenant,
        user=user.name,
        roles=user.roles,
    )


def _address(request: Request) -> str | None:
    """Where the request comes from; None for this machine, on which the wizard speaks for many."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return None if address.is_loopback else str(address)
