"""Asking a model as a governed task: decided, reserved and recorded before anything is sent.

What is decided about is exactly what is sent. Each model of a chain is asked about by itself, for another
provider is another place that learns what is said. Its key is read only when the decision has been made.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefect.cache_policies import NO_CACHE

from blocks.context import current
from blocks.errors import Forbidden, SomaError
from blocks.models.asked import ModelDown, ModelRefused, reckoned
from blocks.models.endpoints import Candidate, Endpoint, endpoint_with_key
from blocks.models.prices import cost_of
from blocks.settings import load_settings
from blocks.tracing.spans import say
from tasks.charging import report_use
from tasks.governed import governed_task


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a model is asked, as plain JSON values."""

    alias: str
    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    """Pydantic AI's request parameters: the tools, and how the output is given."""
    settings: dict[str, Any]

    @property
    def tools(self) -> list[str]:
        return [str(tool["name"]) for tool in self.parameters.get("function_tools") or ()]

    @property
    def tokens(self) -> int:
        """The most tokens that it is reckoned to take."""
        return reckoned([self.messages, self.parameters], int(self.settings.get("max_tokens") or 0))


async def ask(asked: Asked, chain: list[Candidate]) -> dict[str, Any]:
    """The answer of the first model of the chain that gives one: `{message, text, tool_calls, …}`.

    Where none does, the error says of each one why. A refusal of the constitution ends it at once.
    """
    failures: list[SomaError] = []
    for candidate in chain:
        try:
            return await request_model(
                model=candidate.model,
                provider=candidate.endpoint.provider,
                access=candidate.endpoint.name,
                messages=asked.messages,
                parameters=asked.parameters,
                settings=asked.settings,
                tokens=asked.tokens,
                money=_reckoned_money(candidate, asked),
            )
        except (ModelDown, ModelRefused) as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    told = "; ".join(error.message for error in failures)
    kind = ModelRefused if all(isinstance(error, ModelRefused) for error in failures) else ModelDown
    raise kind(f"no model of the alias {asked.alias!r} answers: {told}")


def _facts(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = arguments["parameters"].get("function_tools") or ()
    return {
        "model": {
            "provider": arguments["provider"],
            "name": arguments["model"],
            "messages": arguments["messages"],
            "tools": [str(tool["name"]).replace("__", ".") for tool in tools],
            "tokens": arguments["tokens"],
        }
    }


def _costs(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The most that it may cost; money at an unknown price is left out, and refused where it is limited."""
    costs: dict[str, Any] = {"tokens": arguments["tokens"]}
    if arguments["money"] is not None:
        costs["money"] = arguments["money"]
    return costs


@governed_task(
    stage="model.request",
    action="model.request",
    facts=_facts,
    costs=_costs,
    cache_policy=NO_CACHE,
    persist_result=False,  # the agent's own steps keep it
    task_run_name="ask {model}",
)
async def request_model(
    *,
    model: str,
    provider: str,
    access: str,
    messages: list[dict[str, Any]],
    parameters: dict[str, Any],
    settings: dict[str, Any],
    tokens: int,
    money: str | None = None,
) -> dict[str, Any]:
    """Ask one model and return its whole answer as `{message, text, tool_calls, input_tokens, …}`."""
    del tokens, money, provider  # what was decided and reserved
    # Pydantic AI and the clients of the providers take seconds to import; only agents need them.
    from blocks.models.pydantic_side.conversing import converse  # noqa: PLC0415

    began = time.monotonic()
    candidate = Candidate(endpoint=await _opened(access), model=model)
    answer = await converse(candidate, messages, parameters, settings)
    spent = cost_of(candidate, answer["input_tokens"], answer["output_tokens"])
    used: dict[str, Any] = {"tokens": answer["input_tokens"] + answer["output_tokens"]}
    if spent is not None:
        used["money"] = spent
    report_use(**used)
    say(
        {
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": answer["input_tokens"],
            "gen_ai.usage.output_tokens": answer["output_tokens"],
        }
    )
    told = {"model": model, "access": access, "seconds": round(time.monotonic() - began, 3)}
    return {**answer, **told, "money": None if spent is None else str(spent)}


async def _opened(access: str) -> Endpoint:
    context = current()
    if context is None:
        raise Forbidden("a model is asked on somebody's behalf: there is no run here")
    return await endpoint_with_key(load_settings(), context.tenant, access)


def _reckoned_money(candidate: Candidate, asked: Asked) -> str | None:
    """The most money that it is reckoned to cost: every token at the price of the dearer side."""
    found = [cost_of(candidate, *sides) for sides in ((asked.tokens, 0), (0, asked.tokens))]
    known = [cost for cost in found if cost is not None]
    return str(max(known)) if known else None
