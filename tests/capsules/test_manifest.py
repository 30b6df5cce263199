"""Manifests: what is accepted, and what is said of what is not."""

from pathlib import Path

import pytest

from capsules.manifest import ManifestInvalid, parse_manifest, read_manifest

GOOD = """\
apiVersion: soma/v1
kind: Capsule
name: greet
version: 1.0.0
summary: Greets whoever is named.
owner: tests
inputs:
  who: {type: string}
  loud: {type: boolean, default: false}
outputs:
  greeting: {type: string}
tools: [greeter.speak]
budget: {seconds: 5}
"""


def test_a_good_manifest_is_read_with_its_defaults() -> None:
    """What is not said has the defaults of the format; a list of tools means tools without limits."""
    manifest = parse_manifest(GOOD, "capsule.yaml")

    assert manifest.tools == {"greeter.speak": {}}
    assert manifest.runtime.kind == "inline"
    assert (manifest.inputs["who"].required, manifest.inputs["loud"].required) == (True, False)


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("version: 1.0.0", "version: one", 4, "version"),
        ("owner: tests", "ownr: tests", 6, "did you mean `owner`?"),
        ("budget: {seconds: 5}", "budget: {seconds: -5}", 13, "budget.seconds"),
        ("{type: string}", "{type: text}", 8, "inputs.who.type"),
        ("name: greet", "name: Greet Me", 3, "name"),
        ("budget: {seconds: 5}", "runtime: {kind: cloud}", 13, "runtime.kind"),
        ("owner: tests\n", "", 1, "owner: is missing"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_mend(before: str, after: str, line: int, words: str) -> None:
    """The error begins with file and line and says what is wrong there."""
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(GOOD.replace(before, after, 1), "capsule.yaml")

    assert f"capsule.yaml:{line}:" in caught.value.message
    assert words in caught.value.message


def test_every_mistake_is_reported_at_once() -> None:
    """Two mistakes give two problems."""
    text = GOOD.replace("version: 1.0.0", "version: x").replace("seconds: 5", "seconds: 0")
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text, "capsule.yaml")

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("text", ["", "a: [", "- x", "\t", "key: {a: 1, a: 2", "42"])
def test_what_is_no_manifest_at_all_is_an_error_and_no_traceback(text: str) -> None:
    """Text that is no YAML mapping is refused with the place."""
    with pytest.raises(ManifestInvalid, match=r"^capsule\.yaml"):
        parse_manifest(text, "capsule.yaml")


def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    """A missing file and one that is not UTF-8 are named."""
    odd = tmp_path / "capsule.yaml"
    odd.write_bytes(b"name: \xff")
    with pytest.raises(ManifestInvalid, match="is not UTF-8"):
        read_manifest(odd)
    with pytest.raises(ManifestInvalid, match="cannot be read"):
        read_manifest(tmp_path / "none.yaml")
