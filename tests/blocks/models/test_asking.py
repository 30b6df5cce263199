"""One request to a model over a real socket: both manners, and what goes wrong on the way."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.models.asked import ModelDown, ModelRefused, without_passing
from blocks.models.endpoints import Candidate, Endpoint
from blocks.models.pydantic_side import asking
from blocks.models.pydantic_side.conversing import asked_messages, converse, response_of

HELLO = [{"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "hello"}]}]
READ = {
    "function_tools": [
        {
            "name": "files__read",
            "description": "Read a file.",
            "parameters_json_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
        }
    ]
}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.01)


def candidate(server: Any, provider: str = "openai", **fields: Any) -> Candidate:
    url = server.url if provider == "anthropic" else f"{server.url}/v1"
    place = Endpoint(name="test", provider=provider, url=url, key="sk-secret-of-the-test", **fields)
    return Candidate(endpoint=place, model="scripted")


def ask(server: Any, provider: str = "openai", **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = asyncio.run(
        converse(candidate(server, provider, **fields), HELLO, READ, {"max_tokens": 100})
    )
    return found


@pytest.mark.parametrize("provider", ["openai", "anthropic", "ollama"])
def test_an_answer_comes_whole_with_its_tool_calls_and_its_use(model_server: Any, provider: str) -> None:
    """Streamed by the provider, it is handed out only when all of it is there."""
    model_server.says(model_server.call("files.read", path="a.txt"), model_server.text("one two three"))
    called = ask(model_server, provider)
    said = ask(model_server, provider)

    assert called["tool_calls"] == [{"name": "files.read", "arguments": {"path": "a.txt"}}]
    assert said["text"].strip() == "one two three"
    assert (said["input_tokens"], said["output_tokens"]) == (100, 20)
    assert all(body["stream"] and body["tools"] for body in model_server.asked)
    assert "sk-secret-of-the-test" in str(model_server.asked[0]["headers"])


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_what_passes_is_asked_again(model_server: Any, provider: str) -> None:
    """Too many requests, a fault of the server, a cut connection and nonsense: it is asked once more."""
    model_server.says(
        model_server.status(429, retry_after=0),
        model_server.status(500),
        model_server.cut(model_server.text("the beginning of a long answer")),
        model_server.garbage(),
        model_server.text("at last"),
    )

    assert ask(model_server, provider, tries=5)["text"].strip() == "at last"
    assert len(model_server.asked) == 5


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_that_never_answers_is_asked_within_bounds(model_server: Any, provider: str) -> None:
    """The error says which model and what it answered; nobody waits longer than it is worth."""
    model_server.says(*[model_server.status(503)] * 9)
    with pytest.raises(ModelDown, match=r"scripted \(test\) does not answer as it should"):
        ask(model_server, provider, tries=3)
    assert len(model_server.asked) == 3

    model_server.says(model_server.status(429, retry_after=3600), to="hello")
    with pytest.raises(ModelDown):
        ask(model_server, provider, tries=1)


def test_a_silent_model_is_given_up(model_server: Any) -> None:
    """One that says nothing for as long as its endpoint allows does not answer."""
    model_server.says(model_server.late(model_server.text("too late"), 5))
    with pytest.raises(ModelDown, match="Timeout"):
        ask(model_server, timeout=0.2, tries=1)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not take the key"), (404, "not known"), (400, "take")]
)
def test_a_refusal_is_not_asked_again_and_shows_no_key(model_server: Any, status: int, words: str) -> None:
    """Asking the same once more would be no use."""
    model_server.says(*[model_server.status(status)] * 3)
    with pytest.raises(ModelRefused, match=words) as refused:
        ask(model_server)

    assert len(model_server.asked) == 1
    assert "sk-secret" not in refused.value.message


def test_nothing_that_is_not_there_answers() -> None:
    """A closed port is a model that is down."""
    place = Endpoint(name="gone", provider="openai", url="http://127.0.0.1:9/v1", tries=1)
    with pytest.raises(ModelDown, match="gone"):
        asyncio.run(converse(Candidate(endpoint=place, model="m"), HELLO, {}, {}))


def test_the_same_conversation_is_the_same_in_every_run(model_server: Any) -> None:
    """Moments and run ids are no part of what is asked, else nothing would be found again."""
    model_server.says(model_server.call("files.read", path="a.txt"))
    answer = ask(model_server)["message"]
    told = []
    for run in ("one", "two"):
        response = response_of(answer)
        response.run_id, response.timestamp = run, datetime.now(UTC)
        told.append(asked_messages([response]))

    assert told[0] == told[1]
    assert without_passing(HELLO) == HELLO
