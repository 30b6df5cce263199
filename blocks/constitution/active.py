"""The tenant's activated constitution, followed by a thread of each process that decides.

An activation is in force everywhere within a second: the thread looks every `POLL` seconds at a pointer in
Valkey that lasts less than half a second, and asks the database where there is none or where it differs.
Whatever Valkey says, the database is asked every `TRUTH` seconds. Deciding itself does no I/O.
"""

import asyncio
import contextlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread

import asyncpg

from blocks.constitution.constitution import Constitution
from blocks.constitution.parsed import known, parsed
from blocks.constitution.signing import Signature, check
from blocks.constitution.source import ConstitutionSource, nothing_allowed
from blocks.constitution.standing import Asker, Cache, Folder, Kept, Standing
from blocks.errors import BadInput, NotFound, SomaError, Unavailable
from blocks.keys import PublicKey, trusted_keys

logger = logging.getLogger(__name__)
TextOf = Callable[[Kept], str]
Keys = Mapping[str, PublicKey]
POLL = 0.4
"""Seconds between two looks at the pointer."""
TRUTH = 5.0
"""Seconds after which the database is asked whatever the pointer says."""
FIRST_LOOK = 10.0
"""Seconds that the first decision waits for the database to say what is in force."""
NONE_ACTIVE = (
    "no constitution is in force for the tenant {tenant!r}: start the hub (`soma up`), which puts its own in "
    "force, or activate one with `soma constitution activate`"
)
NOT_READ = "the constitution in force could not be read yet; `soma doctor` says what does not answer"


class ActiveConstitution(ConstitutionSource):
    """Holds what is in force for a tenant; what is wrong is refused, told, and the last valid one stays."""

    def __init__(self, *, tenant: str, database: str, valkey: str, keys: Path, texts: Path) -> None:
        super().__init__(nothing_allowed(NOT_READ))
        self.tenant = tenant
        self._others: dict[str, ActiveConstitution] = {}
        self._places = (database, valkey)
        self._keys = keys
        self._folder = Folder(texts)
        self._shadow: Constitution | None = None
        self._began = False
        """Whether anything was ever in force here."""
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        """What belongs to this process: a forked one has to begin anew, with what was in force."""
        self._ready = False
        self._thread: Thread | None = None
        self._closed, self._looked, self._starting = Event(), Event(), Lock()
        self._nudged = Event()
        self._pointer: str | None = None
        """What the database said last."""
        self._trusted: tuple[float, Keys] = (float("-inf"), {})
        """The trusted keys, and until when they need not be read again."""
        self._accepted: dict[str, tuple[Kept, frozenset[str], Constitution]] = {}
        """What was found right, under which trusted keys: that need not be found out again."""
        self._refused: dict[str, tuple[Kept, frozenset[str], SomaError]] = {}
        """What is wrong, under which trusted keys, and why: that need not be found out again."""
        self._next_truth = 0.0

    @property
    def ready(self) -> bool:
        return self._ready

    def of(self, tenant: str) -> "ActiveConstitution":
        """The source for another tenant, followed from its first use until this one is closed."""
        if tenant == self.tenant:
            return self
        with self._starting:
            if tenant not in self._others:
                database, valkey = self._places
                self._others[tenant] = ActiveConstitution(
                    tenant=tenant,
                    database=database,
                    valkey=valkey,
                    keys=self._keys,
                    texts=self._folder.path,
                )
            return self._others[tenant]

    def current(self) -> Constitution:
        if not self._ready:
            self._begin()
        return self._constitution

    def shadow(self) -> Constitution | None:
        """The candidate that is evaluated beside the one in force."""
        if not self._ready:
            self._begin()
        return self._shadow

    def nudge(self) -> None:
        """Look now: something was changed in this process, and the others are to hear of it."""
        self._nudged.set()

    def close(self) -> None:
        """End the thread; what is in force stays as it is."""
        for other in self._others.values():
            other.close()
        self._closed.set()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def start(self) -> None:
        """Begin to follow, and wait for nothing; the first decision waits for the first look."""
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = Thread(target=self._follow, name="soma-constitution", daemon=True)
                self._thread.start()

    def _begin(self) -> None:
        self.start()
        self._looked.wait(FIRST_LOOK)
        self._ready = True

    def _follow(self) -> None:
        database, valkey = self._places
        asker, cache = Asker(database, self.tenant), Cache(valkey, self.tenant)
        with asyncio.Runner() as runner:
            while not self._closed.is_set():
                try:
                    self._glance(runner, asker, cache)
                except Exception:
                    logger.exception("looking for the constitution in force failed")
                if self._began or not isinstance(self.problem, Unavailable):
                    self._looked.set()  # a database away for a moment must not refuse a run for good
                self._nudged.wait(POLL)
            runner.run(asker.close())
        cache.close()

    def _glance(self, runner: asyncio.Runner, asker: Asker, cache: Cache) -> None:
        first, now = self._pointer is None, time.monotonic()
        nudged = self._nudged.is_set()
        self._nudged.clear()
        pointer = None if first or nudged else cache.pointer()
        if pointer is not None and pointer == self._pointer and now < self._next_truth:
            return
        try:
            standing = runner.run(asker.standing())
            if not first:
                cache.point(standing.pointer)
            self._accept(standing, lambda kept: self._text(kept, runner, asker, cache))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            said = f"{type(error).__name__}: {error}"
            self._tell(Unavailable(f"the database does not say which constitution is in force: {said}"))
            return
        self._next_truth = now + TRUTH
        if pointer not in {None, "", self._pointer, standing.pointer}:
            self._tell(BadInput(f"Valkey names a constitution ({pointer!r}) that the database does not"))
        self._pointer = standing.pointer

    def _accept(self, standing: Standing, text_of: TextOf) -> None:
        """Put in force what the database says, each of the two unless something is wrong with it."""
        keys = self._trusted_keys(standing)
        problems: list[SomaError] = []
        if standing.missing:
            gone = f"the constitution {standing.missing[:12]}… was activated and is not there any more"
            problems.append(BadInput(gone))
        active = self._resolved("active", standing.active, keys, text_of, problems)
        if active is not None:
            self._put_in_force(active)
        elif not standing.missing and standing.active is None:
            self._nothing_active(problems)
        shadow = self._resolved("shadow", standing.shadow, keys, text_of, problems)
        self._shadow = shadow if standing.shadow is None or shadow is not None else self._shadow
        self._tell(problems[0] if problems else None)

    def _resolved(
        self,
        role: str,
        kept: Kept | None,
        keys: Keys,
        text_of: TextOf,
        problems: list[SomaError],
    ) -> Constitution | None:
        """The constitution of a kept version, or None with its problem noted."""
        if kept is None:
            return None
        tried = (kept, frozenset(keys))
        accepted, refused = self._accepted.get(role), self._refused.get(role)
        if accepted and accepted[:2] == tried:
            return accepted[2]
        if refused and refused[:2] == tried:
            problems.append(refused[2])
            return None
        try:
            constitution = self._verified(kept, keys, text_of)
        except (BadInput, NotFound) as error:
            self._refused[role] = (*tried, error)
            problems.append(error)
            return None
        self._accepted[role] = (*tried, constitution)
        return constitution

    def _trusted_keys(self, standing: Standing) -> Keys:
        """Read now and then, and for each version that was not seen before."""
        until, keys = self._trusted
        seen = {found[0] for found in (*self._accepted.values(), *self._refused.values())}
        if time.monotonic() >= until or not {standing.active, standing.shadow} <= {None, *seen}:
            keys = trusted_keys(self._keys)
            self._trusted = (time.monotonic() + TRUTH, keys)
        return keys

    def _verified(self, kept: Kept, keys: Keys, text_of: TextOf) -> Constitution:
        constitution = known(kept.text_sha256)
        text = None
        if constitution is None or not self._folder.has(kept):
            text = text_of(kept)
            constitution = parsed(text, f"{kept.name}@{kept.version}")
        check(constitution, Signature(key=kept.key, signature=kept.signature, digest=kept.digest), keys)
        meant_for = constitution.document.get("metadata", {}).get("tenant")
        if meant_for not in {None, self.tenant}:
            raise BadInput(f"{kept.name}@{kept.version} is meant for the tenant {meant_for!r}")
        if text is not None:
            self._folder.keep(kept, text)
        return constitution

    def _text(self, kept: Kept, runner: asyncio.Runner, asker: Asker, cache: Cache) -> str:
        """The text from where it is nearest; copies count only with the hash that the database names."""
        text = self._folder.text(kept) or cache.text(kept)
        if text is None:
            text = runner.run(asker.text(kept.digest))
            cache.keep(kept, text)
        return text

    def _put_in_force(self, constitution: Constitution) -> None:
        self._began = True
        if constitution is not self._constitution:
            constitution.prepare_like(self._constitution)
            self.replace(constitution)
            logger.info("constitution %s %s is in force", constitution.name, constitution.version)

    def _nothing_active(self, problems: list[SomaError]) -> None:
        if self._began:
            problems.append(NotFound(f"the database names no constitution for {self.tenant!r} any more"))
        else:
            self.replace(nothing_allowed(NONE_ACTIVE.format(tenant=self.tenant)))

    def _tell(self, problem: SomaError | None) -> None:
        """Keep the problem, and log a new one; while nothing was ever in force it is why all is denied."""
        if problem is not None and (self.problem is None or self.problem.message != problem.message):
            logger.error("the last valid constitution stays in force: %s", problem.message)
            if not self._began:
                self.replace(nothing_allowed(f"no constitution could be put in force: {problem.message}"))
        self.problem = problem


def read_before(texts: Path) -> None:
    """Read the texts that the folder keeps, in the process that runs are forked from."""
    for text in Folder(texts).texts():
        with contextlib.suppress(BadInput):
            parsed(text)


def _forget_parents() -> None:
    for source in list(_all):
        source._reset()  # noqa: SLF001  # the parent's thread, locks and connections are the parent's


_all: "weakref.WeakSet[ActiveConstitution]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_forget_parents)
