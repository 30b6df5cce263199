import hashlib
import multiprocessing
from pathlib import Path

import pytest

from blocks.errors import BadInput
from capsules.library.publish.deliverables import media_type, write_folder

FILES = {"report.html": b"<p>", "findings.json": b"{}"}


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_folder_holds_exactly_the_files(tmp_path: Path) -> None:
    """Every file is there with the size and digest that were returned, and nothing else is."""
    target = tmp_path / "deep" / "prj_1"
    written = write_folder(str(target), FILES)

    assert names(target) == ["findings.json", "report.html"]
    for file in written:
        content = Path(file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    """A second attempt leaves the published files as they are."""
    target = tmp_path / "prj_1"
    first = write_folder(str(target), FILES)
    before = (target / "report.html").stat().st_ino

    assert first == write_folder(str(target), FILES)
    assert before == (target / "report.html").stat().st_ino


def test_other_files_replace_the_whole_folder(tmp_path: Path) -> None:
    """What is published anew takes the place of what this project published before."""
    target = tmp_path / "prj_1"
    write_folder(str(target), FILES)
    write_folder(str(target), FILES | {"report.html": b"<p>new"})

    assert (target / "report.html").read_bytes() == b"<p>new"
    assert [name for name in names(tmp_path) if not name.endswith(".lock")] == ["prj_1"]


def test_what_a_dead_attempt_left_is_removed(tmp_path: Path) -> None:
    """A half-written folder of an attempt that was killed is neither published nor left behind."""
    half = tmp_path / ".prj_1.abc.partial"
    half.mkdir()
    (half / "report.html").write_text("half")
    write_folder(str(tmp_path / "prj_1"), FILES)

    assert not half.exists()
    assert (tmp_path / "prj_1" / "report.html").read_bytes() == b"<p>"


def test_leftovers_of_other_projects_are_not_touched(tmp_path: Path) -> None:
    """Only what this folder's own attempts left is removed, whatever the folder is called."""
    other = tmp_path / ".prj_2.abc.partial"
    other.mkdir()
    write_folder(str(tmp_path / "prj_*"), FILES)

    assert other.exists()


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """Files that somebody else put there are never deleted."""
    target = tmp_path / "prj_1"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")

    with pytest.raises(BadInput, match=r"holds other files, such as 'thesis\.txt'"):
        write_folder(str(target), FILES)
    assert (target / "thesis.txt").read_text() == "years of work"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A file is not replaced by a folder."""
    (tmp_path / "prj_1").write_text("something")

    with pytest.raises(BadInput, match="is not a folder"):
        write_folder(str(tmp_path / "prj_1"), FILES)


def test_a_relative_folder_is_refused() -> None:
    """Where a process happens to run does not decide where a report goes."""
    with pytest.raises(BadInput, match="not an absolute path"):
        write_folder("deliverables", FILES)


def test_writers_at_the_same_time_leave_one_whole_folder(tmp_path: Path) -> None:
    """Several attempts at once end with the files of exactly one of them."""
    target = tmp_path / "prj_1"
    sets = [{"a": bytes([at]) * 1000, "b": bytes([at]) * 1000} for at in range(4)]
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_folder, args=(str(target), files)) for files in sets]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert {name: (target / name).read_bytes() for name in names(target)} in sets


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.html", "text/html; charset=utf-8"),
        ("sbom.cdx.json", "application/vnd.cyclonedx+json"),
        ("findings.json", "application/json"),
        ("strange.bin", "application/octet-stream"),
    ],
)
def test_media_types_follow_the_ending(name: str, expected: str) -> None:
    """A browser that is handed a file knows what it is."""
    assert expected == media_type(name)
