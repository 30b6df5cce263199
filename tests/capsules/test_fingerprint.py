"""The digest of a capsule's files."""

from pathlib import Path

import pytest

from capsules.catalogue import list_capsules
from capsules.fingerprint import capsule_digest


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"capsule.yaml": "b", "run.py": "code"},  # another content
        {"capsule.yaml": "a", "go.py": "code"},  # another name
        {"capsule.yaml": "a", "run.py": "code", "more.txt": ""},  # one file more
        {"capsule.yaml": "a", "sub/run.py": "code"},  # another place
    ],
)
def test_every_change_of_a_file_changes_the_digest(tmp_path: Path, files: dict[str, str]) -> None:
    """Content, name, place and number of the files are all in the digest."""
    before = capsule_digest(_write(tmp_path / "one", {"capsule.yaml": "a", "run.py": "code"}))

    assert capsule_digest(_write(tmp_path / "two", files)) != before


def test_what_running_leaves_behind_does_not_count(tmp_path: Path) -> None:
    """Two copies of the same code have one digest, also when one of them has run."""
    code = {"capsule.yaml": "a", "run.py": "code"}
    one = _write(tmp_path / "one", code)
    two = _write(tmp_path / "two", {**code, "__pycache__/run.cpython-311.pyc": "compiled"})

    assert capsule_digest(one) == capsule_digest(two)
    assert capsule_digest(one).startswith("sha256:")


def test_every_capsule_of_the_library_has_its_own() -> None:
    """No two capsules share a digest."""
    found = [entry.digest for entry in list_capsules()]

    assert len(set(found)) == len(found)
