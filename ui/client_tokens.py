"""Tokens, as calls of the client."""

from datetime import timedelta

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_tokens import MadeToken, Token


class TokenCalls(Transport):
    """Making, listing and revoking tokens; for admins."""

    def create_token(self, name: str, roles: list[str], *, expires: timedelta | None = None) -> MadeToken:
        """A new token; its secret can be read here and nowhere else."""
        seconds = int(expires.total_seconds()) if expires else None
        asked = {"name": name, "roles": roles, "expires_in": seconds}
        return MadeToken.model_validate(self._post("/v1/tokens", asked))

    def tokens(self) -> list[Token]:
        return TypeAdapter(list[Token]).validate_python(self._get("/v1/tokens"))

    def revoke_token(self, token: str) -> None:
        self._delete(f"/v1/tokens/{segment(token)}")
