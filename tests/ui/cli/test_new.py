"""`soma new` and `soma blueprints`: the same questions in a terminal."""

import io
import json

import pytest
from rich.console import Console

from ui.cli.interview import Interview


def interview(gateway, monkeypatch, session, typed, **given):
    """Somebody at a terminal answers the session's questions by typing these lines."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    console = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)
    client = gateway.client()
    project = Interview(client, client.session(session), console).lead(given, launch=False)
    return project, console.file.getvalue()


@pytest.fixture
def begun(gateway, soma, lay_down):
    lay_down()
    return gateway.client().new_session(blueprint="survey-well").id


def test_questions_are_asked_until_they_are_answered(gateway, monkeypatch, begun):
    """A wrong answer is told and asked again, a condition leads to its question, and then it is launched."""
    typed = "/r\ndeep\nmany\n3\n2.5\ncode, tests\n\nno\nyes\n"
    project, said = interview(gateway, monkeypatch, begun, typed)

    assert "must be a number, not a text" in said
    detail = gateway.client().project(project.id)
    assert detail.inputs == {
        "repository": "/r",
        "depth": "deep",
        "days": 3,
        "budget": 2.5,
        "sides": ["code", "tests"],
        "until": None,
        "again": False,
    }


def test_who_leaves_can_come_back(gateway, monkeypatch, begun):
    """At the end of the input nothing is launched, and what was answered is asked no more."""
    project, said = interview(gateway, monkeypatch, begun, "/r\nquick\n")
    assert (project, f"soma new --resume {begun}" in said) == (None, True)

    project, said = interview(gateway, monkeypatch, begun, "\n\n\n\nyes\n")
    assert "Which repository?" not in said
    assert project is not None


def test_without_a_terminal_options_answer(gateway, soma, lay_down):
    """Numbers, choices and lists are read by their questions; what lacks ends with code 2 and a way on."""
    lay_down()
    lacking = soma("new", "--blueprint", "survey-well", "-i", "depth=deep", "-i", "days=3", "--launch")
    (session,) = [item for item in gateway.client().sessions() if item.id in lacking.err]
    resumed = soma(
        *("new", "--resume", session.id, "--launch"),
        *("-i", "repository=/r", "-i", "budget=2", "-i", "sides=code,tests", "-i", "again=yes"),
    )

    assert lacking.code == 2
    assert "repository: is missing" in lacking.err
    assert resumed.code == 0
    inputs = gateway.client().project(resumed.out.split()[-1]).inputs
    assert (inputs["days"], inputs["budget"], inputs["sides"], inputs["again"]) == (
        3,
        2,
        ["code", "tests"],
        True,
    )


def test_a_guess_is_taken_only_when_somebody_says_so(gateway, soma):
    """A program that hands over a request says `--accept`, else the guess is in its way."""
    asked = ("new", "audit the code in /srv/thing", "--launch")
    waits, taken = soma(*asked), soma(*asked, "--accept")

    assert (waits.code, "confirm or change it" in waits.err) == (2, True)
    assert taken.code == 0
    assert gateway.client().project(taken.out.split()[-1]).inputs == {"repository": "/srv/thing"}


def test_sessions_are_listed_and_discarded(gateway, soma, begun):
    """One's own, until they are discarded."""
    listed = soma("new", "--list")
    gone = soma("new", "--discard", begun)

    assert begun in listed.out
    assert gone.out.strip() == f"{begun} is forgotten"
    assert begun not in soma("new", "--list").out
    assert soma("new").code == 2


def test_blueprints_are_listed_shown_matched_and_checked(soma, lay_down, tmp_path):
    """What can be launched, what it asks, what a request is about, and what is wrong with a file."""
    lay_down()
    broken = tmp_path / "broken.yaml"
    broken.write_text("apiVersion: soma/v1\nkind: Blueprint\nname: x\nquestions: []\n")

    assert "survey-well" in soma("blueprints", "list").out
    shown = soma("blueprints", "show", "survey-well").out
    assert "How many days back? (at least 1) (at most 30) (if answers.depth == 'deep')" in shown
    assert "rule: a thorough survey costs something" in shown
    matched = json.loads(soma("blueprints", "match", "audit https://example.com/x.git", "--json").out)
    assert (matched[0]["blueprint"], matched[0]["guesses"][0]["answer"]) == (
        "repository-audit",
        "https://example.com/x.git",
    )
    assert "repository-audit" in soma("blueprints", "match", "audit my code").out
    wrong = soma("blueprints", "check", str(broken))
    assert (wrong.code, "broken.yaml:4: questions" in wrong.err) == (2, True)
    assert "valid" in soma("blueprints", "check", str(lay_down())).out


def test_launch_reads_answers_by_their_questions(gateway, soma, lay_down):
    """A text that looks like a number stays one, and what a rule forbids is told."""
    lay_down()
    made = soma("launch", "survey-well", "-i", "repository=123", "-i", "budget=2.5")
    wrong = soma("launch", "survey-well", "-i", "repository=/r", "-i", "sides=docs")

    assert gateway.client().project(made.out.split()[0]).inputs["repository"] == "123"
    assert (wrong.code, "documentation alone is not surveyed" in wrong.err) == (2, True)
