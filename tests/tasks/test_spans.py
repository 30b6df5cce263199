"""What a collector is told of governed calls."""

import asyncio

import pytest

from blocks.context import running
from blocks.errors import PolicyDenied
from blocks.tracing import spans
from tasks.governed import governed_task

MIXED = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles:
  - {id: A-1, title: t, stages: [tool.call], actions: [shop.burn], verdict: deny, reason: nothing burns here}
"""


@governed_task(stage="tool.call", action="shop.count")
def count(things: list[str]) -> int:
    return len(things)


@governed_task(stage="tool.call", action="shop.burn")
async def burn(things: list[str]) -> int:
    raise AssertionError


@governed_task(stage="tool.call", action="shop.read")
def read(things: list[str]):
    yield from things


@governed_task(stage="tool.call", action="shop.follow")
async def follow(things: list[str]):
    for thing in things:
        yield thing


@pytest.fixture
def told(collector, monkeypatch):
    """Records what is done inside, and returns the spans of it by name."""
    from blocks.tracing.recording import OtlpRecorder

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    recorder = OtlpRecorder("tasks")
    monkeypatch.setattr(spans, "_recorder", recorder)
    before = len(collector.spans)

    def tell():
        recorder.end()
        return {span.name: span for span in collector.spans[before:] if span.service == "soma-tasks"}

    return tell


def test_a_call_is_a_span_with_its_verdict(told, under):
    """Each call is told with the question, the answer and the decision's id, below what called it."""
    with running(under(MIXED)), spans.span("capsule shop"):
        assert count.fn(["a", "b"]) == 2
        with pytest.raises(PolicyDenied):
            asyncio.run(burn.fn(["a"]))
    found = told()
    counted, burnt = found["tool.call shop.count"], found["tool.call shop.burn"]

    assert counted.parent == burnt.parent == found["capsule shop"].id
    assert (counted.attributes["soma.verdict"], counted.failed) == ("allow", False)
    assert (burnt.attributes["soma.verdict"], burnt.failed) == ("deny", True)
    assert "nothing burns here" in burnt.said
    assert counted.attributes["soma.decision"].startswith("dec_")


def test_streams_are_spans_too(told, under):
    """A generator's span lasts until it is read to its end or left, and is nobody's parent."""

    async def all_of() -> list[str]:
        return [thing async for thing in follow.fn(["c", "d"])]

    with running(under("allow")), spans.span("outer"):
        assert list(read.fn(["a", "b"])) == ["a", "b"]
        assert asyncio.run(all_of()) == ["c", "d"]
        assert asyncio.run(_first()) == "e"
    found = told()

    for name in ("tool.call shop.read", "tool.call shop.follow"):
        assert found[name].attributes["soma.verdict"] == "allow"
        assert not found[name].failed
    assert "soma.verdict" not in found["outer"].attributes


async def _first() -> str:
    items = follow.fn(["e", "f"])
    found = await anext(items)
    await items.aclose()
    return found


def test_nothing_of_arguments_or_results_is_told(told, under):
    """Spans hold names and verdicts; what was passed and given back is in none."""
    with running(under("allow")):
        count.fn(["a very private thing"])

    assert "private" not in str(told())
