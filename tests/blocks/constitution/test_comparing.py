import pytest

from blocks.constitution.comparing import compare
from blocks.constitution.document import parse_constitution

ONE = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: house, version: '1.0.0'}
principles: [{id: P-1, text: Ask first.}]
default: allow
articles:
  - id: mail
    principle: P-1
    title: Mail is asked for
    stages: [tool.call]
    actions: [mail.send]
    when: size(tool.arguments.to) > 10
    verdict: deny
    reason: too many
    tests:
      - {action: mail.send, facts: {tool: {arguments: {to: abcdefghijk}}}, verdict: deny}
      - {action: mail.send, facts: {tool: {arguments: {to: a}}}, verdict: allow}
  - id: gone
    title: Something else
    stages: [task]
    actions: [other]
    verdict: warn
    reason: so
"""


def constitutions(*changes):
    other = ONE
    for before, after in changes:
        assert before in other
        other = other.replace(before, after)
    return parse_constitution(ONE, "one"), parse_constitution(other, "other")


def test_a_document_is_the_same_as_itself():
    """Without a change there is no difference, and every example is decided once."""
    found = compare(*constitutions())

    assert found.same
    assert (found.settings, found.added, found.removed, found.changed, found.decided) == ({}, (), (), {}, ())
    assert found.examples == 2


def test_changes_of_words_are_listed_by_field():
    """Changed settings, fields of articles, and articles that came or went are all named."""
    found = compare(
        *constitutions(
            ("'1.0.0'", "'1.1.0'"),
            ("Ask first.", "Always ask first."),
            ("reason: too many", "reason: far too many"),
            ("id: gone", "id: came"),
        )
    )

    assert not found.same
    assert found.settings == {
        "metadata.version": ("1.0.0", "1.1.0"),
        "principles.P-1": ("Ask first.", "Always ask first."),
    }
    assert (found.added, found.removed) == (("came",), ("gone",))
    assert found.changed == {"mail": {"reason": ("too many", "far too many")}}
    assert found.decided == ()


def test_an_example_that_the_other_decides_otherwise_is_found():
    """A raised limit shows by the example that it lets through now."""
    found = compare(*constitutions(("> 10", "> 20"), ("verdict: deny}", "verdict: allow}")))

    assert [(item.of, item.article, item.one, item.other) for item in found.decided] == [
        ("both", "mail", "deny", "allow")
    ]


@pytest.mark.parametrize(("one", "other", "of"), [(0, 1, "other"), (1, 0, "one")])
def test_an_example_of_either_counts(one, other, of):
    """An example that only one document has is put to both."""
    pair = constitutions(("default: allow", "default: deny"), ("to: a}", "to: b}"))
    found = compare(pair[one], pair[other])

    assert (of, "b") in [(item.of, item.facts["tool"]["arguments"]["to"]) for item in found.decided]
    assert found.settings["default"] == (("allow", "deny")[one], ("allow", "deny")[other])
