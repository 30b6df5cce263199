import subprocess
from pathlib import Path

import pygit2
import pytest

from blocks.errors import BadInput
from capsules.library.survey.clone import clone
from capsules.library.survey.source import parse_source


@pytest.fixture
def source(commit, tmp_path) -> Path:
    """A repository with one file and one symlink out of the tree."""
    root = Path(commit({"a.py": "x = 1\n"}).root)
    (root / "passwd").symlink_to("/etc/passwd")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Link")
    return root


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/.git", "{}/"])
def test_a_local_repository_is_cloned(source: Path, tmp_path: Path, form: str) -> None:
    """A path, a file URL and the .git folder all mean the same commit."""
    made = clone(form.format(source), str(tmp_path / "work")).checkout

    assert made.commit == git(source, "rev-parse", "HEAD")
    assert (made.name, made.default_branch) == ("example", "main")
    assert made.root == str(tmp_path / "work" / "repository")
    assert made.read("a.py") == b"x = 1\n"


def test_nothing_in_the_working_copy_is_a_symlink(source: Path, tmp_path: Path) -> None:
    """Symlinks of the commit are written as plain files, so none leads out of the workspace."""
    made = clone(str(source), str(tmp_path / "work")).checkout

    assert not (Path(made.root) / "passwd").is_symlink()
    assert [file.path for file in made.files()] == ["a.py"]


def test_bare_shallow_and_linked_repositories_are_cloned(source: Path, tmp_path: Path) -> None:
    """The forms that servers, CI and worktrees leave on disk are repositories too."""
    git(source, "clone", "-q", "--bare", str(source), str(tmp_path / "bare.git"))
    git(source, "clone", "-q", "--depth", "1", f"file://{source}", str(tmp_path / "shallow"))
    git(source, "worktree", "add", "-q", str(tmp_path / "tree"))
    made = {
        name: clone(str(tmp_path / name), str(tmp_path / f"work-{name}"))
        for name in ("bare.git", "shallow", "tree")
    }

    assert {one.checkout.commit for one in made.values()} == {git(source, "rev-parse", "HEAD")}
    assert made["bare.git"].checkout.name == "bare"
    assert "shallow" in made["shallow"].notes[0]
    assert made["tree"].notes == []


def test_uncommitted_changes_are_not_audited_and_said(source: Path, tmp_path: Path) -> None:
    """What was not committed is not in the working copy, and a note counts it."""
    (source / "a.py").write_text("changed\n")
    made = clone(str(source), str(tmp_path / "work"))

    assert made.checkout.read("a.py") == b"x = 1\n"
    assert made.notes == ["1 tracked file has uncommitted changes; the commit alone was audited."]


def test_hooks_of_the_source_do_not_run(source: Path, tmp_path: Path) -> None:
    """A hook that git itself would run leaves no trace."""
    hook = source / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    clone(str(source), str(tmp_path / "work"))

    assert not (tmp_path / "ran").exists()


def test_a_second_attempt_takes_a_complete_clone(source: Path, tmp_path: Path) -> None:
    """What the first attempt cloned stays what is audited, even when the source has moved on."""
    first = clone(str(source), str(tmp_path / "work")).checkout
    git(source, "commit", "-q", "--allow-empty", "-m", "Later")

    assert clone(str(source), str(tmp_path / "work")).checkout == first


def test_a_second_attempt_begins_anew_where_the_first_broke_off(source: Path, tmp_path: Path) -> None:
    """Leftovers of a crash are cleared away, under either name."""
    work = tmp_path / "work"
    (work / "repository" / ".git").mkdir(parents=True)
    (work / "repository.partial-old").mkdir()
    made = clone(str(source), str(work)).checkout

    assert made.read("a.py") == b"x = 1\n"
    assert [left.name for left in work.iterdir()] == ["repository"]


def test_another_source_replaces_the_clone(source: Path, tmp_path: Path) -> None:
    """A complete clone serves only the source that it was made from."""
    clone(str(source), str(tmp_path / "work"))
    git(source, "clone", "-q", str(source), str(tmp_path / "other"))

    assert clone(str(tmp_path / "other"), str(tmp_path / "work")).checkout.name == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no repository is named"),
        ("relative/path", "not an absolute path"),
        ("{}/missing", "does not exist"),
        ("{}/file.txt", "is a file"),
        ("{}/plain", "is not a git repository"),
        ("{}/empty", "has no commits"),
        ("http://example.org/x", "not fetched over http://"),
        ("git://example.org/x", "not fetched over git://"),
        ("ext::sh -c id", "not an absolute path"),
        ("https://[::1/x", "not a valid URL"),
        ("https:///x", "names no host"),
        ("https://127.0.0.1:1/x", "cannot be cloned"),
        ("ssh://git@127.0.0.1:1/x", "cannot be cloned"),
    ],
)
def test_what_cannot_be_cloned_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """Each wrong source names its problem and the mend, and leaves nothing behind."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "file.txt").write_text("x")
    pygit2.init_repository(str(tmp_path / "empty"))
    work = tmp_path / "work"
    with pytest.raises(BadInput) as caught:
        clone(text.format(tmp_path), str(work))

    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.mend
    assert not work.exists() or list(work.iterdir()) == []


def test_a_folder_inside_a_repository_names_the_whole(source: Path, tmp_path: Path) -> None:
    """Whoever points at a folder inside is told which repository it belongs to."""
    (source / "inner").mkdir()
    with pytest.raises(BadInput, match="is a folder inside the repository") as caught:
        clone(str(source / "inner"), str(tmp_path / "work"))

    assert str(source) in caught.value.mend


def test_credentials_are_neither_shown_nor_kept() -> None:
    """User and password of a URL are set apart from everything that is printed or stored."""
    source = parse_source("https://ann:hunter22@example.org/team/app.git?x=1")

    assert (source.user, source.password) == ("ann", "hunter22")
    assert source.shown == "https://example.org/team/app.git"
    assert source.name == "app"
    assert "hunter22" not in repr(source) + source.address + source.hide("failed for hunter22")


def test_a_failed_clone_does_not_tell_the_password(tmp_path: Path) -> None:
    """The error of a remote that does not answer is free of credentials."""
    with pytest.raises(BadInput) as caught:
        clone("https://ann:hunter22@127.0.0.1:1/x", str(tmp_path / "work"))

    assert "hunter22" not in str(caught.value) + str(caught.value.fields)


def test_the_short_form_of_ssh_is_understood() -> None:
    """`git@host:path` is an ssh address, and its user is no secret."""
    assert parse_source("git@example.org:team/app.git").shown == "ssh://git@example.org/team/app.git"
