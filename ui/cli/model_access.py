"""What `soma models` does: model accesses as Prefect keeps them, and a question to each of their models."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from prefect.exceptions import PrefectHTTPStatusError
from pydantic import ValidationError

from blocks.errors import BadInput, NotFound, SomaError
from blocks.models.access import ModelAccess
from blocks.models.endpoints import Candidate, endpoints
from blocks.settings import Settings
from ui.cli.prefect_side import with_prefect

HELLO: list[dict[str, Any]] = [
    {
        "kind": "request",
        "parts": [{"part_kind": "user-prompt", "content": "Answer with the one word: ready"}],
    }
]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is given of a model access; what is not stays as it is."""

    provider: str | None = None
    url: str | None = None
    models: list[str] = field(default_factory=list)
    key: str | None = field(default=None, repr=False)
    prices: list[str] = field(default_factory=list)
    tenant: str | None = None


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Every endpoint of the hub's own tenant, without keys."""
    found = asyncio.run(endpoints(settings, settings.tenant, patience=0))
    return [{name: value for name, value in asdict(item).items() if name != "key"} for item in found]


def store(settings: Settings, name: str, changes: Changes) -> ModelAccess:
    """Make or change a model access; `BadInput` says what of it is wrong."""

    async def work() -> ModelAccess:
        present = await _present(name)
        known = present.model_dump() if present else {"tenant": settings.tenant}
        try:
            made = ModelAccess.model_validate({**known, **_given(changes, known)})
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
            raise BadInput("; ".join(lines)) from None
        try:
            await made.asave(name, overwrite=True)
        except (ValueError, PrefectHTTPStatusError) as error:
            raise BadInput(
                f"Prefect does not take the name {name!r}", mend="small letters, digits and dashes"
            ) from error
        return made

    return with_prefect(settings, work())


def drop(settings: Settings, name: str) -> None:
    """Remove a model access, or `NotFound`."""

    async def work() -> None:
        try:
            await ModelAccess.adelete(name)
        except ValueError:
            raise NotFound(f"there is no model access {name!r}; `soma models list` shows them") from None

    with_prefect(settings, work())


def tried(settings: Settings, name: str | None) -> Iterator[tuple[str, str | None, float]]:
    """Each model, why it does not answer if it does not, and how many seconds it took."""
    found = [
        item
        for item in asyncio.run(endpoints(settings, settings.tenant, keys=True, patience=0))
        if name in {None, item.name}
    ]
    if not found:
        raise NotFound(f"there is no model access {name!r}" if name else "no model is configured")
    for place in found:
        for model in dict.fromkeys(model for models in place.aliases.values() for model in models):
            began = time.monotonic()
            problem = asyncio.run(_asked(Candidate(endpoint=place, model=model)))
            yield f"{place.name} {model}", problem, time.monotonic() - began


async def _asked(candidate: Candidate) -> str | None:
    from blocks.models.pydantic_side.conversing import converse  # seconds to import

    try:
        await converse(candidate, HELLO, {}, {"max_tokens": 64})
    except SomaError as error:
        return error.message
    return None


async def _present(name: str) -> ModelAccess | None:
    try:
        return await ModelAccess.aload(name)
    except ValueError:
        return None


def _given(changes: Changes, known: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field_name in ("provider", "key", "tenant"):
        if (value := getattr(changes, field_name)) is not None:
            given[field_name] = value
    if changes.url is not None:
        given["url"] = changes.url or None
    if changes.models:
        given["aliases"] = {**known.get("aliases", {}), **dict(map(_alias, changes.models))}
    if changes.prices:
        given["prices"] = {**known.get("prices", {}), **dict(map(_price, changes.prices))}
    return given


def _alias(text: str) -> tuple[str, list[str]]:
    alias, _, models = text.partition("=")
    names = [model.strip() for model in models.split(",") if model.strip()]
    if not alias or not names:
        raise BadInput(f"--model: {text!r} is not ALIAS=MODEL, such as default=gpt-5-mini")
    return alias, names


def _price(text: str) -> tuple[str, dict[str, float]]:
    model, _, money = text.rpartition("=")
    try:
        given, taken = (float(part) for part in money.split(","))
    except ValueError:
        raise BadInput(f"--price: {text!r} is not MODEL=INPUT,OUTPUT, such as large=3,15") from None
    return model, {"input": given, "output": taken}
