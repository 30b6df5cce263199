import re

import pytest

from blocks.constitution.describing import described
from blocks.errors import BadInput


def test_what_is_not_given_has_the_background():
    """Given facts stand beside those of the background: a user outside of any project."""
    action = described("tool.call", "mail.send", {"tool": {"arguments": {"to": "a"}}, "project": {"id": "p"}})

    assert action.facts["principal"]["name"] == "ada"
    assert action.facts["project"]["id"] == "p"
    assert action.facts["project"]["blueprint"] == ""
    assert action.facts["task"] == {"name": "mail.send", "arguments": {"to": "a"}}


def test_a_moment_may_be_written_as_text():
    """JSON has no moments: ISO 8601 with a zone is read as one."""
    action = described("task", "x", {"time": "2030-01-31T09:00:00+01:00"})

    assert action.facts["time"].hour == 9


@pytest.mark.parametrize(
    ("stage", "facts", "message"),
    [
        ("tool.cal", {}, "no stage 'tool.cal'; did you mean 'tool.call'?"),
        ("tool.call", {"toll": {}}, "no field 'toll'; did you mean 'tool'?"),
        ("tool.call", {"tool": {"argument": {}}}, "no field 'tool.argument'; did you mean 'arguments'?"),
        ("tool.call", {"tool": 3}, "tool has fields, 3 has none"),
        ("tool.call", {"principal": {"roles": "admin"}}, "principal.roles must be list(string), not 'admin'"),
        ("tool.call", {"principal": {"roles": [1]}}, "principal.roles.0 must be string, not 1"),
        ("tool.call", {"node": {"attempt": True}}, "node.attempt must be int, not True"),
        ("tool.call", {"project": {"inputs": []}}, "project.inputs must be map(string, dyn), not a list"),
        ("task", {"time": "tomorrow"}, "time is a moment with its zone"),
        ("task", {"time": "2030-01-31"}, "time is a moment with its zone"),
        ("task", {"history": {}}, "history is a list"),
        ("task", {"history": [{"stage": "task"}]}, "history[0]: write {stage, action"),
        ("task", {"history": [{"stage": "tsk", "action": "a"}]}, "no stage 'tsk'; did you mean 'task'?"),
        ("task", {"history": [{"stage": "task", "action": "a", "ago_secs": 1}]}, "mean 'ago_seconds'?"),
        ("task", {"history": [{"stage": "task", "action": "a", "verdict": "yes"}]}, "no verdict 'yes'"),
        ("task", {"history": [{"stage": "task", "action": "a", "labels": [1]}]}, "labels are texts"),
    ],
)
def test_a_wrong_description_is_an_error_with_its_place(stage, facts, message):
    """A misspelt or mistyped fact is told, for it would else look like one that is not given."""
    with pytest.raises(BadInput, match=re.escape(message)):
        described(stage, "something", facts)


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_an_action_has_a_name(name):
    """No name, or one of a length that no task has, is an error."""
    with pytest.raises(BadInput, match="1 to 200 characters"):
        described("task", name, {})
