"""What a run may still use up, level by level, and what it reserves of it.

A run that belongs to an attempt charges the accounts in the database, which all runs share; any other counts
in this process alone. What is known of the accounts is as old as the last charge or look; a reservation is
always decided on the accounts themselves.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from blocks.budgets.accounts import Account, Answer, Charge, Excess, Place, Scope, exceeded
from blocks.budgets.amounts import UNIT, Amounts, exact, kind_of
from blocks.budgets.limits import chain
from blocks.budgets.reserving import reserve
from blocks.budgets.settling import paid, release, settle
from blocks.budgets.till import Till
from blocks.budgets.timing import KIND, Told, tell_time

NO_LIMITS: Mapping[str, Any] = {"left": {}, "over": []}


class Spending:
    """The accounts as this run knows them; safe from several threads."""

    def __init__(
        self,
        scope: Scope | None = None,
        *,
        till: Till | None = None,
        attempt: str | None = None,
        token: int | None = None,
        limits: Mapping[Place, int] | None = None,
        accounts: Iterable[Account] = (),
    ) -> None:
        self.scope = scope or Scope(tenant="")
        self.attempt = attempt
        self._run = secrets.token_hex(8)
        self.token = token
        self.time = (0, 0)
        """Of the seconds in the accounts, what this run has settled and what it has reserved."""
        self._till = till
        self._timed = False
        self._limits = dict(limits or {})
        self._accounts = {
            place: Account(level=place[0], kind=place[1], most=most) for place, most in self._limits.items()
        }
        self._accounts.update({account.place: account for account in accounts})
        self._planned: Mapping[str, float] | None = None
        self._charges: dict[str, Amounts] = {}
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def has_limits(self) -> bool:
        """Whether any account is known, so that actions may have to be charged."""
        return bool(self._accounts)

    def key(self, call: str) -> str:
        """The id of the charge for a call with this idempotency key.

        Outside of a node nobody makes a call again, so the same call of another run is charged as well.
        """
        return call if self.scope.node else f"{self._run}:{call}"

    def used(self, kind: str) -> float:
        """What this run has been charged of the kind in this process."""
        return self._used[kind] / UNIT

    def used_up(self) -> dict[str, float]:
        """The same for every kind that it was charged of; whole numbers as such."""
        found = {kind: amount / UNIT for kind, amount in self._used.items() if amount}
        return {kind: int(amount) if amount.is_integer() else amount for kind, amount in found.items()}

    def plan(self, budget: Mapping[str, float]) -> "Spending":
        """The same, with the limits that the plan gave to the node."""
        if budget is not self._planned:
            with self._lock:
                for name, most in budget.items():
                    place: Place = ("node", kind_of(name))
                    self._limits.setdefault(place, exact(most))
                    self._accounts.setdefault(place, Account(level="node", kind=name, most=exact(most)))
                self._planned = budget
        return self

    def learn(self, accounts: Iterable[Account]) -> None:
        """Take over how the accounts stand now."""
        with self._lock:
            self._accounts.update({account.place: account for account in accounts})

    def limited(self, costs: Amounts) -> dict[str, int]:
        """Those of the costs that some account limits; the others are not counted."""
        if not costs or not self._accounts:
            return {}
        kinds = {account.kind for account in self._accounts.values() if account.most is not None}
        return {kind: amount for kind, amount in costs.items() if kind in kinds}

    def excess(self, costs: Amounts) -> tuple[Excess, ...]:
        """The limits that an action of these costs would exceed, as far as is known here.

        Time needs no amount: whoever has none left starts nothing more.
        """
        if not self._accounts:
            return ()
        return exceeded(map(self._now, list(self._accounts.values())), {"seconds": 1, **costs})

    def facts(self, over: Iterable[Excess]) -> Mapping[str, Any]:
        """What conditions see as `budget`."""
        if not self._accounts:
            return NO_LIMITS
        left: dict[str, float] = {}
        least: dict[str, float] = {}
        for account in map(self._now, list(self._accounts.values())):
            if account.left is not None:
                rest = account.left / UNIT
                left[f"{account.level}.{account.kind}"] = rest
                name = f"{account.kind}_left"
                least[name] = min(rest, least.get(name, rest))
        return {**least, "left": left, "over": [str(item) for item in over]}

    def reserve(self, key: str, costs: Amounts, *, action: str = "", lifted: bool = False) -> Future[Answer]:
        """Reserve what is limited of the costs; the answer tells the limits in the way, if any are."""
        charge = self._charge(key, costs, action=action, lifted=lifted)
        if self._till is None:
            return _done(self._reserve_here(charge))
        return self._learning(self._till.charge(partial(reserve, charge=charge)), charge)

    def settle(self, key: str, used: Amounts | None = None) -> Future[Any]:
        """Tell what the action has cost; of a kind that is not told, what was reserved."""
        if self._till is None:
            self._close_here(key, used or {})
            return _done(())
        return self._watched(self._till.charge(partial(settle, key=key, used=used, token=self.token)))

    def release(self, key: str) -> Future[Any]:
        """Give back what was reserved for an action that has not happened."""
        if self._till is None:
            self._close_here(key, None)
            return _done(())
        with self._lock:
            self._used.subtract(self._charges.pop(key, {}))
        return self._watched(self._till.charge(partial(release, key=key, token=self.token)))

    def takes_time(self) -> bool:
        """Whether whoever asks is the first to ask: that one tells the time, and ends it."""
        with self._lock:
            first, self._timed = not self._timed, True
            return first

    def tell_time(self, ahead: float, *, lifted: bool = False) -> Future[Told]:
        """Charge the seconds that this run has used so far, and reserve as many ahead as the limits leave.

        What is granted is 0 once the time is used up. Where nothing limits time, or the run belongs to no
        attempt, everything is granted and nothing charged.
        """
        amounts = {KIND: exact(ahead)}
        if self._till is None or self.attempt is None or not self.limited(amounts):
            return _done((exact(ahead), ()))
        used = exact(round(self.seconds, 6))
        charge = self._charge(self.time_key, amounts, action="time", lifted=lifted)
        told = self._till.charge(partial(tell_time, charge=charge, used=used))

        def take(done: Future[Told]) -> None:
            if not done.cancelled() and not done.exception():
                granted, accounts = done.result()
                self.time = (used, granted)
                self.learn(accounts)

        told.add_done_callback(take)
        return told

    def end_time(self) -> Future[Any]:
        """Settle the time at what this run has really used."""
        if self._till is None or self.time == (0, 0):
            return _done(())
        used = {KIND: exact(round(self.seconds, 6))}
        return self._watched(
            self._till.charge(partial(settle, key=self.time_key, used=used, token=self.token))
        )

    @property
    def time_key(self) -> str:
        return f"seconds:{self.attempt}"

    def unpaid(self, key: str, costs: Amounts) -> Future[Amounts]:
        """What of the costs was not charged to this call before, when an earlier attempt made it."""
        if self._till is None or not costs:
            return _done(costs)
        asked = self._till.charge(partial(paid, key=key))
        found: Future[Amounts] = Future()

        def take(done: Future[dict[str, int]]) -> None:
            if (error := done.exception()) is not None:
                found.set_exception(error)
            else:
                had = done.result()
                found.set_result(
                    {kind: amount for kind, amount in costs.items() if had.get(kind, 0) < amount}
                )

        asked.add_done_callback(take)
        return found

    def look(self) -> Future[Any]:
        """Bring what is known of the accounts up to date."""
        if self._till is None:
            return _done(())
        return self._watched(self._till.charge(partial(chain, scope=self.scope)))

    def _charge(self, key: str, amounts: Amounts, *, action: str, lifted: bool) -> Charge:
        return Charge(
            key=key,
            scope=self.scope,
            amounts=amounts,
            action=action,
            attempt=self.attempt,
            token=self.token,
            limits=self._limits,
            lifted=lifted,
        )

    def _now(self, account: Account) -> Account:
        """The account with the time that this run has really used instead of what it has told."""
        if account.kind != "seconds":
            return account
        settled, reserved = self.time
        return account.moved(reserved=-reserved, spent=exact(round(self.seconds, 6)) - settled)

    def _learning(self, answer: Future[Answer], charge: Charge) -> Future[Answer]:
        def take(done: Future[Answer]) -> None:
            if done.cancelled() or done.exception():
                return
            found = done.result()
            self.learn(found.accounts)
            if not found.over:
                with self._lock:
                    self._charges[charge.key] = charge.amounts
                    self._used.update(charge.amounts)

        answer.add_done_callback(take)
        return answer

    def _watched(self, accounts: Future[Any]) -> Future[Any]:
        def take(done: Future[Any]) -> None:
            if not done.cancelled() and not done.exception():
                self.learn(done.result())

        accounts.add_done_callback(take)
        return accounts

    def _reserve_here(self, charge: Charge) -> Answer:
        with self._lock:
            if charge.key in self._charges:
                return Answer(accounts=())
            over = () if charge.lifted else exceeded(self._accounts.values(), charge.amounts)
            if not over:
                self._move(charge.amounts)
                self._charges[charge.key] = charge.amounts
                self._used.update(charge.amounts)
            return Answer(accounts=(), over=over)

    def _close_here(self, key: str, used: Amounts | None) -> None:
        """Put right what was reserved by what it has cost; None gives all of it back."""
        with self._lock:
            reserved = self._charges.get(key, {})
            if used is None:
                self._charges.pop(key, None)
                self._used.subtract(reserved)
            told = {kind: 0 if used is None else used.get(kind, amount) for kind, amount in reserved.items()}
            self._move({kind: told[kind] - amount for kind, amount in reserved.items()})
            if used is not None:
                self._charges[key] = told

    def _move(self, amounts: Amounts) -> None:
        for place, account in self._accounts.items():
            self._accounts[place] = replace(account, spent=account.spent + amounts.get(account.kind, 0))


def _done(result: Any) -> Future[Any]:
    found: Future[Any] = Future()
    found.set_result(result)
    return found
