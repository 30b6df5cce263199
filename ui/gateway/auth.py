"""Who is asking: the bearer token of the request, and the local admin token that a hub makes for itself."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from blocks.errors import BadInput, Forbidden, Unauthenticated
from blocks.identity import Principal
from blocks.private_files import make_private, read_private
from blocks.records.constitution_tables import Token
from blocks.records.database import Database
from blocks.records.tables import now
from blocks.records.tokens import token_hash, valid_tokens
from ui.gateway.roles import ADMIN, check_allowed

bearer = HTTPBearer(auto_error=False, description="A token of this hub; `soma tokens create` makes one.")
BELIEVED = 0.5
"""Seconds that what was read of the tokens holds: so long a revoked one may still be taken."""
UNKNOWN = 0.05
"""Seconds until the tokens are read again for one that is not among them."""


class Doorkeeper:
    """Knows the hub's own token and those of the records by their hashes, and whom they speak for."""

    def __init__(self, token: str, tenant: str, database: Database) -> None:
        self._digest = token_hash(token)
        self._admin = Principal(tenant=tenant, name="admin", kind="user", roles=frozenset({ADMIN}))
        self._database = database
        self._tokens: Mapping[str, Token] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def principal(self, token: str) -> Principal:
        """Whom the token speaks for, or `Unauthenticated`."""
        digest = token_hash(token)
        if hmac.compare_digest(digest, self._digest):
            return self._admin
        found = await self._find(digest)
        if found is None or (found.expires_at is not None and found.expires_at <= now()):
            raise Unauthenticated("the bearer token is not one of this hub's, or it has ended")
        return Principal(tenant=found.tenant, name=found.principal, kind="user", roles=frozenset(found.roles))

    async def _find(self, digest: str) -> Token | None:
        await self._read(BELIEVED)
        if digest not in self._tokens:
            await self._read(UNKNOWN)
        return self._tokens.get(digest)

    async def _read(self, age: float) -> None:
        """Read the tokens unless that was done so lately; whoever comes meanwhile waits for that reading."""
        if time.monotonic() - self._read_at < age:
            return
        async with self._reading:
            began = time.monotonic()
            if began - self._read_at >= age:
                self._tokens = await valid_tokens(self._database)
                self._read_at = began


async def current_principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    """Who asks, if the token is one of the hub's and its roles allow this request."""
    if credentials is None:
        raise Unauthenticated
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    principal = await doorkeeper.principal(credentials.credentials)
    check_allowed(principal, request.method, request.url.path)
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def require_role(*roles: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets only principals pass who are admins or have one of the roles."""

    async def required(principal: CurrentPrincipal) -> Principal:
        if not principal.roles & {ADMIN, *roles}:
            raise Forbidden(f"{principal.name!r} may not do this: it takes the role {' or '.join(roles)}")
        return principal

    return required


def ensure_token(path: Path) -> str:
    """The hub's admin token, made at the first call; one caller of several makes it, all read the same."""
    if not path.exists():
        make_private(path, secrets.token_urlsafe(32) + "\n")
    token = read_private(path, "token file").strip()
    if len(token) < 20:  # shorter than any token that this hub makes
        raise BadInput(f"the token file {path} holds no token", mend="delete it; the hub makes a new one")
    return token
