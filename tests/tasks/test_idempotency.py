"""Idempotency keys: which calls are the same call made again."""

import asyncio
from dataclasses import replace

import pytest
from prefect import flow

from blocks.calls import Calls
from blocks.context import running
from blocks.errors import SomaError
from tasks.governed import governed_task
from tasks.idempotency import idempotency_key


@governed_task(stage="tool.call", action="bank.transfer")
async def transfer(amount: int, idempotency_key: str | None = None) -> str | None:
    return idempotency_key


@governed_task(stage="tool.call", action="mail.send")
def send(to: str) -> str:
    return idempotency_key()


@governed_task(stage="tool.call", action="mail.outer")
def outer(to: str) -> list[str]:
    return [idempotency_key(), send.fn(to), idempotency_key()]


def attempt(context, **changes):
    """The context of another attempt at the same node."""
    return replace(context, project="prj_1", node="pay", calls=Calls(), **changes)


def sent(context, *addresses):
    with running(context):
        return [send.fn(to) for to in addresses]


def test_a_call_keeps_its_key_when_the_node_is_tried_again(context_under) -> None:
    """What a dead attempt has begun is recognised by the next one."""
    context = context_under("allow")

    assert sent(attempt(context, attempt=1), "ann", "bob") == sent(attempt(context, attempt=2), "ann", "bob")


@pytest.mark.parametrize(
    "changes",
    [{"project": "prj_2"}, {"node": "other"}, {"generation": 2}],
    ids=["project", "node", "generation"],
)
def test_another_place_has_another_key(context_under, changes) -> None:
    """Neither another project or node, nor a node that a person has done anew, takes what this one did."""
    context = attempt(context_under("allow"))

    assert sent(context, "ann") != sent(replace(context, calls=Calls(), **changes), "ann")


def test_other_arguments_and_a_second_equal_call_have_other_keys(context_under) -> None:
    """Two equal letters are two letters, each with its own key; the order of different ones is nothing."""
    context = context_under("allow")
    found = sent(attempt(context), "ann", "bob", "ann")

    assert len(set(found)) == 3
    assert sent(attempt(context), "bob", "ann", "ann") == [found[1], found[0], found[2]]


def test_a_parameter_of_that_name_is_given_the_key_and_is_no_part_of_it(context_under) -> None:
    """Whoever gives a key of his own keeps it."""
    context = context_under("allow")

    def keys(*given):
        with running(attempt(context)):
            return [asyncio.run(transfer.fn(5, key)) for key in given]

    assert keys(None)[0]
    assert keys(None) == keys(None)
    assert keys("mine") == ["mine"]


def test_a_task_that_prefect_repeats_makes_the_same_call(context_under, prefect_api) -> None:
    """The second run of a task that failed finds the key of the first."""
    keys = []

    @governed_task(stage="tool.call", action="bank.flaky", retries=1, retry_delay_seconds=0)
    async def flaky() -> None:
        keys.append(idempotency_key())
        if len(keys) == 1:
            raise ValueError("not this time")

    @flow
    async def twice() -> None:
        await flaky()
        await flaky()

    with running(attempt(context_under("allow"))):
        asyncio.run(twice())

    assert keys[0] == keys[1] != keys[2]


def test_a_body_that_calls_another_gets_its_own_key_back(context_under) -> None:
    """The key is that of the innermost governed body."""
    with running(attempt(context_under("allow"))):
        first, inner, again = outer.fn("ann")

    assert first == again != inner


def test_outside_of_a_governed_body_there_is_no_key() -> None:
    """The error says where to ask."""
    with pytest.raises(SomaError, match="inside of the body"):
        idempotency_key()
