"""The detectors: measured on labelled examples, bounded, and telling where without telling what."""

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.constitution.detectors import findings as shared
from blocks.constitution.detectors import injection, paths, personal, secrets, shelling, urls

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("measuring", HERE / "measuring.py")
measuring = importlib.util.module_from_spec(_spec)
sys.modules["measuring"] = measuring
_spec.loader.exec_module(measuring)

DOCS = HERE.parents[3] / "docs" / "concepts" / "detectors.md"
LEAST_PRECISION, LEAST_RECALL = 0.95, 0.9
ASKED = {
    "has_secret": secrets.has_secret,
    "has_personal_data": personal.has_personal_data,
    "has_injection_signs": injection.has_injection_signs,
    "shells_out": shelling.shells_out,
    "urls_outside": lambda value: urls.urls_outside(value, ["good.example"]),
    "paths_outside": lambda value: paths.paths_outside({"path": value}, "/srv/p1"),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEY = "AKI" + "AQ3EGRV7KZ2WLMN4T"


@pytest.mark.parametrize("name", measuring.DETECTORS)
def test_every_half_meets_the_floors(name):
    """Precision and recall on the held-out and on the tuned half, with enough examples of both kinds."""
    halves = {part.half: part for part in measuring.measure(name)}

    assert sum(part.positive + part.negative for part in halves.values()) >= 150
    for half in ("held out", "tuned on"):
        part = halves[half]
        assert part.precision >= LEAST_PRECISION, part.alarmed
        assert part.recall >= LEAST_RECALL, part.missed


def test_the_documented_figures_are_the_measured_ones():
    """The table in the documentation, line by line."""
    assert "\n".join(measuring.table()) in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@settings(max_examples=25, deadline=None)
@given(value=JSON)
def test_any_json_value_has_an_answer(ask, value):
    """Numbers, nothing, nested lists and keys of any text: a plain yes or no, never an exception."""
    assert ask(value) in {True, False}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_what_is_too_large_or_too_deep_is_suspicious(ask):
    """A value above the bounds, and one that contains itself, fail closed."""
    deep = here = {}
    for _ in range(shared.DEEPEST + 5):
        here["file"] = {}
        here = here["file"]
    endless = []
    endless.append(endless)

    assert ask([deep])
    assert ask(endless)
    assert ask({"text": ["x" * 1_000_000] * 5})


HARD = [
    *["eyJ-", "://a:", "http:", "password: ", "-p ", "a@a.", "1 ", "+1 ", "tel 1", "GB82 ", "nir 1 2 "],
    *[
        "ignore the ",
        "<!--",
        "<a style=",
        "](//a?",
        "\n# system: ",
        "a b ",
        "<?php ",
        "echo |",
        "$(a ",
        "x; ",
    ],
    *["-----BEGIN PRIVATE KEY-----", "\u200b", "\U000e0041", "\\", "www.", "%2e", "((", "os.system ", "- - "],
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_hard_texts_are_answered_in_bounded_time(ask):
    """Repetitions that make careless patterns take hours; the time limit of the test is the bound."""
    for piece in HARD:
        ask(piece * (20_000 // len(piece)))


def test_secrets_are_found_under_keys_and_in_keys_and_told_without_the_value():
    """Kind and dotted place, the value masked."""
    found = secrets.findings({"a": [{"note": f"use {KEY}"}], KEY: 1, "smtp": {"password": "Vt9kQz2mWx"}})

    assert [(one.kind, one.place) for one in found] == [
        ("aws-key", f"{KEY} (key)"),
        ("aws-key", "a.0.note"),
        ("named-secret", "smtp.password"),
    ]
    assert KEY not in "".join(one.excerpt for one in found)


@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_what_was_redacted_holds_no_secret(value):
    """Masking takes away all that the detector answers to, in texts, in keys and under telling names."""
    bait = {"value": value, "password": "Vt9kQz2mWx!", "text": f"key {KEY}, postgres://a:Vt9kQz2m@db/x"}

    assert secrets.has_secret(bait)
    assert not secrets.has_secret(secrets.redacted(bait))


def test_personal_data_is_masked_when_asked_for():
    """Without `personal` it stays, with it a number is masked in its place."""
    value = {"mail": "to jane@acme.io", "n": 5}

    assert secrets.redacted(value) == value
    assert secrets.redacted(value, personal=True) == {"mail": "to [redacted]", "n": 5}


def test_findings_of_the_other_detectors_say_where():
    """Kind and place of personal data, signs, calls, addresses and paths."""
    assert [one.place for one in personal.findings({"card": 4111111111111111})] == ["card"]
    assert [one.kind for one in injection.findings("[INST] x")] == ["role-marker"]
    assert [one.kind for one in shelling.findings({"code": "import os\nos.system('ls')"})] == ["python"]
    assert [one.excerpt for one in urls.findings(["http://evil.example/"], ["good.example"])] == [
        "http://evil.example/"
    ]
    assert [one.place for one in paths.findings({"files": ["a", "../b"]}, "/srv/p1")] == ["files.1"]
