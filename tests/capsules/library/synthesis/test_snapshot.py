from pathlib import Path

import pytest

from capsules.library.synthesis.snapshot import canonical_source, subject_of


@pytest.mark.parametrize(
    "spelling",
    [
        "https://github.com/pallets/flask",
        "https://github.com/pallets/flask.git",
        "https://github.com/pallets/flask/",
        "https://GitHub.com/pallets/flask",
        "https://someone@github.com/pallets/flask",
        "ssh://git@github.com/pallets/flask.git",
        "git@github.com:pallets/flask.git",
        "github.com:pallets/flask",
    ],
)
def test_spellings_of_one_address_are_one_repository(spelling: str) -> None:
    """An audit by ssh remembers what an audit by https found."""
    assert canonical_source(spelling) == "github.com/pallets/flask"


def test_a_folder_is_known_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path, a final slash, `.git` and file:// all mean the same folder."""
    monkeypatch.chdir(tmp_path)
    spellings = ["project", "project/", f"{tmp_path}/project", f"file://{tmp_path}/project", "project/.git"]

    assert {canonical_source(spelling) for spelling in spellings} == {f"{tmp_path}/project"}


def test_different_repositories_have_different_subjects() -> None:
    """Forks and namesakes are not mixed up."""
    sources = ["https://a.org/x/y", "https://b.org/x/y", "https://a.org/z/y", "/x/y"]

    assert len({subject_of(source) for source in sources}) == 4
