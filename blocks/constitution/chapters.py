"""The articles that speak of one action, asked together.

Asking the engine costs more than most conditions do, so the conditions of a chapter are compiled into one
list, `[first, second, ...]`, and answered in one call. When one of them cannot be evaluated the list has no
answer, and they are asked one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cel

from blocks.constitution.articles import Article
from blocks.constitution.conditions import Condition, Needs, compiled
from blocks.constitution.inquiry import Inquiry

TOGETHER = 64
"""Conditions in one list: one that cannot be evaluated makes its neighbours be asked again, no others."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Conditions that are asked in one call."""

    program: cel.Program
    conditions: tuple[Condition, ...]
    """All different."""

    def ask(self, context: cel.Context, inquiry: Inquiry) -> list[bool | str]:
        """For each condition whether it holds, or why that cannot be said."""
        try:
            answers: list[bool | str] = self.program.execute(context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001  # a panic of the engine is no Exception
            return [_alone(condition, context, inquiry) for condition in self.conditions]
        return answers


def _alone(condition: Condition, context: cel.Context, inquiry: Inquiry) -> bool | str:
    try:
        return condition.holds(context, inquiry)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong must not let anything through
        return str(error) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Chapter:
    """The articles that speak of one (stage, action), in the document's order."""

    articles: tuple[tuple[Article, int | None], ...]
    """With the number of the condition; None always holds."""
    unconditional: bool
    """Whether some article always holds."""
    groups: tuple[_Group, ...]
    needs: Needs

    @classmethod
    def of(cls, articles: Iterable[tuple[Article, Condition | None]]) -> "Chapter":
        given = list(articles)
        conditions = {condition.text: condition for _, condition in given if condition}
        numbers = {text: number for number, text in enumerate(conditions)}
        different = list(conditions.values())
        parts = [different[start : start + TOGETHER] for start in range(0, len(different), TOGETHER)]
        return cls(
            tuple((article, numbers[condition.text] if condition else None) for article, condition in given),
            any(condition is None for _, condition in given),
            tuple(_group(part) for part in parts),
            Needs.of(different),
        )

    def ask(self, inquiry: Inquiry) -> list[tuple[Article, str | None]]:
        """Each article that holds, with None, and each that cannot be evaluated, with the reason."""
        answers = self._answers(inquiry) if self.groups else []
        if not self.unconditional and answers.count(False) == len(answers):
            return []
        found: list[tuple[Article, str | None]] = []
        for article, number in self.articles:
            answer = True if number is None else answers[number]
            if answer is True:
                found.append((article, None))
            elif answer is not False:
                found.append((article, str(answer)))
        return found

    def _answers(self, inquiry: Inquiry) -> list[bool | str]:
        try:
            context = self.needs.context(inquiry)
            if len(self.groups) == 1:
                return self.groups[0].ask(context, inquiry)
            return [answer for group in self.groups for answer in group.ask(context, inquiry)]
        except Exception as error:  # noqa: BLE001  # whatever goes wrong must not let anything through
            why = str(error) or type(error).__name__
            return [why for group in self.groups for _ in group.conditions]


def _group(conditions: list[Condition]) -> _Group:
    return _Group(compiled(f"[{', '.join(condition.text for condition in conditions)}]"), tuple(conditions))
