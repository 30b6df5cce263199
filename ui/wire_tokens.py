"""Tokens as the gateway and its clients speak of them."""

from datetime import datetime

from pydantic import Field

from ui.wire import Asked, Said


class TokenAsked(Asked):
    """A request for a token."""

    name: str = Field(min_length=1, max_length=63)
    """Whom it speaks for."""
    roles: list[str] = Field(min_length=1, max_length=10)
    expires_in: int | None = Field(default=None, ge=1)
    """Seconds; without end unless given."""


class Token(Said):
    """A token as it is listed; the token itself is not kept anywhere."""

    id: str
    principal: str
    roles: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    prefix: str | None = None
    """The first letters of the secret, by which its owner tells it from others."""
    used_at: datetime | None = None
    """When it was last used, to about a minute."""


class MadeToken(Token):
    """A token just made, with the secret that is told once."""

    secret: str
