"""The session that `soma login` keeps for the commands after it, in a file that its owner alone can read.

It is sent to the hub that it was made by and to no other. One command at a time carries it on, since a
refresh token is good once.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from blocks.errors import BadInput, Unauthenticated
from blocks.private_files import read_private
from blocks.settings import Settings
from ui.client_users import UserCalls
from ui.wire_users import SignedIn

EARLY = timedelta(minutes=1)
"""So long before its end a token is replaced by the next."""


class Kept(BaseModel):
    """Who has signed in, where, and with what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub: str
    tenant: str
    user: str
    access_token: str
    expires_at: datetime
    refresh_token: str


def keep(settings: Settings, hub: str, signed: SignedIn) -> Kept:
    """Keep the session, in place of any other."""
    kept = Kept(
        hub=hub,
        tenant=signed.tenant,
        user=signed.user,
        access_token=signed.access_token,
        expires_at=signed.expires_at,
        refresh_token=signed.refresh_token,
    )
    path = login_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(kept.model_dump_json())
    draft.replace(path)
    return kept


def forget(settings: Settings) -> None:
    """Keep no session any more."""
    login_path(settings).unlink(missing_ok=True)


def kept_login(settings: Settings) -> Kept | None:
    """The session that is kept, as it lies there."""
    path = login_path(settings)
    if not path.exists():
        return None
    try:
        return Kept.model_validate_json(read_private(path, "session"))
    except ValidationError:
        mend = "`soma login NAME` makes a new one"
        raise BadInput(f"the session in {path} cannot be read", mend=mend) from None


def current_login(settings: Settings) -> Kept | None:
    """The session with a token that is good now; `Unauthenticated` when it is over."""
    kept = kept_login(settings)
    if kept is None or _is_fresh(kept):
        return kept
    with _alone(settings):
        kept = kept_login(settings)  # the command that was faster has carried it on
        return kept if kept is None or _is_fresh(kept) else _carried_on(settings, kept)


def login_path(settings: Settings) -> Path:
    return settings.data_dir / "login.json"


def _carried_on(settings: Settings, kept: Kept) -> Kept:
    with UserCalls(kept.hub, "") as client:
        try:
            signed = client.refresh(kept.refresh_token)
        except Unauthenticated:
            raise Unauthenticated(
                f"the session of {kept.user} at {kept.hub} is over",
                mend=f"`soma login {kept.user}` begins another, `soma logout` goes on without",
            ) from None
    return keep(settings, kept.hub, signed)


def _is_fresh(kept: Kept) -> bool:
    return kept.expires_at - EARLY > datetime.now(UTC)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Be the only command that carries the session on."""
    descriptor = os.open(login_path(settings).with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
