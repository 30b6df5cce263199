"""The constitution in force: taken anew when the file changes, kept when the change is wrong."""

import time
from pathlib import Path

import pytest

from blocks.constitution import source as source_module
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
TEXT = HEAD + "default: allow\narticles: []\n"
ACTION = Action(stage="task", name="x", facts={})


@pytest.fixture(autouse=True)
def look_always(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source_module, "LOOK_EVERY", 0.0)


def test_a_changed_file_is_taken(tmp_path: Path):
    """The next decision is the new constitution's."""
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    source = ConstitutionSource(path)
    before = source.current()

    path.write_text(TEXT.replace("default: allow", "default: deny"))

    assert (before.default, source.current().default) == ("allow", "deny")


def test_a_change_that_is_wrong_is_not_taken_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The last valid one stays in force, the problem is told once, and a mended file is taken."""
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    source = ConstitutionSource(path)

    path.write_text(TEXT.replace("default: allow", "defalt: deny"))
    kept = [source.current() for _ in range(3)]

    assert {constitution.default for constitution in kept} == {"allow"}
    assert "c.yaml:4: defalt: unknown key; did you mean 'default'?" in source.problem.message
    assert sum("is not taken" in record.message for record in caplog.records) == 1
    path.write_text(TEXT.replace("default: allow", "default: warn"))
    assert (source.current().default, source.problem) == ("warn", None)


def test_a_file_that_vanishes_leaves_the_last_constitution_in_force(tmp_path: Path):
    """And the problem is known."""
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    source = ConstitutionSource(path)
    path.unlink()

    assert source.current().default == "allow"
    assert "cannot read" in source.problem.message


@pytest.mark.parametrize("content", [None, "nonsense: true\n", "", b"\xff\xfe"])
def test_without_a_valid_one_at_the_start_everything_is_denied(tmp_path: Path, content):
    """The reason says what is wrong with the file."""
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    decision = ConstitutionSource(path).current().decide(ACTION)

    assert decision.verdict == "deny"
    assert "the constitution is not valid" in decision.articles[0].reason
    assert "c.yaml" in decision.articles[0].reason


def test_a_file_that_becomes_valid_later_is_taken(tmp_path: Path):
    """Denying everything ends with the first valid constitution."""
    path = tmp_path / "c.yaml"
    source = ConstitutionSource(path)
    path.write_text(TEXT)

    assert source.current().decide(ACTION).verdict == "allow"


def test_no_constitution_denies():
    """Nothing in force means nothing is allowed."""
    assert ConstitutionSource().current().decide(ACTION).verdict == "deny"


def test_a_constitution_can_be_replaced():
    """A replaced one decides from then on."""
    source = ConstitutionSource()
    source.replace(parse_constitution(TEXT, "c.yaml"))

    assert source.current().decide(ACTION).verdict == "allow"


def test_looking_at_the_file_is_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between two looks the answer touches no disk."""
    monkeypatch.setattr(source_module, "LOOK_EVERY", 3600.0)
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    source = ConstitutionSource(path)
    path.unlink()
    for _ in range(10):
        source.current()

    assert source.problem is None
    assert time.monotonic() < source._next_look
