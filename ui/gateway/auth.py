"""Who is asking: the bearer token of the request, and the local admin token that a hub makes for itself."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from blocks.errors import BadInput, Forbidden, Unauthenticated
from blocks.identity import Principal
from blocks.private_files import make_private, read_private
from blocks.records.database import Database
from blocks.records.tokens import token_hash
from blocks.signing_in.access_tokens import TokenKey, looks_signed
from ui.gateway.bearers import ApiKeys, SignedTokens
from ui.gateway.roles import ADMIN, check_allowed

bearer = HTTPBearer(
    auto_error=False, description="A token of this hub: `POST /v1/login` or `soma tokens create` makes one."
)


class Doorkeeper:
    """Knows the hub's own token, those of the records, and those that were signed with the hub's key."""

    def __init__(self, token: str, tenant: str, database: Database, key: TokenKey) -> None:
        self._digest = token_hash(token)
        self._admin = Principal(tenant=tenant, name="admin", kind="user", roles=frozenset({ADMIN}))
        self._keys = ApiKeys(database)
        self._signed = SignedTokens(key, database)

    async def principal(self, token: str) -> Principal:
        """Whom the token speaks for, or `Unauthenticated`."""
        if looks_signed(token):
            return await self._signed.principal(token)
        digest = token_hash(token)
        if hmac.compare_digest(digest, self._digest):
            return self._admin
        return await self._keys.principal(digest)


async def current_principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """Who asks, if the token is one of the hub's and its roles allow this request."""
    if credentials is None:
        raise Unauthenticated
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    principal = await doorkeeper.principal(credentials.credentials)
    # The path that the router looks at, and not `request.url.path`, which is made with the Host header.
    check_allowed(principal, request.method, request.scope["path"])
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


async def may_go_on(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Callable[[], Awaitable[bool]]:
    """Tells an answer that takes long whether its token is still good for it."""

    async def still() -> bool:
        try:
            await current_principal(request, credentials)
        except (Unauthenticated, Forbidden):
            return False
        return True

    return still


MayGoOn = Annotated[Callable[[], Awaitable[bool]], Depends(may_go_on)]


def ensure_token(path: Path) -> str:
    """The hub's admin token, made at the first call; one caller of several makes it, all read the same."""
    if not path.exists():
        make_private(path, secrets.token_urlsafe(32) + "\n")
    token = read_private(path, "token file").strip()
    if len(token) < 20:  # shorter than any token that this hub makes
        raise BadInput(f"the token file {path} holds no token", mend="delete it; the hub makes a new one")
    return token
