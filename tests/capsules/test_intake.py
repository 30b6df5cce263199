"""What a node takes in before its body begins."""

from blocks.provenance.trail import Trail
from blocks.records.tables import Project
from capsules.intake import take_request


def project(**given):
    return Project(tenant="t", title="T", blueprint="b", plan_digest="d", requested_by="ada", **given)


def test_what_a_person_has_said_is_the_request():
    """All inputs of a project that a person asked for are trusted."""
    trail = Trail()
    take_request(trail, project(inputs={"repository": "https://example.org/a.git"}))

    assert trail.labels_of({"url": "https://example.org/a.git"}) == {"url": ["request"]}


def test_an_event_is_not_the_request_even_when_the_plan_says_it_again():
    """An input from an event keeps its labels, also where the plan spells it out for a node."""
    origin = {"kind": "trigger", "untrusted": ["text"], "labels": ["event", "web_content"]}
    inputs = {"text": "https://evil.example", "repository": "https://example.org/a.git"}
    trail = Trail()
    take_request(trail, project(inputs=inputs, origin=origin))
    trail.trust({"first": "https://evil.example", "second": "a word of the plan"})
    trail = Trail.from_json(trail.as_json())
    found = trail.labels_of({"a": "https://evil.example", "b": "https://example.org/a.git", "c": "a word of"})

    assert found["a"] == ["event", "field", "web_content"]
    assert found["b"] == ["request"]
    assert "request" in found["c"]
