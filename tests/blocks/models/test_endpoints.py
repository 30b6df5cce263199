"""Which models an alias stands for, and what they cost."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from blocks.errors import NotConfigured
from blocks.models.access import ModelAccess
from blocks.models.endpoints import (
    Candidate,
    Endpoint,
    candidates,
    endpoint_with_key,
    endpoints,
    missing_model,
)
from blocks.models.prices import cost_of
from blocks.settings import load_settings

TENANT = "who-asks-models"


def access(**fields: Any) -> ModelAccess:
    return ModelAccess(**{"tenant": TENANT, "aliases": {"default": ["m"]}, **fields})


@pytest.fixture
def accesses(prefect_api: str) -> Iterator[None]:
    """Model accesses of one tenant, as Prefect keeps them."""
    made = {
        "asked-second": access(order=2, aliases={"default": ["two"], "strong": ["two-strong"]}),
        "asked-first": access(order=1, aliases={"default": ["one", "one-small"], "*": ["any"]}, key="sk-1"),
        "asked-never": access(enabled=False),
        "asked-by-others": access(tenant="other"),
    }

    async def save() -> None:
        for name, block in made.items():
            await block.asave(name, overwrite=True)

    async def drop() -> None:
        for name in made:
            await ModelAccess.adelete(name)

    asyncio.run(save())
    yield
    asyncio.run(drop())


@pytest.mark.parametrize("alias", ["default", "strong"])
@pytest.mark.usefixtures("accesses")
def test_the_models_of_an_alias_come_in_their_order(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the order of their accesses, the settings' last; another tenant's and those switched off never."""
    monkeypatch.setenv("SOMA_MODEL", "spare, last")
    monkeypatch.setenv("SOMA_TENANT", TENANT)
    names = [str(item) for item in asyncio.run(candidates(load_settings(), TENANT, alias))]
    expected = {
        "default": ["one", "one-small", "two"],
        "strong": ["any", "two-strong"],
    }

    assert [name.partition(" ")[0] for name in names] == [*expected[alias], "spare", "last"]


@pytest.mark.usefixtures("accesses")
def test_a_key_is_read_only_when_it_is_asked_for() -> None:
    """Whoever only wants to know where models answer never holds a key."""
    settings = load_settings()
    seen = {item.name: item.key for item in asyncio.run(endpoints(settings, TENANT))}
    opened = asyncio.run(endpoint_with_key(settings, TENANT, "asked-first"))

    assert set(seen.values()) == {None}
    assert opened.key == "sk-1"
    assert "sk-1" not in repr(opened)
    with pytest.raises(NotConfigured):
        asyncio.run(endpoint_with_key(settings, TENANT, "asked-by-others"))


def test_an_alias_without_a_model_says_what_to_do() -> None:
    """The message names the command, and the aliases that there are."""
    known = [Endpoint(name="a", provider="openai", aliases={"default": ("m",)})]

    assert "soma models set" in missing_model("default", []).fields["mend"]
    assert "did you mean" in missing_model("defualt", known).message
    assert isinstance(missing_model("x", known), NotConfigured)


def test_a_price_is_the_access_s_own_or_the_published_one_and_never_guessed() -> None:
    """A server of somebody's own has no published price, whatever its model is named."""
    own = Endpoint(name="a", provider="openai", prices={"large": {"input": 2, "output": 10}})
    elsewhere = Endpoint(name="b", provider="openai", url="http://127.0.0.1:8000/v1")

    assert cost_of(Candidate(endpoint=own, model="large"), 500_000, 100_000) == Decimal(2)
    assert (cost_of(Candidate(endpoint=own, model="gpt-4o"), 1_000_000, 0) or 0) > 0
    assert cost_of(Candidate(endpoint=own, model="nobody-knows"), 1, 1) is None
    assert cost_of(Candidate(endpoint=elsewhere, model="gpt-4o"), 1, 1) is None
