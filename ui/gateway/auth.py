"""Who is asking: the bearer token of the request, and the local admin token that a hub makes for itself."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from blocks.errors import BadInput, Unauthenticated
from blocks.identity import Principal
from blocks.private_files import make_private, read_private

bearer = HTTPBearer(auto_error=False, description="The token that `soma up` keeps in the data folder.")


class Doorkeeper:
    """Knows the hub's own token by its hash, and whom that token speaks for."""

    def __init__(self, token: str, tenant: str) -> None:
        self._digest = _digest(token)
        self._admin = Principal(tenant=tenant, name="admin", kind="user", roles=frozenset({"admin"}))

    def principal(self, token: str) -> Principal:
        """Whom the token speaks for, or `Unauthenticated`."""
        if hmac.compare_digest(_digest(token), self._digest):
            return self._admin
        raise Unauthenticated("the bearer token is not one of this hub's")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def current_principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    if credentials is None:
        raise Unauthenticated
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    return doorkeeper.principal(credentials.credentials)


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def ensure_token(path: Path) -> str:
    """The hub's admin token, made at the first call; one caller of several makes it, all read the same."""
    if not path.exists():
        make_private(path, secrets.token_urlsafe(32) + "\n")
    token = read_private(path, "token file").strip()
    if len(token) < 20:  # shorter than any token that this hub makes
        raise BadInput(f"the token file {path} holds no token", mend="delete it; the hub makes a new one")
    return token
