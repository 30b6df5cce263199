import math
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.errors import BadInput
from blocks.memory.items import Draft, Source, keep, namespace


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_the_key_decides_the_id() -> None:
    """Same tenant, scope and key: same id; a difference in any of the three is another id."""
    ids = [
        keep(tenant, scope, Draft(text="text", key=key)).id
        for tenant, scope, key in [
            ("a", "tenant", "k"),
            ("a", "tenant", "k"),
            ("b", "tenant", "k"),
            ("a", "project", "k"),
            ("a", "tenant", "l"),
        ]
    ]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_without_a_key_every_memory_is_its_own() -> None:
    """Two drafts without a key have two ids even when their texts are the same."""
    assert keep("a", "tenant", Draft(text="x")).id != keep("a", "tenant", Draft(text="x")).id


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (Draft(text=" \n"), "text of a memory is empty"),
        (Draft(text="x" * 200_001), "200,001 characters"),
        (Draft(text="half \ud800"), "surrogate"),
        (Draft(text="x", key=""), "key of a memory is empty"),
        (Draft(text="x", labels=("y" * 201,)), "a label has 201"),
        (Draft(text="x", data=math.nan), "not JSON"),
        (Draft(text="x", data={"when": datetime.now(UTC)}), "not JSON"),
        (Draft(text="x", data="\udfff"), "not JSON"),
        (Draft(text="x", data=nested(2000)), "not JSON"),
        (Draft(text="x", data=nested(66)), "not JSON"),
        (Draft(text="x", data="y" * 262_144), "262,146 bytes"),
        (Draft(text="x", expires_at=datetime(2030, 1, 1)), "no time zone"),  # noqa: DTZ001  # that is the point
        (Draft(text="x", source=Source(node="")), "source of a memory is empty"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(draft: Draft, said: str) -> None:
    """Each draft that could not be kept and given back as it is gets a sentence that says why."""
    with pytest.raises(BadInput, match=said):
        keep("a", "tenant", draft)


@pytest.mark.parametrize("scope", ["", "Tenant", "a:b:c", "a/b", "project:", "x" * 33, "tenant\n", "a b"])
def test_scopes_are_words(scope: str) -> None:
    """What is not a lower-case word with at most one plain subject is no scope."""
    with pytest.raises(BadInput, match="not a memory scope"):
        keep("a", scope, Draft(text="x"))


def test_a_subject_becomes_part_of_the_scope() -> None:
    """A plain subject stays readable, any other is hashed, and no plain one can look like a hashed one."""
    hashed = namespace("repository", "https://example.org/a.git")

    assert namespace("tenant") == "tenant"
    assert namespace("project", "prj_1") == "project:prj_1"
    assert len(hashed.removeprefix("repository:sha256-")) == 64
    assert hashed != namespace("repository", hashed.removeprefix("repository:"))


@pytest.mark.parametrize("tenant", ["", "A", "a*", "a:b", "-a"])
def test_tenants_are_names(tenant: str) -> None:
    """A tenant that could not come from a token is refused."""
    with pytest.raises(BadInput, match="tenant"):
        keep(tenant, "tenant", Draft(text="x"))
