"""Spans as a collector receives them, from processes that end in every way."""

import os
import subprocess
import sys

import pytest

TELLING = """
import asyncio
from blocks.errors import PolicyDenied
from blocks.tracing.spans import carried, is_tracing, say, span, start_tracing, traceparent

start_tracing("test")
start_tracing("again")
assert is_tracing()
with span("outer", {"soma.project": "prj_1"}, kind="server"):
    handed = traceparent()
    assert carried() == {"traceparent": handed}
    with span("inner", {"long": "x" * 2000}) as inner:
        say({"soma.verdict": "allow"})
        inner.rename("renamed")
    try:
        with span("refused"):
            raise PolicyDenied("article seven says no")
    except PolicyDenied:
        pass
    try:
        with span("broken"):
            raise ValueError("a password may stand here")
    except ValueError:
        pass
assert traceparent() is None
with span("elsewhere", parent=handed):
    pass
with span("alone", parent="nonsense"):
    pass

async def several():
    async def one(name):
        with span(name):
            await asyncio.sleep(0.01)
            with span(name + " child"):
                await asyncio.sleep(0)
    await asyncio.gather(one("a"), one("b"))

def generated():
    with span("stream", held=False):
        yield 1
        yield 2

asyncio.run(several())
for _ in generated():
    assert traceparent() is None
items = generated()
next(items)
items.close()
"""


def run(text, **environment):
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", text], env={**ours, **environment}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def told(collector):
    """The spans of one process that told all sorts of things, by name."""
    done = run(TELLING, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_SERVICE_NAME="unit")
    assert done.returncode == 0, done.stderr
    return {span.name: span for span in collector.spans if span.service == "unit-test"}


def test_spans_are_nested(told):
    """What is begun inside a span is its child, also in tasks that run side by side."""
    assert told["renamed"].parent == told["outer"].id
    assert told["a child"].parent == told["a"].id
    assert told["b child"].parent == told["b"].id
    assert told["a"].trace != told["b"].trace


def test_a_trace_goes_on_in_another_process(told):
    """A `traceparent` that was handed on makes one trace of both; a broken one begins a trace of its own."""
    assert (told["elsewhere"].trace, told["elsewhere"].parent) == (told["outer"].trace, told["outer"].id)
    assert told["alone"].parent == ""


def test_spans_say_what_happened(told):
    """Attributes are kept short; what is said later is said of the present span."""
    assert told["outer"].attributes["soma.project"] == "prj_1"
    assert told["renamed"].attributes == {"long": "x" * 500, "soma.verdict": "allow"}


def test_errors_are_told_without_their_secrets(told):
    """A refusal is told in its own words, any other error by its type alone."""
    refused, broken = told["refused"], told["broken"]

    assert (refused.failed, refused.said) == (True, "article seven says no")
    assert refused.attributes["soma.refused"] is True
    assert (broken.failed, broken.said) == (True, "ValueError")
    assert "password" not in str(broken)


def test_a_stream_that_nobody_reads_to_its_end_has_not_failed(told):
    """Closing a generator early is no error."""
    assert not told["stream"].failed


def test_nothing_is_loaded_or_recorded_unless_wanted():
    """Without a collector's address, or switched off, the SDK is not even imported."""
    text = (
        "import sys; from blocks.tracing.spans import *; start_tracing('x')\n"
        "with span('y') as s: s.say({}); s.fail('z'); assert traceparent() is None and carried() == {}\n"
        "assert not is_tracing() and 'opentelemetry.sdk.trace' not in sys.modules"
    )
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}

    for environment in ({}, off):
        done = run(text, **environment)
        assert done.returncode == 0, done.stderr


def test_a_collector_that_is_away_holds_nobody_up():
    """A process whose collector does not answer ends as it would without, its work done."""
    text = "from blocks.tracing.spans import *; start_tracing('x')\nwith span('y'): print('done')"

    done = run(text, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert (done.returncode, done.stdout) == (0, "done\n")
