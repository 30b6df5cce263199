"""What differs between two constitutions: in their words, and in what they decide."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Stage, Verdict
from blocks.constitution.examples import completed

Change = tuple[Any, Any]
"""What stood there before and what stands there now; None where nothing does."""


@dataclass(frozen=True, kw_only=True)
class Titled:
    """Which constitution is meant."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class DecidedDifferently:
    """An example that the two constitutions answer with different verdicts."""

    of: str
    """Whose example it is: `one`, `other` or `both`."""
    article: str
    stage: Stage
    action: str
    facts: Mapping[str, Any]
    one: Verdict
    other: Verdict
    expected: Verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that differs between `one` and `other`."""

    one: Titled
    other: Titled
    settings: Mapping[str, Change]
    """Changed fields outside of the articles: `default`, `metadata.version`, `principles.P-1`, ..."""
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, Mapping[str, Change]]
    """Article -> changed field -> how; of `tests` only whether they changed is of interest."""
    moved: bool
    """Whether the articles that both have stand in another order."""
    decided: tuple[DecidedDifferently, ...]
    examples: int
    """How many different examples of both were decided by both."""

    @property
    def same(self) -> bool:
        """Whether the two documents are the same in every word that counts."""
        return self.one.digest == self.other.digest


def compare(one: Constitution, other: Constitution) -> Comparison:
    """The differences, article by article, and the examples of either that the other decides otherwise."""
    before, after = _articles(one), _articles(other)
    examples = list(_examples(one, other))
    return Comparison(
        one=_titled(one),
        other=_titled(other),
        settings=_changes(_settings(one), _settings(other)),
        added=tuple(article for article in after if article not in before),
        removed=tuple(article for article in before if article not in after),
        changed={
            article: fields
            for article, now in after.items()
            if article in before and (fields := _changes(before[article], now))
        },
        moved=_shared(before, after) != _shared(after, before),
        decided=tuple(found for found in examples if found.one != found.other),
        examples=len(examples),
    )


def _shared(articles: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    return [article for article in articles if article in others]


def _titled(constitution: Constitution) -> Titled:
    return Titled(name=constitution.name, version=constitution.version, digest=constitution.digest)


def _articles(constitution: Constitution) -> dict[str, Mapping[str, Any]]:
    return {article["id"]: article for article in constitution.document.get("articles", [])}


def _settings(constitution: Constitution) -> dict[str, Any]:
    document = constitution.document
    metadata = {f"metadata.{name}": value for name, value in document.get("metadata", {}).items()}
    principles = {f"principles.{item['id']}": item["text"] for item in document.get("principles", [])}
    return {"default": constitution.default, **metadata, **principles}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    names = dict.fromkeys([*before, *after])
    return {
        name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    }


def _examples(one: Constitution, other: Constitution) -> Iterator[DecidedDifferently]:
    """Every example of either, once, with what both say to it."""
    seen: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    for whose, constitution in (("one", one), ("other", other)):
        for article in constitution.document.get("articles", []):
            for example in article.get("tests", []):
                stage = example.get("stage") or article["stages"][0]
                key = repr((stage, example["action"], example.get("facts", {})))
                first = seen.get(key)
                known = whose if first is None or first[0] == whose else "both"
                seen[key] = (known, article["id"], {**example, "stage": stage})
    for whose, article_id, example in seen.values():
        yield _decided(one, other, whose, article_id, example)


def _decided(
    one: Constitution, other: Constitution, whose: str, article: str, example: Mapping[str, Any]
) -> DecidedDifferently:
    stage, facts = cast("Stage", example["stage"]), example.get("facts", {})
    action = completed(stage, example["action"], facts)
    return DecidedDifferently(
        of=whose,
        article=article,
        stage=stage,
        action=example["action"],
        facts=facts,
        one=one.decide(action).verdict,
        other=other.decide(action).verdict,
        expected=cast("Verdict", example["verdict"]),
    )
