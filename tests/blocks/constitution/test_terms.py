"""The terms of an approval: how they are written, what is refused, and what is recorded."""

from datetime import timedelta

import pytest

from blocks.constitution.decisions import Action
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.terms import ApprovalTerms, parse_duration

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: t, version: "1.0.0", tenant: acme}\n'


def document(article: str):
    text = HEAD + f"default: deny\narticles:\n  - {{id: A, title: t, reason: r, {article}}}\n"
    return parse_constitution(text, "c.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(hours=24)),
        ("365d", timedelta(days=365)),
    ],
)
def test_durations_have_a_unit(text, expected):
    """Seconds, minutes, hours and days."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "0h", "-1h", "1.5h", "1 h", "1w", "h", "366d", "999999d", "٣h", "1h\n"]
)
def test_what_is_no_duration_is_refused(text):
    """Without a unit, without a number, or longer than a year."""
    with pytest.raises(ValueError, match=r"no duration|longer than"):
        parse_duration(text)


def test_terms_are_part_of_the_decision():
    """Whoever asks the people learns whom, how many and until when."""
    given = document(
        "stages: [task], verdict: approve, "
        "approve: {who: ['role:approver', 'user:ada'], quorum: 2, expires: 24h, requester: false}"
    )
    terms = given.decide(Action(stage="task", name="x", facts={})).articles[0].terms

    assert terms == ApprovalTerms(
        who=("role:approver", "user:ada"), quorum=2, expires=timedelta(hours=24), requester=False
    )
    assert ApprovalTerms.from_json(terms.as_json()) == terms


def test_an_article_that_asks_without_terms_has_the_usual_ones():
    """Anybody who may answer, one of them, within a week; other verdicts have none."""
    asking = document("stages: [task], verdict: approve")
    denying = document("stages: [task], verdict: deny")

    assert asking.articles[0].terms == ApprovalTerms() == ApprovalTerms.from_json({})
    assert denying.articles[0].terms is None


@pytest.mark.parametrize(
    ("article", "problem"),
    [
        (
            "stages: [task], verdict: deny, approve: {quorum: 2}",
            "approve: only the verdict 'approve' has terms",
        ),
        ("stages: [task], verdict: approve, approve: {quorum: 0}", "approve.quorum: input should be greater"),
        (
            "stages: [task], verdict: approve, approve: {quorum: '2'}",
            "approve.quorum: input should be a valid",
        ),
        (
            "stages: [task], verdict: approve, approve: {requester: 'no'}",
            "approve.requester: input should be",
        ),
        (
            "stages: [task], verdict: approve, approve: {expires: 24}",
            "approve.expires: YAML reads this as int",
        ),
        (
            "stages: [task], verdict: approve, approve: {expires: soon}",
            "approve.expires: 'soon' is no duration",
        ),
        (
            "stages: [task], verdict: approve, approve: {expire: 1h}",
            "approve.expire: unknown key; did you mean",
        ),
        (
            "stages: [task], verdict: approve, approve: {who: [ada]}",
            "approve.who: 'ada' names nobody: write user:",
        ),
        (
            "stages: [task], verdict: approve, approve: {who: ['user:a', 'user:a']}",
            "approve.who: somebody is named twice",
        ),
        (
            "stages: [task], verdict: approve, approve: {who: ['user:a'], quorum: 2}",
            "approve: 2 people must agree, but only 1 may",
        ),
        (
            "stages: [task, tool.result], verdict: approve",
            "stages[1]: tool.result cannot be answered with 'approve'",
        ),
        ("stages: [model.response], verdict: approve", "it has happened already when it is decided"),
        ("stages: [project.launch], verdict: redact", "nothing of it can be masked"),
        ("stages: [plan.node], verdict: redact", "stages[0]: plan.node cannot be answered with 'redact'"),
        ("stages: [capsule.start], verdict: redact", "capsule.start cannot be answered with 'redact'"),
        ("stages: [task, task], verdict: deny", "stages[1]: task is named twice"),
    ],
)
def test_terms_that_nobody_could_keep_do_not_load(article, problem):
    """Nor does a verdict that its stage cannot carry out."""
    with pytest.raises(ConstitutionInvalid) as caught:
        document(article)

    assert any(problem in line for line in caught.value.problems), caught.value.problems
