"""Accounts from the tenant over the project to the node, and what goes beyond their limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, get_args

from blocks.budgets.amounts import WORDS, Amounts, written

Level = Literal["tenant", "project", "node"]
LEVELS: tuple[Level, ...] = get_args(Level)
Place = tuple[Level, str]
"""One account of a chain: its level and its kind."""
_NOTHING: Mapping[Place, int] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Whose accounts are charged: the tenant's, and those of the project and the node where there are any."""

    tenant: str
    project: str = ""
    node: str = ""
    """A node that is done anew by a person's wish has accounts of its own: `NODE#2`."""

    def owners(self) -> dict[Level, tuple[str, str]]:
        """The levels of the chain with the project and the node that own the accounts there."""
        found: dict[Level, tuple[str, str]] = {"tenant": ("", "")}
        if self.project:
            found["project"] = (self.project, "")
        if self.project and self.node:
            found["node"] = (self.project, self.node)
        return found


def level_of(project: str, node: str) -> Level:
    """The level of the account that this project and node own."""
    if node:
        return "node"
    return "project" if project else "tenant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """How one account stands, in millionths."""

    level: Level
    kind: str
    most: int | None = None
    """The limit; None is none."""
    reserved: int = 0
    spent: int = 0

    @property
    def place(self) -> Place:
        return self.level, self.kind

    @property
    def left(self) -> int | None:
        """What may still be reserved; less than nothing where a limit was lifted or lowered."""
        return None if self.most is None else self.most - self.reserved - self.spent

    def moved(self, *, reserved: int = 0, spent: int = 0) -> "Account":
        return replace(self, reserved=self.reserved + reserved, spent=self.spent + spent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """What is reserved for one action before it happens."""

    key: str
    """The action's idempotency key: however often it is asked for, it is charged once."""
    scope: Scope
    amounts: Amounts
    action: str = ""
    attempt: str | None = None
    """The id of the attempt that acts; without one the charge counts as orphaned after a while."""
    token: int | None = None
    """The attempt's fencing token: what an older one says of the charge no longer counts."""
    limits: Mapping[Place, int] = field(default_factory=lambda: _NOTHING)
    """The limits of accounts that do not exist yet."""
    lifted: bool = False
    """Whether people let this action go beyond its limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """A limit that an action would exceed."""

    account: Account
    wanted: int

    def __str__(self) -> str:
        """`LEVEL.KIND`, as `budget.over` has it."""
        return f"{self.account.level}.{self.account.kind}"

    @property
    def reason(self) -> str:
        account, words = self.account, WORDS[self.account.kind]
        used = account.spent + account.reserved
        whole = f"the {account.level}'s {written(account.most or 0)} {words}"
        if used >= (account.most or 0):
            return f"{whole} are used up ({written(used)} used or reserved)"
        return f"{whole} do not allow {written(self.wanted)} more ({written(used)} used or reserved)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Whether something was reserved, and how the accounts of the chain stand after it."""

    accounts: tuple[Account, ...]
    over: tuple[Excess, ...] = ()
    """The limits in the way; with any, nothing is reserved."""


def exceeded(accounts: Iterable[Account], amounts: Amounts) -> tuple[Excess, ...]:
    """The limits that taking these amounts as well would exceed."""
    return tuple(
        Excess(account=account, wanted=amounts[account.kind])
        for account in accounts
        if amounts.get(account.kind, 0) > 0
        and account.left is not None
        and account.left < amounts[account.kind]
    )
