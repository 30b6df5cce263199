"""History: counts, rates and labels of earlier actions, in Python and in conditions."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from blocks.constitution.conditions import compile_condition, context_of
from blocks.constitution.history import MOST_LABELS, MOST_NAMES, MOST_TIMES, History
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.stages import variables

TOOL = variables("tool.call")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAST = [
    {"stage": "tool.call", "action": "mail.send", "ago_seconds": 7200},
    {"stage": "tool.call", "action": "mail.send", "ago_seconds": 60, "labels": ["confidential"]},
    {"stage": "tool.call", "action": "mail.read", "verdict": "warn", "ago_seconds": 30},
    {"stage": "tool.call", "action": "mail.send", "verdict": "deny", "ago_seconds": 20},
    {"stage": "memory.read", "action": "mail.send", "ago_seconds": 10},
]


def holds(source: str, **facts: object) -> bool:
    inquiry = Inquiry({"time": NOW, "history": PAST, **facts})
    condition = compile_condition(source, TOOL)
    return condition.holds(context_of(condition, inquiry), inquiry)


@pytest.mark.parametrize(
    "source",
    [
        "history.count('tool.call', 'mail.*') == 3",
        "history.count('tool.call', 'mail.send') == 2",
        "history.count('memory.read', '*') == 1 && history.count('task', '*') == 0",
        "history.count_within('tool.call', 'mail.*', duration('1h')) == 2",
        "history.count_within('tool.call', 'mail.*', duration('45s')) == 1",
        "history.refused('tool.call', '*') == 1",
        "history.saw('confidential') && !history.saw('personal')",
        "tool.arguments.all(key, history.count('tool.call', 'mail.*') > 2)",
    ],
)
def test_conditions_ask_about_the_past(source):
    """What was let through, what was refused, how lately, and with which labels."""
    assert holds(source, tool={"arguments": {"a": 1}})


def test_labels_of_what_was_taken_in_count_as_seen():
    """What the node has read is past too."""
    assert holds("history.saw('web_content')", data={"seen": ["web_content"]})


def test_without_a_history_nothing_happened():
    """A missing history is an empty one; one that is no history cannot be asked."""
    assert holds("history.count('tool.call', '*') == 0", history=None)
    with pytest.raises(ConditionError, match=r"history\.count"):
        holds("history.count('tool.call', '*') == 0", history=[{"stage": "tool.call"}])


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("history.count('tool.cal', '*') > 1", "no stage 'tool.cal'; did you mean 'tool.call'?"),
        ("history.count('tool.call') > 1", "history.count() takes stage, glob"),
        ("history.cont('tool.call', '*') > 1", "history has no cont(); did you mean 'count'?"),
        ("history.count('tool.call', 3) > 1", "the glob of a question about history is a text"),
        ("history.count(tool.name, '*') > 1", "the stage of a question about history is a text"),
        ("history.count_within('tool.call', '*', '1h') > 1", "write the time as duration('1h')"),
        ("history.count_within('tool.call', '*', duration('1 day')) > 1", "is no duration"),
        ("history.count('tool.call', '*')", "a condition must be a bool, this is int"),
        ("history.count('tool.call', '*') == 'x'", "int == string can never hold"),
        ("count('tool.call', '*') > 1", "unknown function count()"),
        ("history == history", "history is asked with history.count"),
        ("has(history.count)", "history is asked with history.count"),
        ("dyn(history) == 1", "history is asked with history.count"),
        ("history.count == 1", "history is asked with history.count"),
        ("principal.roles.exists(history, history == 'x')", "'history' hides a variable"),
        ("principal.saw('x')", "unknown function saw()"),
    ],
)
def test_a_question_that_makes_no_sense_does_not_load(source, problem):
    """A misspelt stage would count nothing for ever, so it is an error."""
    with pytest.raises(ConditionError) as caught:
        compile_condition(source, TOOL)

    assert problem in caught.value.message


def test_approvals_that_wait_count_as_refused():
    """What people have yet to agree to was not done."""
    history = History()
    for verdict in ("allow", "warn", "redact", "approve", "deny"):
        history.add("tool.call", "x", verdict)

    assert (history.count("tool.call", "x"), history.refused("tool.call", "x")) == (3, 2)


def test_a_flood_neither_fills_the_memory_nor_hides_anything():
    """Names beyond the limit count for every glob; labels beyond theirs are all taken as seen."""
    history = History()
    for number in range(MOST_NAMES + 5):
        history.add("tool.call", f"noise-{number}", at=0.0)
    history.add("tool.call", "mail.send", at=0.0)
    history.add("task", "x", labels=[f"label-{number}" for number in range(MOST_LABELS)])

    assert len(history._let_through) <= MOST_NAMES + 2
    assert len(history._recent) == MOST_TIMES
    assert history.count("tool.call", "mail.send") >= 1
    assert history.saw("anything")


def test_threads_count_together():
    """No addition is lost when several threads add."""
    history = History()

    def add() -> None:
        for number in range(500):
            history.add("tool.call", "x", at=NOW)
            if not number % 50:
                history.count_within("tool.call", "*", 60, NOW)

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert history.count("tool.call", "x") == 2000
    assert history.count_within("tool.call", "x", 60, NOW + timedelta(seconds=61)) == 0


def test_a_history_survives_as_json():
    """The recent actions can be handed to another process."""
    again = History.of(History.of(PAST, NOW).as_json(NOW), NOW)

    assert again.count("tool.call", "mail.*") == 3
    assert again.count_within("tool.call", "mail.*", 45, NOW) == 1


def test_a_history_that_stands_on_a_past_counts_what_others_did_and_its_own_once() -> None:
    """What the past tells of the node itself is not counted a second time."""
    past, own, history = History(), History(), History()
    for told in (past, own, history):  # its own action, as it was decided and as it was read back
        told.add("tool.call", "shell.run", at=NOW, labels=["untrusted"])
    past.add("tool.call", "shell.run", at=NOW - timedelta(seconds=5), labels=["personal"])
    past.add("tool.call", "shell.run", "deny", at=NOW)
    history.add("tool.call", "shell.stop", at=NOW)
    history.stand_on(past, own)
    assert history.count("tool.call", "shell.*") == 3
    assert history.count_within("tool.call", "shell.run", 1, NOW) == 1
    assert history.refused("tool.call", "*") == 1
    assert history.saw("personal")
    assert [item["action"] for item in history.as_json(NOW)] == ["shell.run", "shell.run", "shell.stop"]
