"""What governed calls cost, on real accounts: reserved before the body, settled after it, held to limits."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from blocks.agreement import Vote
from blocks.budgets.accounts import Scope
from blocks.budgets.amounts import UNIT, exact
from blocks.budgets.limits import chain, set_limit
from blocks.budgets.settling import settle_orphans
from blocks.budgets.till import Till
from blocks.calls import Calls
from blocks.context import Authority, RunContext, running
from blocks.errors import ApprovalNeeded, BadInput, PolicyDenied
from blocks.identity import Principal
from blocks.records.database import Database, upgrade
from blocks.records.tenants import ensure_tenant
from blocks.spending import Spending
from tasks.charging import report_use
from tasks.governed import governed_task

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\ndefault: allow\n'
ARTICLE = HEAD + "articles:\n  - {id: L, title: t, stages: [model.request, tool.call], reason: r, "
ASKS = ARTICLE + "when: size(budget.over) > 0, verdict: approve}\n"
DOWNGRADES = (
    ARTICLE.replace(", tool.call", "")
    + "when: \"'node.tokens' in budget.over\", verdict: redact, replace: {model: small}}\n"
)
PRICE = {"large": 1000, "small": 10}


@governed_task(stage="tool.call", action="look.up")
def look_up(word: str) -> str:
    return word


@governed_task(
    stage="model.request",
    action="scripted",
    costs=lambda given: {"tokens": PRICE[given["model"]], "money": 0},
)
async def scripted(prompt: str, model: str, use: int | None = None) -> str:
    """A model whose answers are written down, and that says what it has used."""
    if use is not None:
        report_use(tokens=use)
    if prompt == "fail":
        raise RuntimeError("the model broke off")
    return f"{model}: {prompt}"


@pytest.fixture(scope="session")
def accounts_url(database_url: str) -> str:
    asyncio.run(upgrade(database_url))
    return database_url


class Meter:
    """Contexts of one node's attempts, on accounts in the database."""

    def __init__(self, url: str, under: Callable[..., RunContext]) -> None:
        self.url, self.under = url, under
        self.till = Till(partial(Database, url))
        self.scope = Scope(
            tenant=f"t-{secrets.token_hex(4)}", project=f"prj-{secrets.token_hex(4)}", node="a"
        )
        self.query(lambda database: ensure_tenant(database, self.scope.tenant))

    def query(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            database = Database(self.url)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(whole())

    def attempt(self, text: str = "allow", token: int = 1, **more: Any) -> RunContext:
        """A new attempt at the node; `limits` are those of its accounts, such as `node_tokens=5`."""
        limits: dict[Any, int] = {}
        for name in [name for name in more if name.startswith(("node_", "project_", "tenant_"))]:
            level, _, kind = name.partition("_")
            limits[level, kind] = exact(more.pop(name))
        spending = Spending(
            self.scope,
            till=self.till,
            attempt=f"att-{self.scope.project}-{token}",
            token=token,
            limits=limits,
            accounts=self.query(partial(chain, scope=self.scope)),
        )
        given = {"project": self.scope.project, "node": "a", "calls": Calls(), "token": token}
        return self.under(text, spending=spending, **{**given, **more})

    def spent(self) -> dict[str, tuple[float, float]]:
        """What is reserved and spent in the node's accounts."""
        found = self.query(partial(chain, scope=self.scope))
        return {
            item.kind: (item.reserved / UNIT, item.spent / UNIT) for item in found if item.level == "node"
        }


@pytest.fixture
def meter(accounts_url: str, under: Callable[..., RunContext]) -> Iterator[Meter]:
    made = Meter(accounts_url, under)
    yield made
    asyncio.run(made.till.close())


def call(context: RunContext, *args: Any, **kwargs: Any) -> str:
    with running(context):
        return asyncio.run(scripted.fn(*args, **kwargs))


def test_a_request_is_reserved_at_its_estimate_and_settled_at_its_use(meter):
    """While the body runs the estimate is held; afterwards what it told is spent, no more and no less."""
    seen: list[dict[str, tuple[float, float]]] = []

    @governed_task(stage="model.request", action="m", costs=lambda _: {"tokens": 500, "money": 0})
    def ask() -> None:
        seen.append(meter.spent())
        report_use(tokens=700, money="0.25")

    with running(meter.attempt(node_tokens=1000)):
        ask.fn()

    assert seen == [{"tokens": (500, 0)}]
    assert meter.spent() == {"tokens": (0, 700)}


def test_the_call_after_the_last_is_refused_with_level_kind_limit_and_remedy(meter):
    """Without an article about limits, the answer at a limit is no, and says what would help."""
    context = meter.attempt(project_tool_calls=2)
    with running(context):
        assert [look_up.fn("a"), look_up.fn("b")] == ["a", "b"]
        with pytest.raises(PolicyDenied) as caught:
            look_up.fn("c")

    assert (
        "article budget: the project's 2 tool calls are used up (2 used or reserved)" in caught.value.message
    )
    assert f"soma budgets set tool_calls LIMIT --project {meter.scope.project}" in caught.value.mend
    assert meter.spent() == {"tool_calls": (0, 2)}


def test_a_refused_call_costs_nothing(meter):
    """What an article denies, and what the log cannot record, is never charged."""
    denied = meter.attempt("deny", node_tool_calls=5)
    with running(denied), pytest.raises(PolicyDenied):
        look_up.fn("a")

    assert meter.spent() == {}


def test_a_call_that_cannot_be_recorded_is_given_back(meter, context_under):
    """The reservation of a call whose decision cannot be stored is released."""

    async def fail(rows: Any) -> None:
        raise ConnectionError("the database is gone")

    context = meter.attempt(node_tool_calls=5)
    broken = context_under("allow", take=fail, spending=context.spending, project="p", node="a")
    with running(broken), pytest.raises(ConnectionError):
        look_up.fn("a")

    broken.audit._reset()  # what it could not store is not waited for
    asyncio.run(meter.till.close())
    assert meter.spent() == {"tool_calls": (0, 0)}


def test_the_next_attempt_is_not_charged_for_what_the_last_one_did(meter):
    """Equal calls of a later attempt have the same key; a second equal call of one attempt has another."""
    for token in (1, 2):
        with running(meter.attempt(token=token, node_tool_calls=3)):
            for word in ("a", "a", "b"):
                look_up.fn(word)

    assert meter.spent() == {"tool_calls": (0, 3)}


def test_a_body_that_fails_has_cost_what_it_told_or_what_was_reserved(meter):
    """Nobody knows what a call that broke off has cost, unless it said so."""
    context = meter.attempt(node_tokens=5000)
    for use in (None, 30):
        with suppress(RuntimeError):
            call(context, "fail", "small", use)

    assert meter.spent() == {"tokens": (0, 40)}


def test_a_request_that_says_not_what_it_costs_is_refused_where_that_is_limited(meter):
    """An unknown amount cannot be reserved, so it does not happen; without a limit nobody asks."""

    @governed_task(stage="model.request", action="silent")
    def silent() -> str:
        return "said"

    with running(meter.attempt(tenant_money=1)), pytest.raises(PolicyDenied, match="budget of money"):
        silent.fn()
    with running(meter.attempt()):
        assert silent.fn() == "said"


def test_without_limits_nothing_is_charged_and_no_database_is_asked(meter, monkeypatch):
    """The allow path of what nobody limits does no I/O: its till is never opened."""
    context = meter.attempt()
    monkeypatch.setattr(meter.till, "charge", None)
    with running(context):
        assert look_up.fn("a") == "a"
    assert meter.spent() == {}


def test_a_limit_set_meanwhile_holds_after_the_next_look(meter):
    """What an admin sets is seen when the run looks, and kept exactly from then on."""
    context = meter.attempt()
    ada = Principal(tenant=meter.scope.tenant, name="ada")
    meter.query(lambda database: set_limit(database, Scope(tenant=ada.tenant), "tool_calls", UNIT, by=ada))
    context.spending.look().result()
    with running(context):
        look_up.fn("a")
        with pytest.raises(PolicyDenied, match="the tenant's 1 tool calls are used up"):
            look_up.fn("b")


def test_two_runs_that_do_not_know_of_each_other_keep_one_limit(meter, recorded):
    """The slower one is decided again on the accounts as they are, and the record says so."""
    one, other = meter.attempt(node_tool_calls=1), meter.attempt(token=2, node_tool_calls=1)
    with running(one):
        look_up.fn("a")
    with running(other), pytest.raises(PolicyDenied, match="the node's 1 tool calls are used up"):
        look_up.fn("b")

    other.audit.flush_blocking()
    allowed, refused = recorded[-2:]
    assert (allowed["verdict"], refused["verdict"]) == ("allow", "deny")
    assert refused["instead_of"] == allowed["id"]
    assert meter.spent() == {"tool_calls": (0, 1)}


def test_a_cheaper_model_takes_the_place_of_one_that_is_too_dear(meter, recorded):
    """The argument is replaced before the body and reserved at its own price; both decisions are recorded."""
    context = meter.attempt(DOWNGRADES, node_tokens=1015)

    assert call(context, "one", "large", 1000) == "large: one"
    assert call(context, "two", "large") == "small: two"
    with running(context), pytest.raises(PolicyDenied, match="the node's 1015 tokens do not allow"):
        asyncio.run(scripted.fn("three", "large"))

    context.audit.flush_blocking()
    requests = [row for row in recorded if row["stage"] == "model.request"]
    assert [row["verdict"] for row in requests] == ["allow", "redact", "allow", "redact", "deny"]
    assert requests[2]["replaced"] == {"model": "small"}
    assert requests[2]["instead_of"] == requests[1]["id"]
    assert requests[2]["facts"]["task"]["arguments"]["model"] == "small"
    assert meter.spent() == {"tokens": (0, 1010)}


def test_people_may_let_exactly_one_action_beyond_its_limit(meter):
    """An article asks at the limit; the yes lifts it for that call alone, and the account shows it."""
    with running(meter.attempt(ASKS, node_tool_calls=1)) as context:
        look_up.fn("a")
        with pytest.raises(ApprovalNeeded) as caught:
            look_up.fn("b")
    agreed = {caught.value.action_digest: (Vote(by="ben"),)}
    with running(meter.attempt(ASKS, token=2, approved=agreed, node_tool_calls=1)):
        assert look_up.fn("b") == "b"
        with pytest.raises(ApprovalNeeded):
            look_up.fn("c")

    assert context.spending.used("tool_calls") == 1
    assert meter.spent() == {"tool_calls": (0, 2)}


def test_time_is_told_as_it_goes_on_and_a_dead_run_pays_its_slice(meter):
    """A slice is reserved ahead; of a run that dies, what it told last and its slice are charged."""
    spending = meter.attempt(node_seconds=25).spending
    granted, _ = spending.tell_time(10).result()
    assert granted == 10 * UNIT
    told, accounts = spending.tell_time(40).result()
    assert told < 25 * UNIT
    assert [account.left for account in accounts] == [None, None, 0]
    meter.query(settle_orphans)  # no such attempt lives

    assert meter.spent() == {"seconds": (0, 25)}


def test_a_run_that_ends_pays_the_time_it_took(meter):
    """At the end, what was reserved ahead is given back."""
    spending = meter.attempt(node_seconds=1000).spending
    spending.tell_time(10).result()
    spending.end_time().result()
    reserved, spent = meter.spent()["seconds"]
    assert reserved == 0
    assert 0 < spent <= spending.seconds


def test_nothing_of_an_unknown_kind_is_reported():
    """A misspelt kind is an error, also where nothing is limited."""
    with pytest.raises(BadInput, match="no budget of 'token'"):
        report_use(token=3)


def test_authority_limits_hold_without_a_database(under):
    """A run outside of any attempt counts in its process."""
    authority = Authority(tools={"*": {}}, memory=frozenset(), budget={"tool_calls": 1})
    with running(under("allow", authority=authority)):
        look_up.fn("a")
        with pytest.raises(PolicyDenied, match="the node's 1 tool calls are used up"):
            look_up.fn("b")
