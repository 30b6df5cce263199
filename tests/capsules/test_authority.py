"""Authority that is handed on never grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsules.authority import NodeAuthority

HAD = NodeAuthority(
    tools={"mail.send": {"amount": 5, "to": "*@example.com"}, "files.*": {"size": 10}, "web.get": {}},
    memory=["project"],
    budget={"tokens": 100.0},
)


def asked(**given: object) -> NodeAuthority:
    return NodeAuthority.model_validate(given)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"tools": {"mail.delete": {}}}, "the tool 'mail.delete'"),
        ({"tools": {"mail.*": {}}}, "the tool 'mail.*'"),
        ({"tools": {"*": {}}}, "the tool '\\*'"),
        ({"tools": {"mail.send": {"amount": 6}}}, "'amount' beyond its limit 5"),
        ({"tools": {"mail.send": {"to": "*"}}}, "'to' beyond its limit"),
        ({"tools": {"files.read": {"size": 11}}}, "'size' beyond its limit 10"),
        ({"memory": ["tenant"]}, "the memory scope 'tenant'"),
        ({"budget": {"tokens": 101}}, "a budget of 101 tokens"),
    ],
)
def test_what_goes_beyond_is_named(wanted: dict[str, object], words: str) -> None:
    """Each tool, limit, scope and budget that there is not is in the message."""
    with pytest.raises(ValueError, match=words):
        HAD.hand_on(asked(**wanted))


def test_what_is_within_keeps_every_limit() -> None:
    """A limit that is not repeated stays, a narrower one counts, and budgets that are not named do too."""
    given = HAD.hand_on(asked(tools={"mail.send": {"amount": 2}, "files.read": {}}, memory=["project"]))

    assert given.tools == {"mail.send": {"amount": 2, "to": "*@example.com"}, "files.read": {"size": 10}}
    assert given.budget == {"tokens": 100.0}


def test_a_glob_brings_what_was_limited_by_name_along() -> None:
    """Under a glob that was handed on, a tool with limits of its own keeps them."""
    had = NodeAuthority(tools={"mail.*": {}, "mail.send": {"amount": 5}})

    assert had.hand_on(asked(tools={"mail.*": {}})).tools == {"mail.*": {}, "mail.send": {"amount": 5}}


@given(st.dictionaries(st.sampled_from(["mail.send", "files.read", "web.get", "x"]), st.just({})))
def test_what_is_shared_can_be_handed_on(tools: dict[str, dict[str, object]]) -> None:
    """What both have is within what one has."""
    shared = HAD.shared_with(asked(tools=tools, memory=["project", "tenant"], budget={"tokens": 500}))

    assert HAD.hand_on(shared) == shared
    assert set(shared.tools) == set(tools) - {"x"}
    assert shared.budget == {"tokens": 100.0}
