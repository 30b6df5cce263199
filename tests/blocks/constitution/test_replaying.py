from datetime import UTC, datetime, timedelta

import pytest

from blocks.audit.keeping import kept_facts
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.constitution.examples import BACKGROUND
from blocks.constitution.replaying import Replaying

NOW = datetime(2030, 1, 10, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)
CANDIDATE = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: candidate, version: '2.0.0'}
default: allow
articles:
  - id: no-outside
    title: No mail to strangers
    stages: [tool.call]
    actions: [mail.send]
    when: tool.arguments.to.endsWith("@elsewhere.example")
    verdict: deny
    reason: "{tool.arguments.to} is a stranger"
  - id: three-mails
    title: Three mails are enough
    stages: [tool.call]
    actions: [mail.send]
    when: history.count("tool.call", "mail.send") >= 3
    verdict: approve
    reason: three mails were sent
  - id: no-secrets
    title: No secrets in notes
    stages: [tool.call]
    actions: [note.write]
    when: has_secret(tool.arguments)
    verdict: deny
    reason: it holds a secret
  - id: not-that-note
    title: One note is not to be written again
    stages: [tool.call]
    actions: [note.write]
    when: tool.arguments.text == "again"
    verdict: warn
    reason: again
  - id: not-in-production
    title: Nobody builds in production
    stages: [tool.call]
    actions: [house.build]
    when: environment.name == "production"
    verdict: deny
    reason: this is production
"""


def record(
    number, action="mail.send", verdict="allow", *, project="prj_1", at=NOW, answers=None, **arguments
):
    """A decision as the audit log keeps it."""
    facts = {
        **BACKGROUND,
        "task": {"name": action, "arguments": arguments},
        "tool": {"name": action, "arguments": arguments},
        "time": at.isoformat(),
    }
    return {
        "id": f"dec_{number}",
        "kind": "decision",
        "tenant": "default",
        "at": at.isoformat(),
        "project": project,
        "node": "first",
        "stage": "tool.call",
        "action": action,
        "verdict": verdict,
        "articles": [{"article": "old", "verdict": verdict, "reason": "so it was"}],
        "constitution": "0" * 64,
        "facts": kept_facts(Action(stage="tool.call", name=action, facts=facts)),
        "answers": answers or {},
    }


def replayed(*records, since=SINCE):
    replaying = Replaying(candidate=parse_constitution(CANDIDATE, "candidate"), since=since)
    replaying.take(records)
    return replaying.report(NOW)


def test_what_the_candidate_refuses_is_counted_by_article_and_project():
    """A newly refused action stands under its article, under its project and among the examples."""
    report = replayed(
        record(1, to="ada@here.example"),
        record(2, to="eve@elsewhere.example"),
        record(3, to="eve@elsewhere.example", project="prj_2"),
    )

    assert (report["decisions"], report["same"], report["changes"]["refused"]) == (3, 1, 2)
    assert report["articles"] == [
        {"article": "no-outside", "refused": 2, "asked": 0, "let_through": 0, "marked": 0}
    ]
    assert {found["project"]: found["refused"] for found in report["projects"]} == {"prj_1": 1, "prj_2": 1}
    assert [found["decision"] for found in report["examples"]] == ["dec_2", "dec_3"]
    assert report["examples"][0]["reason"] == "eve@elsewhere.example is a stranger"


def test_what_the_candidate_lets_through_is_told_of_the_article_that_refused_it():
    """A recorded refusal that the candidate does not make is newly let through."""
    report = replayed(record(1, verdict="deny", to="ada@here.example"))

    assert report["changes"] == {"refused": 0, "asked": 0, "let_through": 1, "marked": 0}
    assert report["examples"][0]["article"] == "old"


def test_history_is_the_candidates_own():
    """What the candidate refuses has not happened: the fourth mail is the third that it lets through.

    What the recorded run was told of its own history does not count.
    """
    report = replayed(
        record(1, to="a@here.example"),
        record(2, to="eve@elsewhere.example"),
        record(3, to="b@here.example"),
        record(4, to="c@here.example"),
        record(5, to="d@here.example", answers={'history.count("tool.call", "mail.send")': 0}),
    )

    assert [(found["decision"], found["change"]) for found in report["examples"]] == [
        ("dec_2", "refused"),
        ("dec_5", "asked"),
    ]


def test_history_ends_with_its_project_and_begins_before_the_period():
    """Another project has a history of its own; what happened before the period counts as history only."""
    earlier = SINCE - timedelta(hours=1)
    old = [record(number, at=earlier, to="a@here.example") for number in range(3)]
    report = replayed(*old, record(4, to="a@here.example"), record(5, project="prj_2", to="a@here.example"))

    assert (report["decisions"], report["same"]) == (2, 1)
    assert [found["decision"] for found in report["examples"]] == ["dec_4"]


def test_a_recorded_answer_stands_for_what_was_withheld():
    """A text that was too long to be kept is judged by the detector's recorded answer."""
    long = "x" * 3000
    report = replayed(
        record(1, "note.write", body=long, text="a", answers={"has_secret(tool.arguments)": True}),
        record(2, "note.write", body=long, text="a", answers={"has_secret(tool.arguments)": False}),
    )

    assert (report["changes"]["refused"], report["same"], report["undecided"]) == (1, 1, [])


def test_what_was_not_kept_is_counted_and_never_guessed():
    """Without the text and without an answer nothing is decided; the report says what was missing."""
    answers = {"has_secret(tool.arguments)": False}
    report = replayed(record(1, "note.write", text="x" * 3000, answers=answers))

    assert report["undecided"] == [{"missing": "tool.arguments.text", "count": 1}]
    assert (report["same"], sum(report["changes"].values())) == (0, 0)


def test_a_variable_that_older_records_do_not_have_is_missing():
    """Records of a hub that did not tell the environment yet leave open what depends on it."""
    old = record(1, "house.build")
    del old["facts"]["environment"]
    report = replayed(old, record(2, "house.build"))

    assert report["undecided"] == [{"missing": "environment.name", "count": 1}]
    assert report["same"] == 1


def test_a_certain_refusal_needs_no_more_facts():
    """What one article denies for certain is denied, whatever another could not read."""
    answers = {"has_secret(tool.arguments)": True}
    report = replayed(record(1, "note.write", text="x" * 3000, answers=answers))

    assert (report["changes"]["refused"], report["undecided"]) == (1, [])


@pytest.mark.parametrize(
    "broken",
    [
        {"facts": None},
        {"facts": {"$withheld": "0" * 64, "length": 3}},
        {"facts": {"time": "nonsense"}},
        {"stage": "no.stage"},
    ],
)
def test_a_record_that_cannot_be_read_is_counted(broken):
    """A record without facts, or with facts that are none, is undecided and stops nothing."""
    report = replayed({**record(1), **broken}, record(2, to="eve@elsewhere.example"))

    assert report["undecided"] == [{"missing": "the facts", "count": 1}]
    assert report["changes"]["refused"] == 1


def test_what_a_nodes_limits_refused_stays_refused():
    """No constitution lets through what a frozen authority or a budget refuses."""
    report = replayed({**record(1, verdict="deny", to="a@here.example"), "constitution": ""})

    assert (report["by_limits"], report["same"], report["changes"]["let_through"]) == (1, 0, 0)


def test_the_report_is_bounded():
    """Two thousand refusals in four hundred projects are counted, and a few of each kind are shown."""
    records = [
        record(number, to="eve@elsewhere.example", project=f"prj_{number // 5}") for number in range(2000)
    ]
    report = replayed(*records)

    assert report["changes"]["refused"] == 2000
    assert len(report["examples"]) == 5
    assert (len(report["projects"]), report["more_projects"]) == (200, 200)
