"""Whom a bearer token speaks for: one that is looked up, one of a person's session, one of an agent's run."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from blocks.errors import SomaError, Unauthenticated
from blocks.identity import Mandate, Principal
from blocks.records.constitution_tables import Token
from blocks.records.database import Database
from blocks.records.mandates import is_current
from blocks.records.sign_ins import live_session
from blocks.records.tables import now
from blocks.records.tokens import USED_EVERY, note_used, valid_tokens
from blocks.signing_in.access_tokens import AGENT, NotGenuine, TokenKey

BELIEVED = 0.5
"""Seconds that what was read holds: so long one that was revoked may still be taken."""
UNKNOWN = 0.05
"""Seconds until the tokens are read again for one that is not among them."""
MOST = 10_000
"""How many answers are kept at most."""
T = TypeVar("T")


class ApiKeys:
    """The tokens that the records know by their hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tokens: Mapping[str, Token] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def principal(self, digest: str) -> Principal:
        """Whom the token with this hash speaks for, or `Unauthenticated`."""
        await self._read(BELIEVED)
        if digest not in self._tokens:
            await self._read(UNKNOWN)
        found = self._tokens.get(digest)
        if found is None or (found.expires_at is not None and found.expires_at <= now()):
            raise Unauthenticated("the bearer token is not one of this hub's, or it has ended")
        self._note(found.id)
        return Principal(tenant=found.tenant, name=found.principal, kind="user", roles=frozenset(found.roles))

    async def _read(self, age: float) -> None:
        """Read the tokens unless that was done so lately; whoever comes meanwhile waits for that reading."""
        if time.monotonic() - self._read_at < age:
            return
        async with self._reading:
            began = time.monotonic()
            if began - self._read_at >= age:
                self._tokens = await valid_tokens(self._database)
                self._read_at = began

    def _note(self, token: str) -> None:
        """Keep now and then that the token is in use; the request waits for none of it."""
        moment = time.monotonic()
        if moment - self._noted.get(token, float("-inf")) < USED_EVERY.total_seconds():
            return
        self._noted[token] = moment
        task = asyncio.create_task(self._noting(token))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _noting(self, token: str) -> None:
        try:
            await note_used(self._database, {token})
        except SomaError:
            self._noted.pop(token, None)


class Answers(Generic[T]):
    """What was looked up lately, each good for `BELIEVED` seconds."""

    def __init__(self, look: Callable[[str], Awaitable[T]]) -> None:
        self._look = look
        self._kept: dict[str, tuple[float, T]] = {}

    async def of(self, key: str) -> T:
        found = self._kept.get(key)
        if found is not None and time.monotonic() - found[0] < BELIEVED:
            return found[1]
        began = time.monotonic()
        answer = await self._look(key)
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = began, answer
        return answer


class SignedTokens:
    """Tokens that are checked by their signature, and then by what the records say of them now."""

    def __init__(self, key: TokenKey, database: Database) -> None:
        self._key = key
        self._database = database
        self._sessions = Answers(lambda session: live_session(database, session))
        self._agents = Answers(self._is_current)

    async def principal(self, token: str) -> Principal:
        """Whom the token speaks for now, or `Unauthenticated`."""
        kind, claims = self._key.read(token)
        return await (self._agent(token, claims) if kind == AGENT else self._person(claims))

    async def _person(self, claims: Mapping[str, Any]) -> Principal:
        found = await self._sessions.of(str(claims.get("sid")))
        if found is None:
            raise Unauthenticated("the session of this token is over; sign in again")
        session, user = found
        if (user.tenant, user.name) != (claims["tenant"], claims["sub"]):
            raise NotGenuine
        return Principal(tenant=user.tenant, name=user.name, roles=frozenset(user.roles), session=session.id)

    async def _agent(self, token: str, claims: Mapping[str, Any]) -> Principal:
        if not await self._agents.of(token):
            raise Unauthenticated("the attempt that this token was made for is over")
        return Principal(
            tenant=claims["tenant"],
            name=claims["name"],
            kind="agent",
            on_behalf_of=claims["on_behalf_of"],
            mandate=_mandate(claims),
        )

    async def _is_current(self, token: str) -> bool:
        _, claims = self._key.read(token)
        return await is_current(self._database, claims["tenant"], _mandate(claims))


def _mandate(claims: Mapping[str, Any]) -> Mandate:
    """What the token says of itself; the hub gives no agent one that lacks any of it."""
    try:
        return Mandate(
            attempt=claims["attempt"],
            project=claims["project"],
            node=claims["node"],
            number=claims["number"],
            generation=claims["generation"],
            memory=frozenset(claims["memory"]),
        )
    except (KeyError, TypeError):
        raise NotGenuine from None
