"""What the sides of an audit say, and what the synthesis makes of it."""

from datetime import UTC, datetime

from blocks.bus.messages import Message, Sender
from capsules.library.synthesis.hearing import notes_on
from capsules.repository.analysis import Analysis, Finding
from capsules.repository.telling import gist


def finding(path, severity, title="Bad"):
    return Finding.of("r", title, path=path, title=title, severity=severity)


def said(node, *paths, text="t"):
    return Message(
        id="1-1",
        at=datetime.now(UTC),
        kind="finding",
        text=text,
        data={"worst": [{"path": path} for path in paths]},
        answers=None,
        sender=Sender(name=node, node=node, capsule=node),
        labels=(),
    )


def test_the_worst_places_come_first_and_trifles_not_at_all():
    """Five at most, by severity; what has no place or little weight is left to the report."""
    findings = [finding("low.py", "low"), finding("m.py", "medium"), finding("c.py", "critical", "Key")]
    findings += [finding(None, "critical", "No place"), *(finding(f"h{n}.py", "high") for n in range(9))]

    text, data = gist(Analysis(capsule="security", title="Security", headline="Weak.", findings=findings))

    assert text == "Weak. Worst: Key (c.py)."
    assert [place["path"] for place in data["worst"]] == ["c.py", "h0.py", "h1.py", "h2.py", "h3.py"]


def test_a_secret_in_a_finding_is_not_passed_on():
    """What a side found is masked before it is said."""
    key = "AKIA" + "Q3EGRIPZ7XWVLK2M"
    analysis = Analysis(
        capsule="secrets", title="Secrets", headline=f"Found {key}.", findings=[finding(f"{key}.txt", "high")]
    )

    text, data = gist(analysis)

    assert key not in text
    assert key not in str(data)


def test_places_that_several_sides_name_are_noted():
    """Those named by most sides first; what one side alone names is no news."""
    messages = [
        said("security", "till.py", "a.py"),
        said("quality", "till.py", "a.py"),
        said("hotspots", "till.py", "b.py"),
    ]

    assert notes_on(messages, []) == [
        "hotspots, quality, security each name till.py among their worst places.",
        "quality, security each name a.py among their worst places.",
    ]


def test_a_side_that_gave_no_analysis_is_quoted():
    """What it said before it ended is not lost."""
    messages = [said("quality", text="Hard to change."), said("security", text="Weak.")]

    assert notes_on(messages, ["quality"]) == ["quality gave no analysis, but said before: Hard to change."]


def test_data_of_another_shape_is_passed_over():
    """A message is a note and no result: whatever stands in it, the synthesis goes on."""
    odd = [replace_data(said("security"), data) for data in (None, [1], {"worst": "x"}, {"worst": [3, {}]})]

    assert notes_on(odd, []) == []


def replace_data(message, data):
    return Message(**{**vars(message), "data": data})
