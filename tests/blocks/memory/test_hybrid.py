import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.errors import BadInput
from blocks.memory.hybrid import HybridMemory
from blocks.memory.items import Draft, Selection, Source

Played = Callable[[Callable[[HybridMemory], Coroutine[Any, Any, None]]], None]
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")


async def texts(memory: HybridMemory, query: str, tenant: str = "a", **asked: Any) -> list[str]:
    return [hit.item.text for hit in await memory.recall(tenant, query, **asked)]


def test_what_was_kept_comes_back_as_it_was(play: Played) -> None:
    """Recall returns text, data, labels, source and times exactly; integers of any size included."""
    draft = Draft(
        text="The parser fails on empty files.",
        key="finding/1",
        data={"big": 2**70, "none": None, "nested": [{"a": 1.5}], "": "\x00"},
        labels=("finding", "parser", "finding"),
        source=Source(project="prj_1", node="quality", capsule="quality"),
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )

    async def scene(memory: HybridMemory) -> None:
        [kept] = await memory.remember("a", "project:prj_1", [draft])
        [hit] = await memory.recall("a", "which files break the parser?")
        assert kept == hit.item
        assert (draft.text, draft.data, draft.source) == (hit.item.text, hit.item.data, hit.item.source)
        assert hit.item.labels == ("finding", "parser")

    play(scene)


def test_meaning_and_words_each_find_what_the_other_misses(play: Played) -> None:
    """Meaning finds a paraphrase, words find a rare identifier, and the fusion of both finds either first."""
    kept = [
        "boil the spaghetti in salted water",
        "error QX7781 comes from the billing adapter",
        "the sky is blue",
    ]

    async def scene(memory: HybridMemory) -> None:
        await memory.remember("a", "tenant", [Draft(text=text) for text in kept])
        assert kept[0] == (await texts(memory, "how do I cook pasta?", mode="meaning"))[0]
        assert await texts(memory, "how do I cook pasta?", mode="words") == []
        assert [kept[1]] == await texts(memory, "QX7781", mode="words")
        assert kept[0] == (await texts(memory, "how do I cook pasta?"))[0]
        assert kept[1] == (await texts(memory, "QX7781"))[0]

    play(scene)


def test_one_tenant_never_sees_another(play: Played) -> None:
    """Recall, count and forget of one tenant touch nothing of another, even with one scope and key."""

    async def scene(memory: HybridMemory) -> None:
        [theirs] = await memory.remember("b", "tenant", [Draft(text="secret of b", key="k", labels=("x",))])
        await memory.remember("a", "tenant", [Draft(text="secret of a", key="k", labels=("x",))])
        assert await texts(memory, "secret of b") == ["secret of a"]
        assert await texts(memory, "secret of b", mode="words", scopes=["tenant"]) == ["secret of a"]
        assert await memory.forget("a", Selection(ids=(theirs.id,))) == 0
        assert await memory.forget("a", Selection(labels=("x",))) == 1
        assert (await memory.count("a"), await memory.count("b")) == (0, 1)
        assert await texts(memory, "secret", tenant="b") == ["secret of b"]

    play(scene)


def test_how_rare_a_word_is_does_not_show_another_tenants_memories(play: Played) -> None:
    """A tenant's scores are the same whether or not another tenant keeps memories with the same words."""

    async def scene(memory: HybridMemory) -> None:
        await memory.remember("a", "tenant", [Draft(text="orchid"), Draft(text="tulip")])
        before = [hit.score for hit in await memory.recall("a", "orchid", mode="words")]
        await memory.remember("b", "tenant", [Draft(text="orchid") for _ in range(20)])
        assert before == [hit.score for hit in await memory.recall("a", "orchid", mode="words")]

    play(scene)


def test_a_key_replaces(play: Played) -> None:
    """Remembering under a key again leaves one memory, the latest; within one call the last wins."""

    async def scene(memory: HybridMemory) -> None:
        [first] = await memory.remember("a", "tenant", [Draft(text="old words", key="k", labels=("old",))])
        again = await memory.remember(
            "a", "tenant", [Draft(text="middle", key="k"), Draft(text="new", key="k")]
        )
        assert [first.id, first.id] == [item.id for item in again]
        assert await texts(memory, "old words") == ["new"]
        assert await texts(memory, "old words", mode="words") == []
        assert await memory.count("a", Selection(labels=("old",))) == 0

    play(scene)


def test_the_expired_is_not_recalled_and_tidying_removes_it(play: Played) -> None:
    """From its expiry on a memory is neither recalled nor counted; tidying then drops it for every tenant."""
    past, future = (datetime.now(UTC) + timedelta(seconds=s) for s in (-1, 3600))

    async def scene(memory: HybridMemory) -> None:
        await memory.remember("a", "tenant", [Draft(text="gone", expires_at=past), Draft(text="stays")])
        await memory.remember("b", "tenant", [Draft(text="gone", expires_at=past)])
        await memory.remember("a", "tenant", [Draft(text="later", expires_at=future)])
        assert {"stays", "later"} == set(await texts(memory, "gone"))
        assert await memory.count("a") == 2
        assert await memory.tidy() == 2
        assert await memory.tidy() == 0
        assert {"stays", "later"} == set(await texts(memory, "gone"))

    play(scene)


def test_scopes_and_labels_narrow(play: Played) -> None:
    """Recall takes any of the scopes and all of the labels; a scope that nobody used has nothing."""

    async def scene(memory: HybridMemory) -> None:
        await memory.remember("a", "project:1", [Draft(text="one", labels=("x", "y"))])
        await memory.remember("a", "project:2", [Draft(text="two", labels=("x",))])
        await memory.remember("a", "tenant", [Draft(text="three", labels=("y",))])
        assert {"one", "two"} == set(await texts(memory, "number", scopes=["project:1", "project:2"]))
        assert await texts(memory, "number", labels=["x", "y"]) == ["one"]
        assert {"one", "three"} == set(await texts(memory, "number", labels=["y"]))
        assert await texts(memory, "number", scopes=["project:3"]) == []
        assert len(await texts(memory, "number", limit=2)) == 2

    play(scene)


def test_forgetting_takes_every_condition_together(play: Played) -> None:
    """What is forgotten satisfies all conditions; none at all is refused, an empty list matches nothing."""
    mine = Source(project="prj_1")

    async def scene(memory: HybridMemory) -> None:
        drafts = [
            Draft(text="p x", labels=("x",), source=mine),
            Draft(text="p", source=mine),
            Draft(text="x", labels=("x",)),
        ]
        [_, _, other] = await memory.remember("a", "tenant", drafts)
        with pytest.raises(BadInput, match="what to forget"):
            await memory.forget("a", Selection())
        assert await memory.forget("a", Selection(ids=())) == 0
        assert await memory.forget("a", Selection(scopes=())) == 0
        assert await memory.forget("a", Selection(created_before=datetime.now(UTC) - timedelta(days=1))) == 0
        assert await memory.forget("a", Selection(labels=("x",), project="prj_1")) == 1
        assert {"p", "x"} == set(await texts(memory, "p x"))
        assert await memory.forget("a", Selection(ids=(other.id,), created_before=datetime.now(UTC))) == 1
        assert await texts(memory, "p x") == ["p"]

    play(scene)


def test_any_script_and_size_is_found_again(play: Played) -> None:
    """Emoji, other scripts, stop words alone and a text of the largest size are kept and found."""
    kept = [
        "🙂🙃",
        "векторная память хранит тексты",
        "日本語 の 記憶",
        "the of and",
        "needle " + "hay " * 49_998,
    ]

    async def scene(memory: HybridMemory) -> None:
        await memory.remember("a", "tenant", [Draft(text=text) for text in kept])
        assert [kept[1]] == await texts(memory, "память", mode="words")
        assert [kept[2]] == await texts(memory, "記憶", mode="words")
        assert [kept[4]] == await texts(memory, "needle", mode="words")
        assert await texts(memory, "the of", mode="words") == []
        assert set(kept) == set(await texts(memory, "🙂🙃"))

    play(scene)


def test_many_write_and_read_at_once(play: Played) -> None:
    """Writers and readers at the same moment lose nothing, and each sees what it wrote itself."""

    async def scene(memory: HybridMemory) -> None:
        async def one(number: int) -> None:
            await memory.remember(
                "a", f"project:{number}", [Draft(text=f"note {number} of many", key=str(number))]
            )
            assert [f"note {number} of many"] == await texts(memory, "note", scopes=[f"project:{number}"])

        await asyncio.gather(*(one(number) for number in range(60)))
        assert await memory.count("a") == 60

    play(scene)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"query": " "}, "query is empty"),
        ({"query": "x", "limit": 0}, "limit is 0"),
        ({"query": "x", "limit": 101}, "limit is 101"),
        ({"query": "x", "scopes": ["Not One"]}, "not a memory scope"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(
    play: Played, asked: dict[str, Any], said: str
) -> None:
    """A wrong question is bad input with the reason, never an empty answer."""

    async def scene(memory: HybridMemory) -> None:
        with pytest.raises(BadInput, match=said):
            await memory.recall("a", **asked)

    play(scene)


def test_nothing_is_kept_of_a_call_with_one_bad_draft(play: Played) -> None:
    """A call with a bad draft keeps none of its drafts; so does one with too many or none."""

    async def scene(memory: HybridMemory) -> None:
        for drafts in ([Draft(text="good"), Draft(text="")], [], [Draft(text="x")] * 257):
            with pytest.raises(BadInput):
                await memory.remember("a", "tenant", drafts)
        assert await memory.count("a") == 0

    play(scene)
