"""The public key with which anybody can check the hub's tokens."""

from typing import Any

from fastapi import APIRouter, Request, Response

from blocks.signing_in.access_tokens import TokenKey

router = APIRouter(prefix="/.well-known", tags=["signing in"])


@router.get("/jwks.json")
async def show_keys(request: Request, response: Response) -> dict[str, Any]:
    """The key set (RFC 7517)."""
    key: TokenKey = request.app.state.token_key
    response.headers["Cache-Control"] = "max-age=300"
    return {"keys": [key.public()]}
