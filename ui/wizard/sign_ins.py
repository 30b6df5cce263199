"""Who is signed in to the wizard: the gateway's tokens by the number in a browser's cookie.

The tokens stay in this process and in a private file for each sign-in, so that a wizard that was started anew
knows people still. A browser gets a random number and nothing else.
"""

import contextlib
import hashlib
import json
import secrets
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.errors import BadInput, SomaError, Unauthenticated, Unavailable
from blocks.private_files import make_private, read_private
from blocks.settings import Settings
from ui.client import HubClient
from ui.wire_users import SignedIn

EARLY = timedelta(seconds=90)
"""So long before its end an access token is replaced."""
LONGEST = timedelta(hours=12)
"""How long a sign-in with a token of one's own lasts, for nothing else says when it ends."""


@dataclass(kw_only=True)
class Tokens:
    """What a sign-in may speak with."""

    access: str
    access_ends: datetime
    refresh: str | None
    """None for a token of one's own, which is never replaced."""
    ends: datetime
    """When the person has to sign in again."""
    who: str
    tenant: str
    roles: list[str]


@dataclass(kw_only=True)
class SignIn:
    """One signed-in browser; its tabs share it."""

    key: str
    client: HubClient
    tokens: Tokens
    lock: threading.Lock = field(default_factory=threading.Lock)


class SignIns:
    """The sign-ins of one wizard. Safe for the threads in which pages run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data_dir / "wizard"
        self._known: dict[str, SignIn] = {}
        self._lock = threading.Lock()

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers do not keep the cookies of two ports apart."""
        return f"soma_wizard_{self._settings.wizard_port + self._settings.port_offset}"

    @property
    def count(self) -> int:
        """How many sign-ins this process knows."""
        return len(self._known)

    def stranger(self) -> HubClient:
        """A client for somebody who is not signed in yet; to be closed."""
        return HubClient(self._settings.gateway_url, "")

    def with_password(
        self, user: str, password: str, *, tenant: str | None = None, new_password: str | None = None
    ) -> str:
        """Sign in and return the number for the cookie; raises what `HubClient.login` raises."""
        with self.stranger() as client:
            said = client.login(user, password, tenant=tenant, new_password=new_password)
        return self._keep(tokens_of(said))

    def with_token(self, token: str) -> str:
        """The same with a token that the person has; `Unauthenticated` unless it is one of the hub's."""
        with self.stranger() as client:
            client.speak_for(token)
            me = client.whoami()
        ends = datetime.now(UTC) + LONGEST
        return self._keep(
            Tokens(
                access=token,
                access_ends=ends,
                refresh=None,
                ends=ends,
                who=me.name,
                tenant=me.tenant,
                roles=list(me.roles),
            )
        )

    def find(self, number: str | None) -> SignIn | None:
        """The sign-in of the number in a cookie; its client's token may have to be replaced: see `fresh`."""
        if not number:
            return None
        key = hashlib.sha256(number.encode()).hexdigest()
        with self._lock:
            found = self._known.get(key) or self._load(key)
        if found is not None and found.tokens.ends <= datetime.now(UTC):
            self.forget(found)
            return None
        return found

    def fresh(self, found: SignIn) -> HubClient:
        """The sign-in's client with a token that lasts; `Unauthenticated` when the sign-in is over."""
        with found.lock:
            if found.tokens.access_ends - EARLY <= datetime.now(UTC):
                self._renew(found)
            return found.client

    def end(self, found: SignIn) -> None:
        """Sign out, at the gateway too where there is one to tell."""
        if found.tokens.refresh is not None:
            with contextlib.suppress(SomaError):
                found.client.logout()
        self.forget(found)

    def forget(self, found: SignIn) -> None:
        """Know a sign-in no more."""
        with self._lock:
            self._known.pop(found.key, None)
        found.client.close()
        self._file(found.key).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connections; the sign-ins last."""
        with self._lock:
            for found in self._known.values():
                found.client.close()
            self._known.clear()

    def _renew(self, found: SignIn) -> None:
        if found.tokens.refresh is None:
            raise Unauthenticated("the sign-in has ended")
        try:
            with self.stranger() as client:
                found.tokens = tokens_of(client.refresh(found.tokens.refresh))
        except Unavailable:
            if found.tokens.access_ends <= datetime.now(UTC):
                raise
            return  # the present token lasts for a little yet
        found.client.speak_for(found.tokens.access)
        self._write(found.key, found.tokens)

    def _keep(self, tokens: Tokens) -> str:
        number = secrets.token_urlsafe(32)
        key = hashlib.sha256(number.encode()).hexdigest()
        self._write(key, tokens)
        with self._lock:
            self._known[key] = self._open(key, tokens)
        return number

    def _open(self, key: str, tokens: Tokens) -> SignIn:
        return SignIn(key=key, client=HubClient(self._settings.gateway_url, tokens.access), tokens=tokens)

    def _load(self, key: str) -> SignIn | None:
        """What another process of this wizard has kept; nothing where its file is not as it was written."""
        try:
            said = json.loads(read_private(self._file(key), "sign-in"))
            times = {name: datetime.fromisoformat(said[name]) for name in ("access_ends", "ends")}
            found = self._open(key, Tokens(**{**said, **times}))
        except (BadInput, ValueError, KeyError, TypeError):
            return None
        self._known[key] = found
        return found

    def _write(self, key: str, tokens: Tokens) -> None:
        said = asdict(tokens) | {
            "access_ends": tokens.access_ends.isoformat(),
            "ends": tokens.ends.isoformat(),
        }
        draft = self._folder / f"{key}.{secrets.token_hex(4)}"
        make_private(draft, json.dumps(said))
        draft.replace(self._file(key))

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def tokens_of(said: SignedIn) -> Tokens:
    """What the gateway has told, to be kept."""
    return Tokens(
        access=said.access_token,
        access_ends=said.expires_at,
        refresh=said.refresh_token,
        ends=said.session_expires_at,
        who=said.user,
        tenant=said.tenant,
        roles=list(said.roles),
    )
