"""What comes after the body: the decision about its result, its labels, and the record of how it ended."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import Authority, RunContext, running
from blocks.errors import PolicyDenied
from tasks.governed import governed_task

HEAD = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles:
"""
KEY = "AKIA" + "Q3EGRIPZ7XWVLK2M"
RESULTS = (
    HEAD
    + """
  - {id: PRIVATE, title: t, stages: [tool.result], verdict: deny, reason: "{tool.name} told too much",
     when: "has(tool.result) && string(tool.result).contains('private')"}
  - {id: MASK, title: t, stages: [tool.result], verdict: redact, reason: r, when: has_secret(tool.result)}
  - {id: LOUD, title: t, stages: [model.response], verdict: deny, reason: too loud,
     when: "response.text == 'NO'"}
"""
)
WEB = (
    HEAD
    + """
  - {id: FLOW, title: t, stages: [tool.call], actions: [mail.send], verdict: deny, reason: from the web,
     when: "'web_content' in data.labels"}
  - {id: SAW, title: t, stages: [tool.call], actions: [mail.urgent], verdict: deny, reason: after the web,
     when: "history.saw('web_content') || 'web_content' in data.seen"}
  - {id: RATE, title: t, stages: [tool.call], actions: [page.fetch], verdict: deny, reason: too often,
     when: "history.count('tool.call', 'page.*') >= 2"}
  - {id: STUBBORN, title: t, stages: [tool.call], actions: ["*"], verdict: deny, reason: refused before,
     when: "history.refused('tool.call', 'mail.*') >= 2"}
"""
)


@governed_task(stage="tool.call", action="echo")
def echo(value: Any) -> Any:
    return value


@governed_task(stage="tool.call", action="echo")
async def echo_later(value: Any) -> Any:
    return value


@governed_task(stage="tool.call", action="echo")
def echo_each(values: list[Any]) -> Any:
    yield from values


@governed_task(stage="tool.call", action="echo")
async def echo_each_later(values: list[Any]) -> Any:
    for value in values:
        yield value


@governed_task(stage="tool.call", action="page.fetch", labels=("web_content",))
def fetch() -> dict[str, str]:
    return {"owner": "mallory@evil.example", "title": "Weekly news about gardening"}


@governed_task(stage="tool.call", action="mail.send")
def mail(to: str) -> str:
    return to


@governed_task(stage="tool.call", action="mail.urgent")
def mail_urgently(to: str) -> str:
    return to


async def drained(given: Any) -> list[Any]:
    return [item async for item in given]


WAYS: Mapping[str, Callable[[Any], Any]] = {
    "function": echo.fn,
    "coroutine": lambda value: asyncio.run(echo_later.fn(value)),
    "generator": lambda value: next(iter(list(echo_each.fn([value])))),
    "async generator": lambda value: asyncio.run(drained(echo_each_later.fn([value])))[0],
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_tool_gives_is_decided_too(way, under, recorded):
    """A denied result is withheld, a secret in one masked, and both decisions are on record."""
    context = under(RESULTS)
    with running(context):
        assert WAYS[way]("fine") == "fine"
        assert WAYS[way](f"key {KEY}") == "key [redacted]"
        with pytest.raises(PolicyDenied, match="echo told too much; it has happened, but what it gave is"):
            WAYS[way]("a private word")
    context.audit.flush_blocking()

    assert [(row["stage"], row["verdict"]) for row in recorded] == [
        ("tool.call", "allow"),
        ("tool.result", "allow"),
        ("tool.call", "allow"),
        ("tool.result", "redact"),
        ("tool.call", "allow"),
        ("tool.result", "deny"),
    ]
    assert [row["outcome"] for row in recorded.outcomes] == ["completed"] * 3


def test_a_secret_that_cannot_be_masked_is_withheld(under):
    """A secret inside of an object that cannot be rebuilt is not handed out."""

    class Odd(tuple):
        __slots__ = ()

    mask = "  - {id: MASK, title: t, stages: [tool.result], verdict: redact, reason: r}\n"
    with running(under(HEAD + mask)), pytest.raises(PolicyDenied, match="cannot be masked"):
        echo.fn(Odd((KEY,)))


def test_an_article_cannot_ask_people_about_what_has_happened(under, monkeypatch):
    """A hook that asks for people at a result withholds it: after a yes the effect would happen twice."""
    from tasks import hooks

    class Asks:
        name = "asks"

        def check(self, action: Any, context: Any) -> Any:
            wants = action.stage == "tool.result"
            return hooks.refusal(action, self.name, "ask", verdict="approve") if wants else None

    monkeypatch.setattr(hooks, "hooks", lambda: (hooks.ConstitutionHook(), Asks()))
    with running(under("allow")), pytest.raises(PolicyDenied, match="withheld"):
        echo.fn("x")


def test_what_a_model_says_is_decided_too(under):
    """The stage model.response sees the text of what the model gave."""

    @governed_task(stage="model.request", action="ask", facts=lambda _: {"model": {"name": "m"}})
    def complete(prompt: str) -> dict[str, Any]:
        return {"text": prompt.upper(), "tool_calls": []}

    with running(under(RESULTS)):
        assert complete.fn("yes")["text"] == "YES"
        with pytest.raises(PolicyDenied, match="too loud"):
            complete.fn("no")


def test_every_ending_is_recorded(under, recorded):
    """Completed with the digest of the result, failed with the error, cancelled when it was stopped."""

    @governed_task(stage="tool.call", action="work")
    async def work(how: str) -> Any:
        if how == "fail":
            raise ValueError("no")
        if how == "hang":
            await asyncio.sleep(60)
        return [1, "two"]

    async def play() -> None:
        await work.fn("well")
        with pytest.raises(ValueError, match="no"):
            await work.fn("fail")
        hanging = asyncio.create_task(work.fn("hang"))
        await asyncio.sleep(0.05)
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)

    context = under(
        "allow", authority=Authority(tools={"*": {}}, memory=frozenset(), budget={"tool_calls": 9})
    )
    with running(context):
        asyncio.run(play())
    context.audit.flush_blocking()

    told = [(row["outcome"], row["error"], row["budget"]["tool_calls"]) for row in recorded.outcomes]
    assert told == [("completed", None, 1), ("failed", "ValueError", 2), ("cancelled", "CancelledError", 3)]
    expected = hashlib.sha256(b'[1,"two"]').hexdigest()
    assert [row["result_sha256"] for row in recorded.outcomes] == [expected, None, None]
    calls = [row for row in recorded if row["stage"] == "tool.call"]
    assert [row["decision"] for row in recorded.outcomes] == [row["id"] for row in calls]
    assert [row["budget"]["tool_calls"] for row in calls] == [0, 1, 2]


def test_a_refused_body_has_no_ending(under, recorded):
    """What did not run did not end."""
    context = under("deny")
    with running(context), pytest.raises(PolicyDenied):
        echo.fn(1)
    context.audit.flush_blocking()

    assert recorded.outcomes == []


def test_what_came_from_the_web_is_not_mailed(under, recorded):
    """Values keep where they come from: the request's address passes, the page's does not."""
    context = under(WEB)
    context.trail.trust("please write to ann@example.org")
    with running(context):
        assert mail_urgently.fn("ann@example.org") == "ann@example.org"
        page = fetch.fn()
        assert mail.fn("ann@example.org") == "ann@example.org"
        with pytest.raises(PolicyDenied, match="article FLOW: from the web"):
            mail.fn(page["owner"])
        with pytest.raises(PolicyDenied, match="article SAW: after the web"):
            mail_urgently.fn("ann@example.org")
    context.audit.flush_blocking()

    assert recorded[-1]["labels"] == ["tool_output", "web_content"]


def test_earlier_actions_count(under):
    """Counts and refusals of the project's past decide, and what is refused does not count as done."""
    with running(under(WEB)):
        fetch.fn()
        fetch.fn()
        with pytest.raises(PolicyDenied, match="article RATE"):
            fetch.fn()
        for _ in range(2):
            with pytest.raises(PolicyDenied, match="article SAW"):
                mail_urgently.fn("x")
        with pytest.raises(PolicyDenied, match="article STUBBORN"):
            echo.fn("anything")


class Shadowed(ConstitutionSource):
    """A source with a candidate in shadow mode."""

    candidate: Any = None

    def shadow(self) -> Constitution | None:
        if isinstance(self.candidate, Exception):
            raise self.candidate
        return self.candidate


@pytest.mark.parametrize("candidate", ["deny", "broken", "raises"])
def test_a_shadow_has_no_effect(candidate, under, recorded, context_under):
    """What a candidate would have said is on record; it stops nothing, even when it breaks."""
    context: RunContext = under("allow")
    source = Shadowed(context.constitution.current())
    verdicts = {"deny": parse_constitution(HEAD.replace("default: allow", "default: deny") + "  []\n", "s")}
    source.candidate = verdicts.get(candidate, object() if candidate == "broken" else OSError("away"))
    with running(replace(context, constitution=source)):
        assert echo.fn(1) == 1
    context.audit.flush_blocking()

    expected = ["deny", "deny"] if candidate == "deny" else [None, None]
    assert [(row.get("shadow") or {}).get("verdict") for row in recorded] == expected


def test_the_context_tells_all_it_knows(under, recorded):
    """For whom an agent acts, what runs where, and what is left of the budget, at every stage."""
    text = HEAD + (
        "  - {id: F, title: t, stages: [tool.call], verdict: deny, reason: '{capsule.digest}', when: \""
        "principal.on_behalf_of == 'ann' && environment.name == 'production' && environment.runtime == 'pod'"
        " && capsule.owner == 'tests' && node.budget.tool_calls == 3.0 && budget.tool_calls_left == 3.0"
        ' && !has(budget.seconds_left)"}\n'
    )
    context = under(
        text,
        authority=Authority(tools={"*": {}}, memory=frozenset(), budget={"tool_calls": 3}),
        environment="production",
        runtime="pod",
        capsule="toy",
        capsule_owner="tests",
        capsule_digest="sha256:1",
    )
    context = replace(context, principal=replace(context.principal, kind="agent", on_behalf_of="ann"))
    with running(context), pytest.raises(PolicyDenied, match="article F: sha256:1"):
        echo.fn(1)
    context.audit.flush_blocking()

    assert recorded[0]["principal"]["on_behalf_of"] == "ann"
    assert recorded[0]["capsule"]["digest"] == "sha256:1"
