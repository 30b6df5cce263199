"""What the constitution says to actions that have not happened yet, as far as that can be told.

An article whose condition reads only what is known when a plan is made is asked as it will be asked then.
One that reads more, such as the arguments of a tool call, may change the verdict and is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from blocks.constitution.articles import Article
from blocks.constitution.conditions import Condition
from blocks.constitution.constitution import PLACEHOLDER, Constitution
from blocks.constitution.decisions import RANK, Action, Stage, Verdict

Path = tuple[str, ...]
KNOWN: tuple[Path, ...] = (
    ("principal",),
    ("launch",),
    ("project", "blueprint"),
    ("project", "requested_by"),
    ("project", "inputs"),
    *(("node", name) for name in ("name", "id", "runtime", "tools", "memory", "budget")),
    *(("capsule", name) for name in ("name", "version", "owner", "digest", "runtime", "tools", "memory")),
    ("environment",),
    ("task", "name"),
    ("tool", "name"),
)
"""Facts that are the same when the action comes, with all that lies below them."""
LAUNCH_TOO: tuple[Path, ...] = (("task",), ("data",), ("project",))
"""What is known besides when a project is launched at once."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """An article that may change the verdict."""

    article: str
    title: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What is known of the verdict on one action."""

    stage: Stage
    action: str
    verdict: Verdict | Literal["depends"]
    article: str
    reason: str
    mend: str = ""
    may: tuple[Ruling, ...] = ()


def forecast(constitution: Constitution, action: Action) -> Forecast:
    """The verdict as far as it is known; nothing is recorded."""
    stage = action.stage
    known = (*KNOWN, *LAUNCH_TOO) if stage == "project.launch" else KNOWN
    speaking = [article for article, _ in constitution.chapter(stage, action.name).articles]
    unsure = {article.id: article for article in speaking if _reads_more(article.conditions[stage], known)}
    decision = constitution.decide(action)
    sure = [item for item in decision.articles if item.article not in unsure and item.article != "default"]
    if not sure:
        return _by_default(constitution, action, list(unsure.values()))
    first = sure[0]
    return Forecast(
        stage=stage,
        action=action.name,
        verdict=first.verdict,
        article=first.article,
        reason=first.reason,
        mend=first.remedy,
        may=_stricter(unsure.values(), first.verdict),
    )


def _by_default(constitution: Constitution, action: Action, unsure: list[Article]) -> Forecast:
    """Where no article surely speaks: the default holds, unless one that may speak goes before it."""
    default = constitution.default
    softer = any(RANK[article.verdict] < RANK[default] for article in unsure)
    may = tuple(map(_ruling, unsure)) if softer else _stricter(unsure, default)
    return Forecast(
        stage=action.stage,
        action=action.name,
        verdict="depends" if softer else default,
        article="default",
        reason="what happens until then decides" if softer else constitution.default_reason,
        may=may,
    )


def _stricter(articles: Any, verdict: Verdict) -> tuple[Ruling, ...]:
    return tuple(_ruling(article) for article in articles if RANK[article.verdict] > RANK[verdict])


def _ruling(article: Article) -> Ruling:
    return Ruling(
        article=article.id,
        title=article.title,
        verdict=article.verdict,
        reason=PLACEHOLDER.sub("…", article.reason),
    )


def _reads_more(condition: Condition | None, known: tuple[Path, ...]) -> bool:
    """Whether the condition reads, or asks about, what is not known yet."""
    if condition is None:
        return False
    paths = [reading.fact.path for reading in condition.readings]
    paths += [fact.path for question in condition.questions for fact in question.facts]
    asks_history = any(not question.facts for question in condition.questions)
    return asks_history or any(not _covered(path, known) for path in paths)


def _covered(path: Path, known: tuple[Path, ...]) -> bool:
    return any(path[: len(prefix)] == prefix for prefix in known)


def told(forecast: Forecast) -> Mapping[str, Any]:
    """The forecast as plain values."""
    return {**vars(forecast), "may": [vars(item) for item in forecast.may]}
