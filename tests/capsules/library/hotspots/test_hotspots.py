import subprocess
from pathlib import Path

import pytest

from capsules.library.hotspots.churn import coupled, read_churn
from capsules.library.hotspots.ranking import rank
from capsules.library.hotspots.report import describe
from capsules.repository.checkout import Checkout

HARD = (
    "def hard(a):\n"
    + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(20))
    + "    return a\n"
)
BEGIN, DAY = 1_712_000_000, 86_400


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Twelve changes to a hard file and its neighbour, one to an easy file, two years after an old file."""
    root = tmp_path / "example"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    write(root, {"old.py": "x = 1\n"}, BEGIN - 730 * DAY)
    write(root, {"easy.py": "x = 1\n", "tests/test_a.py": "def test(): pass\n"}, BEGIN)
    for number in range(25):
        write(root, {"hard.py": HARD + f"# {number}\n", "beside.py": f"x = {number}\n"}, BEGIN + number * DAY)
    return root


def write(root: Path, files: dict[str, str], when: int) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)
    dates = {"GIT_AUTHOR_DATE": f"@{when} +0000", "GIT_COMMITTER_DATE": f"@{when} +0000"}
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), *identity, "commit", "-qm", "x"], check=True, env=dates)


def test_changes_of_the_last_year_are_counted(repository: Path) -> None:
    """Commits, authors and lines are those of the twelve months before HEAD."""
    churn = read_churn(Checkout.of(repository), 60)
    hard = churn.touched[b"hard.py"]

    assert (churn.months, churn.commits) == (12, 26)
    assert (hard.commits, hard.authors) == (25, {"Ada"})
    assert hard.lines == 43 + 24 * 2  # the first version, then one line replaced each time
    assert b"old.py" not in churn.touched


def test_a_short_history_is_counted_whole(commit) -> None:
    """With few commits in the last year all of them count."""
    assert read_churn(commit({"a.py": "x = 1\n"}), 60).months is None


def test_files_that_change_together_are_found(repository: Path) -> None:
    """Two files in the same commits are a pair, with how often and in what share."""
    churn = read_churn(Checkout.of(repository), 60)

    assert coupled(churn, {b"hard.py", b"beside.py", b"easy.py"}, together=8, share=0.6) == [
        (b"beside.py", b"hard.py", 25, 1.0)
    ]


def test_what_changes_often_and_is_hard_comes_first(repository: Path) -> None:
    """Files are ranked by commits times complexity, and tests are no hotspots."""
    checkout = Checkout.of(repository)
    churn = read_churn(checkout, 60)
    analysis = describe(churn, rank(checkout, churn, 60))

    assert [row[0] for row in analysis.tables[0].rows] == ["hard.py", "beside.py", "easy.py"]
    assert analysis.findings[0].path == "hard.py"
    assert analysis.findings[0].severity == "medium"
    assert "complexity 21" in analysis.findings[0].detail  # 20 decisions and one
    assert analysis.score == 51  # 26 of 51 changes went into files that are not hard
    assert "49 % of the changes" in analysis.headline


def test_names_that_look_like_options_or_markup_are_data(tmp_path: Path) -> None:
    """Line breaks, tabs, leading dashes and bytes that are no text do not upset the log."""
    root = tmp_path / "names"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    for number in range(3):
        write(root, {"-p.py": f"x = {number}\n", "new\nline\t.py": f"y = {number}\n"}, BEGIN + number)
    churn = read_churn(Checkout.of(root), 60)

    assert {name: touched.commits for name, touched in churn.touched.items()} == {
        b"-p.py": 3,
        b"new\nline\t.py": 3,
    }


def test_commands_that_a_repository_configures_do_not_run(repository: Path, tmp_path: Path) -> None:
    """Text conversion, external diff and the file system monitor of the repository stay idle."""
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "core.pager", "gpg.program"):
        subprocess.run(["git", "-C", str(repository), "config", name, str(script)], check=True)
    (repository / ".git" / "info" / "attributes").write_text("* diff=evil\n")
    read_churn(Checkout.of(repository), 60)

    assert not (tmp_path / "ran").exists()


def test_a_spent_budget_is_said(repository: Path) -> None:
    """What could not be read or measured in time is told, not guessed."""
    checkout = Checkout.of(repository)
    churn = read_churn(checkout, 60)
    ranking = rank(checkout, churn, 0)

    assert not read_churn(checkout, 0).complete
    assert ranking.coverage.skipped == {"out of time": 3}
    assert "3 changed files were not measured" in " ".join(describe(churn, ranking).notes)


def test_a_history_of_one_commit_has_nothing_to_rank(commit) -> None:
    """Too short a history gives no score and says why."""
    checkout = commit({"a.py": "x = 1\n"})
    churn = read_churn(checkout, 60)
    analysis = describe(churn, rank(checkout, churn, 60))

    assert analysis.score is None
    assert analysis.headline == "Nothing to rank: the history has 1 commit."
