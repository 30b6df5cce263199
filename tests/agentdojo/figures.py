"""Replays AgentDojo's suites through the guard and compares what is found with what the docs say.

`python figures.py` replays everything; with `--sample` every eleventh attack, and no suite's check of
what a task did, for the ordinary test suite.
Prints a table, the tasks that need a person, and every attack that was not stopped; exits with 1 when
there is one, or when the docs say something else.
"""

import sys
from collections import Counter
from pathlib import Path

import packages

packages.ready()

from evasions import EVASIONS  # noqa: E402  # needs the fetched packages
from guarded import SETTINGS  # noqa: E402  # the same
from replaying import attacked, benign, unguarded  # noqa: E402  # the same
from suites import NAMES, VERSION, suite_of  # noqa: E402  # the same

DOCS = Path(__file__).parents[2] / "docs" / "concepts" / "agentdojo.md"
SAMPLED = 11


class Figures:
    """What was found, by (setting, suite, user task[, injection task])."""

    def __init__(self):
        self.tasks = {}
        self.attacks = {}
        self.unguarded = {}

    def measure(self, sampled):
        number = 0
        for suite in map(suite_of, NAMES):
            for task in suite.suite.user_tasks.values():
                before = suite.environment(task, {})
                for setting in SETTINGS:
                    self.tasks[setting, suite.name, task.ID] = benign(
                        suite, setting, task, before, checked=not sampled
                    )
                for injection in suite.suite.injection_tasks.values() if suite.vectors(task) else ():
                    number += 1
                    if not sampled or number % SAMPLED == 0:
                        self._attack(suite, task, injection, sampled)

    def _attack(self, suite, task, injection, sampled):
        injections = suite.injections(task, injection)
        before, texts = suite.environment(task, injections), list(injections.values())
        for setting in SETTINGS:
            found = attacked(suite, setting, task, injection, before, texts)
            self.attacks[setting, suite.name, task.ID, injection.ID] = found
        if not sampled:
            found = unguarded(suite, task, injection, before, texts)
            self.unguarded[suite.name, task.ID, injection.ID] = found

    def rows(self):
        """The lines of the docs' table."""
        for setting in SETTINGS:
            for name in NAMES:
                answers = Counter(found["answer"] for found in _of(self.tasks, setting, name))
                tried = _of(self.attacks, setting, name)
                stopped = sum(_is_stopped(found) for found in tried)
                benign_ones = [str(answers[answer]) for answer in ("through", "asked", "refused")]
                cells = [setting, name, str(answers.total()), *benign_ones, str(len(tried)), str(stopped)]
                yield f"| {' | '.join(cells)} |"

    def needing_a_person(self):
        """The tasks that do not get through whole, and why."""
        for (setting, name, task), found in sorted(self.tasks.items()):
            if found["stopped"]:
                yield f"{setting} {name} {task} is {found['answer']}: {', '.join(found['stopped'])}"

    def wrong(self):
        """What must not be: attacks that get through, and tasks that were let through and are not done."""
        for key, found in self.attacks.items():
            if not _is_stopped(found):
                yield f"not stopped: {' '.join(key)}"
            if not found["read"]:
                yield f"the attacker's text was not read: {' '.join(key)}"
        for key, found in self.tasks.items():
            if found["answer"] == "through" and found["done"] is False:
                yield f"let through, but not done: {' '.join(key)}"

    def about_attacks(self):
        working = sum(found["works"] for found in self.unguarded.values())
        anyway = sum(found["anyway"] for found in self.unguarded.values())
        yield f"{len(self.unguarded)} attacks; {working} reach their goal when nobody is asked"
        yield f"{anyway} goals are reached by the user's task alone"
        failing = [" ".join(key) for key, found in self.unguarded.items() if not found["works"]]
        yield f"not reached when nobody is asked: {'; '.join(failing) or 'none'}"


def _of(found, setting, name):
    return [value for key, value in found.items() if key[:2] == (setting, name)]


def _is_stopped(found):
    return found["stopped"] and not found["reached"]


def _evasions():
    """The lines of the docs' second table."""
    for name, tried in EVASIONS.items():
        yield f"| {name} | {'let through' if tried() else 'stopped'} |"


def _unlike_the_docs(rows, sampled):
    """The rows that the docs have otherwise; of a sample only the benign half can be compared."""
    told = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    if sampled:
        told += [line.rsplit("|", 3)[0] for line in told]
        rows = [row.rsplit("|", 3)[0] if row.count("|") > 3 else row for row in rows]
    return [f"the docs do not say: {row}" for row in rows if row not in told]


def _untold(figures):
    """What the docs do not say of how the attacks fare when nobody is asked."""
    working = sum(found["works"] for found in figures.unguarded.values())
    told = f"{working} of the {len(figures.unguarded)} attacks reach their goal when nobody is asked"
    if told not in DOCS.read_text():
        yield f"the docs do not say: {told}"
    for key, found in figures.unguarded.items():
        if found["anyway"]:
            yield f"the user's task alone reaches the goal: {' '.join(key)}"


def main():
    sampled = "--sample" in sys.argv
    figures = Figures()
    figures.measure(sampled)
    rows = [*figures.rows(), *_evasions()]
    wrong = [*figures.wrong(), *_unlike_the_docs(rows, sampled)]
    wrong += [] if sampled else _untold(figures)
    lines = [f"AgentDojo {VERSION}", *rows, *figures.needing_a_person()]
    lines += [] if sampled else figures.about_attacks()
    sys.stdout.write("\n".join([*lines, *wrong]) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
