"""From plain values to a model and back: the conversation as Pydantic AI's messages, the answer as JSON."""

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from blocks.models.asked import without_passing
from blocks.models.endpoints import Candidate
from blocks.models.pydantic_side.asking import ask_model

_PARAMETERS: TypeAdapter[ModelRequestParameters] = TypeAdapter(ModelRequestParameters)


async def converse(
    candidate: Candidate,
    messages: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The model's answer: `{message, text, tool_calls, input_tokens, output_tokens}`."""
    answer = await ask_model(
        candidate,
        ModelMessagesTypeAdapter.validate_python(messages),
        _PARAMETERS.validate_python(parameters),
        cast("ModelSettings", dict(settings)),
    )
    message = plain_messages([answer])[0]
    text, calls = words_of(message)
    return {
        "message": message,
        "text": text,
        "tool_calls": calls,
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
    }


def plain_messages(messages: list[ModelMessage]) -> list[dict[str, Any]]:
    """The messages as JSON, complete."""
    found: list[dict[str, Any]] = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    return found


def asked_messages(messages: list[ModelMessage]) -> list[dict[str, Any]]:
    """The messages as JSON, as far as a model is told of them: the same in every run."""
    return without_passing(plain_messages(messages))


def plain_parameters(parameters: ModelRequestParameters) -> dict[str, Any]:
    """The parameters of a request as JSON, without what says nothing."""
    found: dict[str, Any] = _PARAMETERS.dump_python(parameters, mode="json", exclude_defaults=True)
    return found


def response_of(message: Mapping[str, Any]) -> ModelResponse:
    """The answer that `converse` gave as JSON."""
    (found,) = ModelMessagesTypeAdapter.validate_python([message])
    return cast("ModelResponse", found)


def words_of(message: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """What a message of a model says, and the tools that it calls, for whoever decides about it."""
    parts = message.get("parts") or ()
    text = "\n".join(str(part.get("content") or "") for part in parts if part.get("part_kind") == "text")
    calls = [
        {"name": str(part["tool_name"]).replace("__", "."), "arguments": _arguments(part.get("args"))}
        for part in parts
        if part.get("part_kind") == "tool-call"
    ]
    return text, calls


def _arguments(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given
