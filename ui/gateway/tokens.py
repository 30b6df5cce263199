"""Tokens over HTTP, for admins: made, listed, revoked."""

from datetime import timedelta

from fastapi import APIRouter

from blocks.records.tokens import create_token, list_tokens, revoke_token
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire_tokens import MadeToken, Token, TokenAsked

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])


@router.get("")
async def find_tokens(hub: CurrentHub, principal: CurrentPrincipal) -> list[Token]:
    """The tenant's tokens, also those that have ended, the newest first."""
    return [Token.model_validate(token) for token in await list_tokens(hub.database, tenant=principal.tenant)]


@router.post("", status_code=201)
async def make_token(asked: TokenAsked, hub: CurrentHub, principal: CurrentPrincipal) -> MadeToken:
    """A new token; the answer is the only place where its secret can be read."""
    made = await create_token(
        hub.database,
        name=asked.name,
        roles=frozenset(asked.roles),
        by=principal,
        expires=timedelta(seconds=asked.expires_in) if asked.expires_in else None,
    )
    shown = Token.model_validate(made.token)
    return MadeToken(**shown.model_dump(), secret=made.secret)


@router.delete("/{token}", status_code=204)
async def end_token(token: str, hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """Revoke a token: it is refused everywhere within a second."""
    await revoke_token(hub.database, token, by=principal)
