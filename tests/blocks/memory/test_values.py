import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.errors import BadInput, NotFound, Unavailable
from blocks.memory.values import Values


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Values]:
    values = Values(url)
    yield values
    await values.close()


@pytest.fixture(params=["valkey_url", "debian_redis_url"])
def play(request: pytest.FixtureRequest) -> Callable[[Callable[[Values], Coroutine[Any, Any, None]]], None]:
    """Runs a scene on the embedded Valkey and on Debian's Redis."""
    url = request.getfixturevalue(request.param)

    async def run(scene: Callable[[Values], Coroutine[Any, Any, None]]) -> None:
        async with opened(url) as values:
            await scene(values)

    return lambda scene: asyncio.run(run(scene))


def test_a_value_comes_back_as_it_was(play: Any) -> None:
    """Any JSON value is given back exactly, also null, big integers and text with NUL."""

    async def scene(values: Values) -> None:
        for value in (None, 0, False, "", "\x00é🙂", 2**80, [1, {"a": None}], {"": []}):
            await values.put("a", "tenant", "round/trip: ü", value)
            assert await values.get("a", "tenant", "round/trip: ü") == value

    play(scene)


def test_tenant_scope_and_key_keep_values_apart(play: Any) -> None:
    """Neither another tenant, nor another scope, nor a key that looks like a scope reaches a value."""

    async def scene(values: Values) -> None:
        await values.put("a", "project:x", "k", "mine")
        for tenant, scope, key in [("b", "project:x", "k"), ("a", "project", "x:k"), ("a", "project:x", "K")]:
            with pytest.raises(NotFound, match=key):
                await values.get(tenant, scope, key)
            with pytest.raises(NotFound):
                await values.delete(tenant, scope, key)
        assert await values.get("a", "project:x", "k") == "mine"

    play(scene)


def test_a_value_with_an_end_ends(play: Any) -> None:
    """A value given seconds to live is gone after them; putting it again without makes it stay."""

    async def scene(values: Values) -> None:
        await values.put("a", "tenant", "short", 1, seconds=0.05)
        await values.put("a", "tenant", "kept", 1, seconds=0.05)
        await values.put("a", "tenant", "kept", 2)
        await asyncio.sleep(0.3)
        with pytest.raises(NotFound):
            await values.get("a", "tenant", "short")
        assert await values.get("a", "tenant", "kept") == 2

    play(scene)


def test_a_deleted_value_is_gone(play: Any) -> None:
    """After deletion there is no value, and deleting again says so."""

    async def scene(values: Values) -> None:
        await values.put("a", "tenant", "k", 1)
        await values.delete("a", "tenant", "k")
        with pytest.raises(NotFound, match="'k'"):
            await values.delete("a", "tenant", "k")

    play(scene)


@pytest.mark.parametrize(
    ("scope", "key", "value", "seconds", "said"),
    [
        ("tenant", "k", "x" * 1_000_000, None, "1,000,002 bytes"),
        ("tenant", "k", float("inf"), None, "not JSON"),
        ("tenant", "k", 1, 0, "cannot live 0 seconds"),
        ("tenant", "k", 1, float("nan"), "cannot live nan seconds"),
        ("tenant", "k", 1, 1e12, "cannot live"),
        ("tenant", "", 1, None, "key of a value is empty"),
        ("No", "k", 1, None, "not a memory scope"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    scope: str, key: str, value: Any, seconds: float | None, said: str
) -> None:
    """A value, name or time that does not fit is bad input before any server is asked."""

    async def scene() -> None:
        async with opened("redis://127.0.0.1:1") as values:
            with pytest.raises(BadInput, match=said):
                await values.put("a", scope, key, value, seconds=seconds)

    asyncio.run(scene())


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    """When the store does not answer, the error says what to do and shows no secret of the address."""

    async def scene() -> None:
        async with opened("redis://:hidden@127.0.0.1:1") as values:
            with pytest.raises(Unavailable, match="does not answer") as caught:
                await values.get("a", "tenant", "k")
            assert "hidden" not in f"{caught.value} {caught.value.fields}"
            assert "REDIS_URL" in caught.value.mend

    asyncio.run(scene())
