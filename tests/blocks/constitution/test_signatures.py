"""Articles about known actions: their arguments are checked, unknown names are pointed out."""

import pytest

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.signatures import Signatures
from blocks.constitution.types import DOUBLE, DYN, INT, STRING, list_of, map_of

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
KNOWN = Signatures(
    actions={
        "tool.call": {
            "mail.send": {"recipients": list_of(STRING), "body": STRING, "limit": INT},
            "mail.draft": {"body": STRING, "limit": DOUBLE},
            "bank.pay": {"amount": DOUBLE, "details": map_of(DYN)},
            "any.thing": None,
            "clock.read": {},
        },
        "capsule.start": {"survey": {"source": STRING}},
    }
)


def document(article: str, signatures: Signatures | None = KNOWN) -> Constitution:
    text = HEAD + f"default: allow\narticles:\n  - {{title: t, id: A, verdict: deny, {article}}}\n"
    return parse_constitution(text, "c.yaml", signatures)


@pytest.mark.parametrize(
    ("article", "problem"),
    [
        (
            "stages: [tool.call], actions: [mail.send], reason: r, when: tool.arguments.limmit > 3",
            "when: no field 'limmit' in `tool.arguments`; did you mean 'limit'?",
        ),
        (
            "stages: [tool.call], actions: ['mail.*'], reason: r, when: tool.arguments.amount > 3",
            "when: no field 'amount' in `tool.arguments`; there is body, limit, recipients",
        ),
        (
            "stages: [tool.call], actions: [mail.send], reason: r, when: tool.arguments.body > 3",
            "when: string > int can never hold",
        ),
        (
            "stages: [tool.call], actions: [mail.send], reason: r, when: 5 in tool.arguments.recipients",
            "when: int in list(string) can never hold",
        ),
        (
            "stages: [tool.call], actions: [mail.send], reason: r, when: has(tool.arguments.limmit)",
            "did you mean 'limit'?",
        ),
        (
            "stages: [tool.call], actions: [mail.send], reason: r, when: task.arguments.bdy == 'x'",
            "when: no field 'bdy' in `task.arguments`; did you mean 'body'?",
        ),
        (
            "stages: [tool.result], actions: [mail.send], reason: r, when: tool.arguments.bdy == 'x'",
            "did you mean 'body'?",
        ),
        (
            "stages: [tool.call], actions: [bank.pay], reason: 'no {tool.arguments.amout}'",
            "reason: no field 'amout' for {tool.arguments.amout}; did you mean 'amount'?",
        ),
        (
            "stages: [capsule.start], actions: [survey], reason: r, when: capsule.inputs.sorce == 'x'",
            "when: no field 'sorce' in `capsule.inputs`; did you mean 'source'?",
        ),
    ],
)
def test_a_wrong_argument_of_a_known_action_is_an_error(article, problem):
    """A misspelt argument or one of another type could only fail, or never match."""
    with pytest.raises(ConstitutionInvalid) as caught:
        document(article)

    assert caught.value.problems[0].startswith("c.yaml:6: articles[0].")
    assert problem in caught.value.problems[0]
    document(article, None)  # without signatures nothing is known of arguments


@pytest.mark.parametrize(
    "article",
    [
        "actions: [mail.send], when: tool.arguments.limit > 3 && size(tool.arguments.recipients) > 2",
        "actions: ['mail.*'], when: tool.arguments.limit > 3",  # int or double
        "actions: ['mail.*'], when: has(tool.arguments.recipients) && 'x' in tool.arguments.recipients",
        "actions: [bank.pay], when: tool.arguments.details.iban == 'x'",
        "actions: [mail.send], when: \"tool.arguments['limit'] == 3\"",
        "actions: [mail.send], when: \"tool.arguments.exists(name, name == 'limit')\"",
        "actions: [mail.send], when: \"'limit' in tool.arguments\"",
        "actions: [mail.send], when: has_secret(tool.arguments)",
        "actions: [any.thing], when: tool.arguments.whatever == 3",
        "when: tool.arguments.whatever == 3",
    ],
)
def test_what_fits_a_known_action_or_any_is_taken(article):
    """Free-form arguments, whole arguments and articles about everything stay possible."""
    assert document(f"stages: [tool.call], reason: r, {article}").warnings == ()


@pytest.mark.parametrize(
    ("article", "warning"),
    [
        (
            "stages: [tool.call], actions: [mail.snd]",
            "no installed action 'mail.snd'; did you mean 'mail.send'?",
        ),
        ("stages: [tool.call], actions: ['post.*']", "no installed action fits 'post.*'"),
        ("stages: [plan.node], actions: [servey]", "did you mean 'survey'?"),
    ],
)
def test_an_unknown_action_is_a_warning(article, warning):
    """It may be a tool that is not installed here, or a slip of the pen."""
    assert warning in document(f"reason: r, {article}").warnings[0]
    assert document(f"reason: r, {article}").warnings[0].startswith("c.yaml:6: articles[0].actions[0]: ")


def test_an_article_that_also_speaks_of_unknown_actions_is_not_held_to_the_known_ones():
    """What the unknown action takes is not known."""
    text = "stages: [tool.call], reason: r, actions: [mail.send, my.tool], when: tool.arguments.foo == 1"

    assert "my.tool" in document(text).warnings[0]


def test_stages_whose_actions_are_not_known_give_no_warnings():
    """Names of blueprints or models are nobody's signatures."""
    assert document("stages: [project.launch], reason: r, actions: [my-blueprint]").warnings == ()
