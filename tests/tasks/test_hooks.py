"""The hooks in their order: context, authority, constitution, budget, and those of other packages."""

import asyncio
import functools
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import EntryPoint
from typing import Any, Self

import pytest

from blocks.agreement import Vote
from blocks.context import Authority, RunContext, running
from blocks.errors import ApprovalNeeded, PolicyDenied
from tasks import hooks as hooks_module
from tasks.governed import decide, governed_task
from tasks.hooks import hooks, refusal

REDACT = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles:
  - {id: R, title: t, stages: [notification], verdict: redact, reason: r, when: has_secret(task.arguments)}
"""


@governed_task(stage="tool.call", action="bandit.scan")
def scan(limit: int = 5, root: str = "/srv/p1", deep: bool = False) -> str:
    return f"{limit} {root}"


@governed_task(
    stage="memory.write", action="remember", facts=lambda given: {"memory": {"scope": given["scope"]}}
)
def remember(scope: str) -> str:
    return scope


def authority(tools: dict[str, Any] | None = None, **budget: float) -> Authority:
    return Authority(tools=tools or {"bandit.*": {}}, memory=frozenset({"project"}), budget=budget)


def refused(call: Callable[[], Any], context: RunContext) -> str:
    """The message of the refusal that the call ends with."""
    with running(context), pytest.raises(PolicyDenied) as caught:
        call()
    return caught.value.message


def allowed(call: Callable[[], Any], context: RunContext) -> Any:
    with running(context):
        return call()


def test_without_a_context_everything_is_denied():
    """Nobody says who acts: the body does not run, and `decide` denies too."""
    with pytest.raises(PolicyDenied, match="there is no run context"):
        scan.fn()
    with pytest.raises(PolicyDenied, match="there is no run context"):
        asyncio.run(decide("project.launch", "x", {}))


def test_a_node_calls_its_own_tools_only(under):
    """A tool that was not planned is refused, and the message says what there is."""
    message = refused(scan.fn, under("allow", authority=authority({"git.log": {}})))

    assert message.startswith("article authority: the node has no tool 'bandit.scan'; it has git.log")


def test_a_function_that_only_looks_sealed_is_sealed():
    """What `functools.wraps` copies from a governed function does not count as a seal."""
    ran: list[int] = []

    @governed_task
    @functools.wraps(scan.fn)
    def pretender() -> None:
        ran.append(1)

    with pytest.raises(PolicyDenied):
        pretender.fn()
    assert ran == []


def test_a_function_put_into_the_task_later_is_sealed():
    """Assigning `fn` does not leave the seal out."""
    ran: list[int] = []
    task = governed_task(lambda: ran.append(1))
    task.fn = lambda: ran.append(2)

    with pytest.raises(PolicyDenied):
        task.fn()
    assert ran == []


@pytest.mark.parametrize(
    ("limits", "fine"),
    [
        ({}, True),
        ({"limit": 5}, True),
        ({"limit": 4}, False),
        ({"limit": {"min": 3, "max": 9}}, True),
        ({"limit": {"min": 6}}, False),
        ({"root": "/srv/*"}, True),
        ({"root": "/etc/*"}, False),
        ({"root": ["/srv/p1", "/srv/p2"]}, True),
        ({"root": ["/srv/p2"]}, False),
        ({"deep": False}, True),
        ({"deep": True}, False),
        ({"unknown": 3}, False),
        ({"limit": {"maximum": 9}}, False),
        ({"root": 5}, False),
        ({"limit": None}, False),
    ],
)
def test_arguments_keep_to_their_limits(limits, fine, under):
    """Bounds, globs, lists and equality; a limit that fits nothing or is not understood refuses."""
    context = under("allow", authority=authority({"bandit.scan": limits}))

    if fine:
        assert allowed(scan.fn, context) == "5 /srv/p1"
    else:
        assert "article authority: the argument" in refused(scan.fn, context)


def test_an_exact_name_outranks_a_glob_and_globs_add_up(under):
    """The exact entry is the tool's own; without one every glob that fits must be kept."""
    exact = under("allow", authority=authority({"bandit.*": {"limit": 1}, "bandit.scan": {}}))
    globs = under("allow", authority=authority({"bandit.*": {}, "*.scan": {"limit": 1}}))

    assert allowed(scan.fn, exact) == "5 /srv/p1"
    assert "beyond its limit (max 1)" in refused(scan.fn, globs)


def test_memory_keeps_to_the_scopes_of_the_node(under):
    """A scope that was not planned is refused."""
    context = under("allow", authority=authority())

    assert allowed(lambda: remember.fn("project"), context) == "project"
    assert "no memory scope 'tenant'; it has project" in refused(lambda: remember.fn("tenant"), context)


def test_facts_that_cannot_be_had_deny(under):
    """A facts function that fails is no way past the guard."""

    @governed_task(facts=lambda given: {"memory": given["absent"]})
    def step() -> None: ...

    assert "its facts cannot be had" in refused(step.fn, under("allow"))


def test_tool_calls_are_counted_for_the_node(under):
    """The call after the last is refused; refused calls cost nothing."""
    context = under("allow", authority=authority({"bandit.scan": {"limit": 5}}, tool_calls=2))

    refused(lambda: scan.fn(limit=9), context)
    allowed(scan.fn, context)
    allowed(scan.fn, context)
    assert "the node's 2 tool calls are used up" in refused(scan.fn, context)


def test_two_threads_cannot_overspend(under):
    """Of many calls at once exactly the budget's number passes."""
    context = under("allow", authority=authority(tool_calls=50))
    passed: list[str] = []

    def work() -> None:
        for _ in range(20):
            with suppress(PolicyDenied):
                passed.append(allowed(scan.fn, context))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 50


def test_a_node_out_of_time_asks_no_tool(under):
    """The budget's seconds end tool calls."""
    assert "0 seconds are used up" in refused(scan.fn, under("allow", authority=authority(seconds=0)))


class Curfew:
    name = "curfew"

    def check(self, action: Any, context: Any) -> Any:
        return refusal(action, self.name, "it is night")


class Broken:
    name = "broken"

    def check(self, action: Any, context: Any) -> Any:
        raise RuntimeError("oops")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (f"{Curfew.__module__}:Curfew", "article curfew: it is night"),
        (f"{Broken.__module__}:Broken", "article extra: the hook cannot be loaded"),
        ("no.such.module:Hook", "article extra: the hook cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_hooks_of_other_packages_are_asked_last(value, message, under, monkeypatch):
    """They come from the entry point group; one that cannot be loaded denies, and a refusal is refunded."""
    entry = EntryPoint("extra", value, hooks_module.ENTRY_POINTS)
    loaded = {"Curfew": Curfew, "Broken": Broken}.get(value.partition(":")[2])
    if loaded:
        monkeypatch.setattr(EntryPoint, "load", lambda _: loaded)
        message = {"Curfew": message, "Broken": "article broken: the check failed: RuntimeError"}[
            loaded.__name__
        ]
    monkeypatch.setattr(hooks_module, "entry_points", lambda **_: [entry])
    hooks.cache_clear()
    context = under("allow", authority=authority(tool_calls=1))
    try:
        assert message in refused(scan.fn, context)
        assert context.spending.used("tool_calls") == 0
    finally:
        monkeypatch.undo()
        hooks.cache_clear()


def test_an_approval_opens_exactly_the_action_it_was_given_for(under):
    """The digest that the refusal carries lets this call pass and no other."""
    context = under("approve", project="prj_1", node="security")
    with running(context), pytest.raises(ApprovalNeeded) as caught:
        scan.fn(limit=3)
    approved = under(
        "approve", project="prj_1", node="security", approved={caught.value.action_digest: (Vote(by="ben"),)}
    )

    assert caught.value.article == "A-1"
    assert allowed(lambda: scan.fn(limit=3), approved) == "3 /srv/p1"
    for elsewhere in (
        approved,
        under("approve", project="prj_2", node="security", approved=approved.approved),
    ):
        with running(elsewhere), pytest.raises(ApprovalNeeded):
            scan.fn(limit=3 if elsewhere is not approved else 4)


def test_redact_masks_secrets_in_the_arguments(under):
    """The body gets the masked text, and every other argument as it was."""

    @governed_task(stage="notification", action="mail")
    def mail(body: str, parts: list[Any]) -> Any:
        return body, parts

    found = allowed(
        lambda: mail.fn("key AKIAIOSFODNN7EXAMPLE", [{"x": "AKIAIOSFODNN7EXAMPLE"}, 3]), under(REDACT)
    )

    assert found == ("key [redacted]", [{"x": "[redacted]"}, 3])


def test_an_approved_call_is_still_masked(under):
    """What people agreed to does not outrank an article that redacts."""
    text = REDACT + "  - {id: A, title: t, stages: [notification], verdict: approve, reason: r}\n"

    @governed_task(stage="notification", action="mail")
    def mail(body: str) -> str:
        return body

    with running(under(text)), pytest.raises(ApprovalNeeded) as caught:
        mail.fn("key AKIAIOSFODNN7EXAMPLE")
    approved = under(text, approved={caught.value.action_digest: (Vote(by="ben"),)})

    assert allowed(lambda: mail.fn("key AKIAIOSFODNN7EXAMPLE"), approved) == "key [redacted]"


class Odd(tuple):
    """A tuple that `redacted` does not rebuild."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        return super().__new__(cls, (text,))


def test_a_secret_that_cannot_be_masked_is_refused(under):
    """A secret inside of a value that cannot be rebuilt does not pass."""

    @governed_task(stage="notification", action="mail")
    def mail(letter: Odd) -> None: ...

    text = REDACT.replace(", when: has_secret(task.arguments)", "")
    assert "cannot be redacted" in refused(lambda: mail.fn(Odd("AKIAIOSFODNN7EXAMPLE")), under(text))


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_an_effect_is_recorded_before_its_body_runs(kind, under, recorded):
    """The body finds its own decision stored."""

    def function() -> int:
        return len(recorded)

    async def coroutine() -> int:
        return len(recorded)

    task = governed_task(effect=True, action="publish")(function if kind == "function" else coroutine)
    with running(under("allow")):
        found = task.fn() if kind == "function" else asyncio.run(task.fn())

    assert found == 1


def test_an_effect_whose_decision_cannot_be_stored_does_not_happen(context_under):
    """A failing audit log keeps the body from running."""
    ran: list[int] = []

    async def fail(rows: Any) -> None:
        if not mended:
            raise ConnectionError("the database is gone")

    mended: list[int] = []

    @governed_task(effect=True)
    def publish() -> None:
        ran.append(1)

    with running(context_under("allow", take=fail)), pytest.raises(ConnectionError):
        publish.fn()
    mended.append(1)

    assert ran == []


def test_a_decision_that_cannot_be_recorded_is_a_refusal(under):
    """A closed audit log denies."""
    context = under("allow")
    asyncio.run(context.audit.close())

    assert "the guard failed: Unavailable" in refused(scan.fn, context)


def test_decide_is_recorded_and_can_be_durable(under, recorded):
    """Outside of tasks the same question gives the same record."""
    with running(under("allow", project="prj_1")):
        decision = asyncio.run(
            decide("capsule.start", "survey", {"capsule": {"name": "survey"}}, effect=True)
        )

    assert decision.verdict == "allow"
    assert [(row["id"], row["stage"], row["project"]) for row in recorded] == [
        (decision.id, "capsule.start", "prj_1")
    ]


def test_nobody_can_speak_for_another_principal_through_facts(under, recorded):
    """Facts of an action do not replace who acts."""
    text = REDACT.partition("  - {id: R")[0] + (
        "  - {id: P, title: t, stages: [task], verdict: deny, reason: '{principal.name}', "
        "when: principal.name != 'root'}\n"
    )

    @governed_task(facts=lambda _: {"principal": {"name": "root"}})
    def step() -> None: ...

    assert refused(step.fn, under(text)) == "article P: ada"
