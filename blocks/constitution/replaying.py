"""Time travel: recorded decisions, decided again under a candidate.

The history that articles ask about is built anew under the candidate's own verdicts: what it refuses has not
happened for what comes after. What it would ask of people counts as done where it was done in the record. All
other facts are those of the record, and detectors are taken at their recorded answers, since the values that
they looked at may not have been kept. A decision that needs a fact which was not kept is never guessed: it is
counted with what was missing, and the history goes on with what really happened.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from blocks.audit.keeping import action_of
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision, Verdict
from blocks.constitution.history import History
from blocks.constitution.stages import STAGES, variables
from blocks.constitution.tallying import REFUSING, Tally
from blocks.constitution.withheld import Withheld

MOST_REASONS = 50
NOT_KEPT = Withheld("0" * 64, 0)
"""Stands for a variable that the record does not have at all."""
WITHHELD = "is withheld"
_MISSING = re.compile(rf"the fact (\S+) {WITHHELD}")


@dataclass(kw_only=True)
class Replaying:
    """Takes the recorded decisions of a tenant, each project's together and in the order of the chain."""

    candidate: Constitution
    since: datetime
    """Earlier decisions are only history for the later ones."""
    tally: Tally = field(default_factory=Tally)
    decisions: int = 0
    by_limits: int = 0
    """Refused by a node's frozen authority or budget, or by another hook: no constitution changes that."""
    undecided: Counter[str] = field(default_factory=Counter)
    """What was missing -> how often it kept a decision from being made again."""
    _project: str | None = None
    _history: History = field(default_factory=History)

    def take(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Decide these records again; call it with one batch after the other."""
        for record in records:
            self._take(record)

    def _take(self, record: Mapping[str, Any]) -> None:
        project = record.get("project")
        if project is None or project != self._project:
            self._project, self._history = project, History()
        at = datetime.fromisoformat(record["at"])
        counted = at >= self.since
        self.decisions += counted
        if not record.get("constitution"):
            self.by_limits += counted
            self._remember(record, at, record["verdict"])
            return
        decision = self._decided(record, at)
        missing = "the facts" if decision is None else missing_in(decision)
        if decision is None or missing:
            if counted:
                self.undecided[_bounded(str(missing), self.undecided)] += 1
            self._remember(record, at, _happened(record))
            return
        if counted:
            articles = [
                {"article": i.article, "verdict": i.verdict, "reason": i.reason} for i in decision.articles
            ]
            self.tally.count(record, decision.verdict, articles)
        asked = decision.verdict == "approve"
        self._remember(record, at, _happened(record) if asked else decision.verdict)

    def _decided(self, record: Mapping[str, Any], at: datetime) -> Decision | None:
        if not record.get("facts") or record["stage"] not in STAGES:
            return None
        try:
            action, answers = action_of(record)
        except (AttributeError, KeyError, TypeError, ValueError):  # facts that are none, or withheld whole
            return None
        known = {name: answer for name, answer in answers.items() if "history." not in name}
        return self.candidate.decide(self._complete(action, at), answers=known)

    def _complete(self, action: Action, at: datetime) -> Action:
        """The action with the history as it is now; variables that were not kept are withheld."""
        absent = dict.fromkeys(variables(action.stage), NOT_KEPT)
        return replace(action, facts={**absent, "time": at, **action.facts, "history": self._history})

    def _remember(self, record: Mapping[str, Any], at: datetime, verdict: Verdict) -> None:
        self._history.add(record["stage"], record["action"], verdict, at, record.get("labels") or ())

    def report(self, until: datetime) -> dict[str, Any]:
        """The answer as plain JSON."""
        return {
            "constitution": {
                "name": self.candidate.name,
                "version": self.candidate.version,
                "digest": self.candidate.digest,
            },
            "since": self.since.isoformat(),
            "until": until.isoformat(),
            "decisions": self.decisions,
            "by_limits": self.by_limits,
            "undecided": [{"missing": name, "count": count} for name, count in self.undecided.most_common()],
            **self.tally.as_json(),
        }


def missing_in(decision: Decision) -> str | None:
    """The fact whose absence left the verdict open; None when it is certain all the same."""
    if not decision.unreadable:
        return None
    found: str | None = None
    for item in decision.articles:
        if WITHHELD in item.reason:
            match = _MISSING.search(item.reason)
            found = found or (match[1] if match else f"what {item.article} asks for")
        elif item.verdict == "deny" and item.article != "default":
            return None
    return found


def _happened(record: Mapping[str, Any]) -> Verdict:
    """What became of the action: one that people agreed to was let through."""
    verdict = cast("Verdict", record["verdict"])
    return "allow" if verdict in REFUSING and record.get("approval") else verdict


def _bounded(reason: str, known: Mapping[str, Any]) -> str:
    return reason if reason in known or len(known) < MOST_REASONS else "(others)"
