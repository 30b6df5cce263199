"""Articles that can never decide anything: mistakes that would otherwise stay silent.

An article is *unreachable*, which is an error, when
- its condition holds for no facts whatever (`blocks.constitution.satisfying` says when that is certain; that
  it might fail to be evaluated, which denies, is no use of a condition), or
- for each of its stages and actions there is an article without a condition (or with one that always holds)
  whose verdict is stricter: that one's verdict wins whenever this one matches. `deny` hides all others;
  `approve` hides `warn` and `allow` but not `redact`, which is carried out once people have agreed; `redact`
  hides `warn` and `allow`; `warn` hides `allow`; or
- an earlier article has the same stages, actions, condition, verdict, terms and replacements.

It is *doubtful*, which is a warning, when a condition that was written always holds, when a part of its
stages and actions is hidden, or when a permission adds nothing to a wider one or to the default. Whatever is
not certain is neither: a document that is right is never refused.

What `default` says hides nothing: it is asked only where no article matches.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from blocks.constitution.decisions import Stage, Verdict
from blocks.constitution.globs import like
from blocks.constitution.literals import key_of
from blocks.constitution.parser import parse
from blocks.constitution.satisfying import always_holds, never_holds
from blocks.constitution.written import ArticleText, Document
from blocks.constitution.yaml_places import Place, Problem

_HIDES: Mapping[Verdict, frozenset[Verdict]] = {
    "deny": frozenset({"approve", "redact", "warn", "allow"}),
    "approve": frozenset({"warn", "allow"}),
    "redact": frozenset({"warn", "allow"}),
    "warn": frozenset({"allow"}),
    "allow": frozenset(),
}
MOST_COMPARISONS = 1_000_000
"""A document may not hold up whoever reads it."""
_ANY = "\ue000"
"""Stands for a wildcard of the covered glob: only a `*` of the covering one takes it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An article and what is certain about its condition."""

    article: ArticleText
    place: Place
    always: bool
    never: bool
    condition: Hashable


_Walls = Mapping[Stage, Sequence[_Known]]
"""The articles that always hold, at each stage."""


def examine(document: Document) -> tuple[list[Problem], list[Problem]]:
    """The articles that can never decide anything, and what is doubtful; all conditions must be valid."""
    known = [_known(article, ("articles", number)) for number, article in enumerate(document.articles)]
    walls: dict[Stage, list[_Known]] = {}
    for one in known:
        for stage in one.article.stages if one.always else ():
            walls.setdefault(stage, []).append(one)
    problems = [*_contradictions(known), *_duplicates(known)]
    if _comparisons(known, walls) > MOST_COMPARISONS:
        return problems, [Problem(("articles",), "too many articles to look for those that others hide")]
    problems += _hidden(known, walls)
    return problems, list(_doubts(document, known, walls))


def _comparisons(known: Sequence[_Known], walls: _Walls) -> int:
    """How many globs would have to be compared at most."""
    patterns = {stage: sum(len(one.article.actions) for one in there) for stage, there in walls.items()}
    return sum(
        len(one.article.actions) * patterns.get(stage, 0) for one in known for stage in one.article.stages
    )


def _known(article: ArticleText, place: Place) -> _Known:
    if article.when is None:
        return _Known(article, place, always=True, never=False, condition=None)
    tree = parse(article.when)
    return _Known(article, place, always_holds(tree), never_holds(tree), key_of(tree))


def _contradictions(known: Sequence[_Known]) -> Iterator[Problem]:
    for one in known:
        if one.never:
            yield Problem((*one.place, "when"), "can never hold: the article decides nothing")


def _duplicates(known: Sequence[_Known]) -> Iterator[Problem]:
    seen: dict[Hashable, str] = {}
    for one in known:
        article = one.article
        terms = article.approve.model_dump_json() if article.approve else None
        reach = (frozenset(article.stages), frozenset(article.actions))
        replaced = json.dumps(article.replace, sort_keys=True)
        first = seen.setdefault((reach, one.condition, article.verdict, terms, replaced), article.id)
        if first != article.id:
            same = "has the same stages, actions, condition and verdict"
            yield Problem((*one.place, "id"), f"decides nothing of its own: {first!r} {same}")


def _hidden(known: Sequence[_Known], walls: _Walls) -> Iterator[Problem]:
    for one in known:
        hiding = [_hiding(one, stage, action, walls) for stage, action in _reach(one.article)]
        if not one.never and all(hiding):
            names = ", ".join(dict.fromkeys(other.article.id for other in hiding if other))
            yield Problem(
                (*one.place, "verdict"),
                f"can never decide: {names} has a stricter verdict on all of its stages and actions, and the "
                f"stricter one always wins; give {names} a `when`, or narrow its actions",
            )


def _doubts(document: Document, known: Sequence[_Known], walls: _Walls) -> Iterator[Problem]:
    for one in known:
        if one.always and one.article.when is not None:
            yield Problem((*one.place, "when"), "always holds; leave it out if that is meant")
        for stage, action in _reach(one.article):
            other = _hiding(one, stage, action, walls)
            if other:
                message = f"of no use for {action!r} at {stage}: {other.article.id} is stricter there"
                yield Problem((*one.place, "actions"), message)
        if one.article.verdict == "allow":
            yield from _needless(one, walls, document.default)
    if document.default == "deny" and known and all(one.article.verdict == "deny" for one in known):
        yield Problem(("articles",), "no article lets anything through: everything is denied")


def _needless(one: _Known, walls: _Walls, default: Verdict) -> Iterator[Problem]:
    if default == "allow":
        yield Problem((*one.place, "verdict"), "what no article forbids is allowed by `default` anyway")
        return
    wider = [
        next((other for other in walls.get(stage, ()) if _permits(other, one, stage, action)), None)
        for stage, action in _reach(one.article)
    ]
    if all(wider):
        names = ", ".join(dict.fromkeys(other.article.id for other in wider if other))
        yield Problem((*one.place, "verdict"), f"allows only what {names} allows without a condition")


def _permits(other: _Known, one: _Known, stage: Stage, action: str) -> bool:
    return other is not one and other.article.verdict == "allow" and _covered(action, other.article, stage)


def _reach(article: ArticleText) -> Iterator[tuple[Stage, str]]:
    return ((stage, action) for stage in article.stages for action in article.actions)


def _hiding(one: _Known, stage: Stage, action: str, walls: _Walls) -> _Known | None:
    for other in walls.get(stage, ()):
        if one.article.verdict in _HIDES[other.article.verdict] and _covered(action, other.article, stage):
            return other
    return None


def _covered(action: str, article: ArticleText, stage: Stage) -> bool:
    return stage in article.stages and any(covers(pattern, action) for pattern in article.actions)


def covers(pattern: str, covered: str) -> bool:
    """Whether the glob certainly fits all that the other one fits."""
    if pattern in {"*", covered}:
        return True
    if any(wild in pattern for wild in "?[") or "[" in covered or _ANY in pattern + covered:
        return False  # it may be so, but it is not certain
    return like(covered.replace("*", _ANY).replace("?", _ANY), pattern)
