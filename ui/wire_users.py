"""Signing in, users and tenants as the gateway and its clients speak of them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr

from ui.wire import Asked, Said

Name = Annotated[str, Field(min_length=1, max_length=63)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Roles = Annotated[list[str], Field(min_length=1, max_length=10)]


class SigningIn(Asked):
    """A person at the door."""

    user: Name
    password: Password
    tenant: Name | None = None
    """The hub's own unless given."""
    new_password: Password | None = None
    """Put in place of the old one; needed with a password that is good for one time."""


class Refreshing(Asked):
    """A client that goes on with a session."""

    refresh_token: SecretStr = Field(min_length=1, max_length=200)


class SignedIn(Said):
    """What a person who signed in works with; both tokens are told here and nowhere else."""

    access_token: str
    """A bearer token for some minutes."""
    token_type: str = "Bearer"  # noqa: S105  # the kind of token, in the words of RFC 6749
    expires_in: int
    """Seconds that the access token lasts."""
    expires_at: datetime
    refresh_token: str
    """Good for the next access token, once: with it comes the next refresh token."""
    session: str
    """The session's id, by which it can be ended."""
    session_expires_at: datetime
    tenant: str
    user: str
    roles: list[str]


class PasswordChange(Asked):
    """A person who wants another password."""

    password: Password
    """The present one."""
    new_password: Password


class NewUser(Asked):
    """A request for a user."""

    name: Name
    roles: Roles
    password: Password | None = None
    """Without one the answer tells a password for one time."""
    tenant: Name | None = None
    """Another tenant than one's own: only for those who run the installation."""


class UserChange(Asked):
    """What is to be different about a user."""

    roles: Roles | None = None
    disabled: bool | None = None
    reset_password: bool = False
    """Whether the user gets a password for one time, and every session of theirs ends."""


class User(Said):
    """A person who may sign in."""

    tenant: str
    name: str
    roles: list[str]
    one_time: bool
    """Whether the next sign-in needs a new password."""
    created_by: str
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None


class MadeUser(User):
    """A user just made or reset, with the password for one time if there is one."""

    one_time_password: str | None = None


class Session(Said):
    """One sign-in of a user, for as long as it lasts."""

    id: str
    user: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class NewTenant(Asked):
    """A request for a tenant."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    name: str | None = Field(default=None, min_length=1, max_length=200)


class Tenant(Said):
    """An organisation on this hub."""

    id: str
    name: str
    created_at: datetime
