import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from blocks.context import RunContext, running
from blocks.errors import ApprovalNeeded, BadInput, Conflict, Forbidden, NotFound, PolicyDenied, Unavailable
from tasks.tools import git, web
from tasks.tools.files import list_files, read_file, remove_file, search_files, write_file
from tasks.tools.sandboxed import run_python, run_shell

Planned = Callable[..., RunContext]


def under(context: RunContext, work: Callable[[], Awaitable[Any]]) -> Any:
    async def in_it() -> Any:
        with running(context):
            return await work()

    return asyncio.run(in_it())


def test_files_lie_in_the_projects_folder(planned: Planned, workspace: Path):
    """What one tool writes another one reads, and the trail knows that it was seen."""
    context = planned("files.*")

    async def work() -> Any:
        await write_file.fn("notes/plan.md", "# The plan\n")
        return await read_file.fn("notes/plan.md"), await search_files.fn("plan"), await list_files.fn()

    piece, matches, listing = under(context, work)

    assert piece.text == "# The plan\n"
    assert matches.matches[0].path == "notes/plan.md"
    assert [entry.path for entry in listing.entries] == ["notes"]
    assert (workspace / "notes" / "plan.md").exists()
    assert "tool_output" in context.trail.seen


def test_a_tool_that_was_not_planned_is_refused(planned: Planned, workspace: Path):
    """Whatever its arguments."""
    with pytest.raises(PolicyDenied, match=r"has no tool 'files\.write'"):
        under(planned("files.read"), lambda: write_file.fn("a.txt", "x"))

    assert list(workspace.iterdir()) == []


def test_the_limits_of_arguments_hold(planned: Planned):
    """A node that may write documents writes no code."""
    context = planned("files.write", limits={"files.write": {"path": "docs/*"}})

    under(context, lambda: write_file.fn("docs/a.md", "x"))
    with pytest.raises(PolicyDenied, match="beyond its limit"):
        under(context, lambda: write_file.fn("setup.py", "x"))


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "%2e%2e/a", "~/a", "$HOME/a", "file:///etc/passwd"])
def test_paths_that_lead_out_are_refused_before_anything_is_opened(planned: Planned, path: str):
    """By the constitution; what it could not see, opening step by step does not follow."""
    with pytest.raises(PolicyDenied, match="leads out of the project's folder"):
        under(planned("files.*"), lambda: read_file.fn(path))


def test_deleting_asks_a_person(planned: Planned, workspace: Path):
    """What is gone is gone."""
    (workspace / "a.txt").write_text("x")

    with pytest.raises(ApprovalNeeded, match="ask-before-destroying"):
        under(planned("files.*"), lambda: remove_file.fn("a.txt"))

    assert (workspace / "a.txt").exists()


def test_outside_of_a_project_there_is_no_workspace(context_under: Callable[..., RunContext]):
    """A tool does not choose a folder by itself."""
    with pytest.raises(Forbidden, match="no project here"):
        under(context_under("allow"), lambda: read_file.fn("a.txt"))


def test_planned_programs_run_in_the_sandbox_unasked(shut_in: None, planned: Planned, workspace: Path):
    """They import from the workspace and write into it; nobody has to agree."""
    (workspace / "app").mkdir()
    (workspace / "app" / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    context = planned("python.run", "shell.run")

    ran = under(context, lambda: run_python.fn("import sums; print(sums.add(2, 3))", folder="app"))
    made = under(context, lambda: run_shell.fn("echo made > out.txt && cat out.txt", seconds=20))

    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "5\n", "")
    assert made.stdout == "made\n"
    assert (workspace / "out.txt").read_text() == "made\n"


def test_a_program_outside_of_a_plan_asks_a_person(context_under: Callable[..., RunContext], workspace: Path):
    """Also in the sandbox: nobody has planned it."""
    from capsules.environment import SHIPPED_CONSTITUTION

    context = context_under(
        SHIPPED_CONSTITUTION.read_text(),
        capsule="survey",
        project_facts={"workspace": str(workspace)},
    )

    with pytest.raises(ApprovalNeeded, match="ask-before-running-programs"):
        under(context, lambda: run_shell.fn("true"))


def test_the_folder_of_a_program_is_in_the_workspace(shut_in: None, planned: Planned, workspace: Path):
    """One that is a link to elsewhere is no folder."""
    (workspace / "out").symlink_to("/usr")

    with pytest.raises(BadInput, match="links are not followed"):
        under(planned("shell.run"), lambda: run_shell.fn("pwd", folder="out"))
    with pytest.raises(NotFound, match="no folder 'nowhere'"):
        under(planned("shell.run"), lambda: run_shell.fn("pwd", folder="nowhere"))


def test_git_keeps_what_agents_write(shut_in: None, planned: Planned, workspace: Path):
    """Init, commit, branch with a folder of its own, merge, log, status and diff, all in the sandbox."""

    async def work() -> None:
        with pytest.raises(NotFound, match=r"make one with git\.init"):
            await git.status.fn()
        assert (await git.init.fn("code")).branch == "main"
        await write_file.fn("code/a.py", "a = 1\n")
        first = await git.commit.fn("Begin", folder="code")
        assert first.changed
        assert not (await git.commit.fn("Nothing", folder="code")).changed

        side = await git.branch.fn("tests", worktree="side", folder="code")
        assert (side.created, side.commit) == (True, first.commit)
        assert not (await git.branch.fn("tests", worktree="side", folder="code")).created
        await write_file.fn("side/test_a.py", "import a\n")
        await git.commit.fn("Test it", folder="side")
        merged = await git.merge.fn("tests", folder="code")
        assert merged.conflicts == []
        assert (workspace / "code" / "test_a.py").exists()

        await write_file.fn("code/a.py", "a = 2\n")
        assert [(item.path, item.state) for item in (await git.status.fn("code")).changed] == [("a.py", " M")]
        assert "-a = 1\n+a = 2" in await git.diff.fn(folder="code")
        assert [commit.message for commit in await git.log.fn(folder="code")][-1] == "Begin"

    under(planned("git.*", "files.*"), work)


def test_a_merge_with_conflicts_is_taken_back(shut_in: None, planned: Planned):
    """The files are named, and the repository is as it was before."""

    async def work() -> None:
        await git.init.fn()
        await write_file.fn("a.txt", "one\n")
        await git.commit.fn("Begin")
        await git.branch.fn("other")
        await write_file.fn("a.txt", "two\n")
        await git.commit.fn("Two")
        await git.branch.fn("main")
        await write_file.fn("a.txt", "three\n")
        before = await git.commit.fn("Three")

        merged = await git.merge.fn("other")

        assert (merged.conflicts, merged.commit) == (["a.txt"], before.commit)
        assert (await git.status.fn()).changed == []
        with pytest.raises(BadInput):
            await git.merge.fn("nowhere")

    under(planned("git.*", "files.*"), work)


def test_no_setting_of_a_repository_runs_a_program_outside(
    shut_in: None, planned: Planned, workspace: Path, tmp_path: Path
):
    """Hooks are off; filters and watchers reach no further than the sandbox, folders no further than it."""
    repository = workspace / "bad"
    mark = tmp_path / "mark"
    (tmp_path / "secret.txt").write_text("secret")

    async def work() -> str:
        await git.init.fn("bad")
        for name in ("pre-commit", "post-commit", "commit-msg", "post-checkout"):
            hook = repository / ".git" / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\necho ran > {workspace}/hook-ran\n")
            hook.chmod(0o755)
        (repository / ".gitattributes").write_text("* filter=bad diff=bad\n")
        with (repository / ".git" / "config").open("a") as config:
            config.write(f'[core]\n\tfsmonitor = "touch {mark}"\n\tworktree = {tmp_path}\n')
            config.write(f'[filter "bad"]\n\tclean = "cat; touch {mark}"\n')
            config.write(f'[diff "bad"]\n\ttextconv = "touch {mark}; cat"\n')
        await write_file.fn("bad/a.txt", "one\n")
        try:
            await git.commit.fn("Begin", folder="bad")
            return str(await git.diff.fn(folder="bad"))
        except BadInput as error:
            return error.message

    told = under(planned("git.*", "files.*"), work)

    assert "secret" not in told
    assert not mark.exists()
    assert not (workspace / "hook-ran").exists()


@pytest.mark.parametrize("name", ["--upload-pack=x", "a..b", "HEAD:a", "a b", "-"])
def test_what_looks_like_an_option_is_no_revision(planned: Planned, workspace: Path, name: str):
    """Git is never asked."""
    for call in (lambda: git.merge.fn(name), lambda: git.log.fn(name), lambda: git.diff.fn(name)):
        with pytest.raises(BadInput, match="is no branch or commit"):
            under(planned("git.*"), call)


def test_a_branch_has_one_folder(shut_in: None, planned: Planned):
    """A folder that belongs to another branch is not taken over."""

    async def work() -> None:
        await git.init.fn("code")
        await write_file.fn("code/a.py", "a = 1\n")
        await git.commit.fn("Begin", folder="code")
        await git.branch.fn("one", worktree="one", folder="code")
        with pytest.raises(Conflict, match="is on the branch 'one'"):
            await git.branch.fn("two", worktree="one", folder="code")

    under(planned("git.*", "files.*"), work)


@pytest.fixture
def no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has made a block, so the settings hold."""
    monkeypatch.setattr(web, "_known", (float("inf"), None))


def test_without_a_list_nothing_is_fetched(planned: Planned, no_block: None):
    """The sentence says what to set."""
    with pytest.raises(Unavailable, match="SOMA_WEB_ALLOW"):
        under(planned("web.fetch"), lambda: web.fetch_page.fn("https://docs.python.org/3/"))


def test_a_site_that_is_not_on_the_list_is_not_fetched(
    planned: Planned, no_block: None, monkeypatch: pytest.MonkeyPatch
):
    """Neither is one inside of the machine."""
    monkeypatch.setenv("SOMA_WEB_ALLOW", "docs.python.org")

    for url in ("https://evil.example.net/", "http://169.254.169.254/", "http://127.0.0.1:4200/api"):
        with pytest.raises(Forbidden, match="has not allowed it"):
            under(planned("web.fetch"), lambda url=url: web.fetch_page.fn(url))


@pytest.mark.parametrize(
    ("url", "article", "error"),
    [
        ("https://docs.python.org/?key=AKIAIOSFODNN7EXAMPLE", "deny-secrets-to-the-outside", PolicyDenied),
        (
            "https://docs.python.org/?q=all+of+it",
            "ask-before-sending-data-in-an-address",
            ApprovalNeeded,
        ),
    ],
)
def test_what_was_read_is_not_carried_away_in_an_address(
    planned: Planned, workspace: Path, url: str, article: str, error: type[Exception]
):
    """A secret never; other words only when the request named them or a person agrees."""
    (workspace / "a.txt").write_text("all of it")
    context = planned("files.read", "web.fetch")
    under(context, lambda: read_file.fn("a.txt"))

    with pytest.raises(error, match=article):
        under(context, lambda: web.fetch_page.fn(url))
