"""The tools on git: git itself, in the sandbox, so that no hook, filter or setting reaches out of it.

A repository's own configuration can make git run programs and reach other folders. Hooks and transports are
switched off, and what is left runs in the sandbox: it can do there what any program can, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.errors import BadInput, Conflict, NotFound
from blocks.sandbox.running import Ran
from tasks.governed import governed_task
from tasks.tools.places import workspace
from tasks.tools.sandboxed import folder_of, isolated, shut_in

SECONDS = 120
MOST_STATUS = 2_000
NAME, ADDRESS = "SomaAgentHub", "agent@soma.invalid"
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_EDITOR": "true",
    "GIT_PAGER": "cat",
    "GIT_AUTHOR_NAME": NAME,
    "GIT_AUTHOR_EMAIL": ADDRESS,
    "GIT_COMMITTER_NAME": NAME,
    "GIT_COMMITTER_EMAIL": ADDRESS,
}
SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "safe.directory": "*",
    "advice.detachedHead": "false",
}


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A file that differs from the last commit."""

    path: str
    state: str
    """The two letters of `git status --porcelain`: in the index and in the folder."""


@dataclass(frozen=True, kw_only=True)
class Status:
    branch: str
    commit: str
    """Empty before the first one."""
    changed: list[Changed]
    more: bool


@dataclass(frozen=True, kw_only=True)
class Commit:
    id: str
    author: str
    at: str
    """ISO 8601."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Committed:
    commit: str
    changed: bool
    """False when there was nothing to commit; `commit` is then the one that was there."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    name: str
    commit: str
    created: bool
    worktree: str
    """Its folder in the workspace; empty when it is the repository's own."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    commit: str
    conflicts: list[str]
    """The files that both sides changed; if there are any, nothing was merged."""


@governed_task(stage="tool.call", action="git.init", **isolated("git.init"))
async def init(folder: str = ".") -> Status:
    """Make a repository whose first branch is `main`."""
    folder_of(workspace(), folder, make=True)
    await _git(folder, "init", "--quiet", "--initial-branch=main")
    return await _status(folder)


@governed_task(stage="tool.call", action="git.status", **isolated("git.status"))
async def status(folder: str = ".") -> Status:
    """What has changed."""
    return await _status(folder)


@governed_task(stage="tool.call", action="git.diff", **isolated("git.diff"))
async def diff(base: str = "HEAD", head: str = "", paths: Sequence[str] = (), folder: str = ".") -> str:
    """The difference as a patch."""
    revisions = [_revision(name) for name in (base, head) if name]
    options = ("--no-color", "--no-ext-diff", "--no-textconv")
    return (await _git(folder, "diff", *options, *revisions, "--", *paths)).stdout


@governed_task(stage="tool.call", action="git.commit", **isolated("git.commit"))
async def commit(message: str, paths: Sequence[str] = (), folder: str = ".") -> Committed:
    """Commit all changes, or those of some paths; with nothing changed, nothing is committed."""
    await _git(folder, "add", "--all", "--", *(paths or ["."]))
    staged = await _tried(folder, "diff", "--cached", "--quiet", "--no-ext-diff", "--", *paths)
    if staged.exit_code == 0:
        return Committed(commit=await _head(folder), changed=False)
    await _git(folder, "commit", "--quiet", "--no-verify", "--file=-", "--", *paths, given=message)
    return Committed(commit=await _head(folder), changed=True)


@governed_task(stage="tool.call", action="git.log", **isolated("git.log"))
async def log(branch: str = "HEAD", limit: int = 20, folder: str = ".") -> list[Commit]:
    """The last commits, the newest first."""
    form = "--format=%H%x1f%an%x1f%aI%x1f%B%x1e"
    told = await _git(folder, "log", "--no-color", form, f"--max-count={limit}", _revision(branch), "--")
    rows = [row.strip("\n").split("\x1f") for row in told.stdout.split("\x1e")]
    return [
        Commit(id=row[0], author=row[1], at=row[2], message=row[3].strip()) for row in rows if len(row) == 4
    ]


@governed_task(stage="tool.call", action="git.branch", **isolated("git.branch"))
async def branch(name: str, base: str = "HEAD", worktree: str = "", folder: str = ".") -> Branch:
    """Make the branch unless it is there, and go to it, or give it a folder of its own."""
    known = (await _tried(folder, "rev-parse", "--quiet", "--verify", f"refs/heads/{name}")).exit_code == 0
    if worktree:
        return await _worktree(name, base, worktree, folder, known=known)
    await _git(
        folder,
        *(("switch", "--quiet", name) if known else ("switch", "--quiet", "--create", name, _revision(base))),
    )
    return Branch(name=name, commit=await _head(folder), created=not known, worktree="")


@governed_task(stage="tool.call", action="git.merge", **isolated("git.merge"))
async def merge(branch: str, message: str = "", folder: str = ".") -> Merged:
    """Merge a branch; on conflicts the repository is left as it was before."""
    said = ("-m", message) if message else ("--no-edit",)
    ran = await _tried(folder, "merge", "--quiet", "--no-verify", "--no-ff", *said, _revision(branch))
    if ran.exit_code == 0:
        return Merged(commit=await _head(folder), conflicts=[])
    unmerged = await _git(folder, "diff", "--name-only", "--diff-filter=U", "--no-ext-diff")
    conflicts = unmerged.stdout.splitlines()
    if not conflicts:
        raise _problem("merge", ran)
    await _git(folder, "merge", "--abort")
    return Merged(commit=await _head(folder), conflicts=conflicts)


async def _worktree(name: str, base: str, worktree: str, folder: str, *, known: bool) -> Branch:
    root = workspace()
    path = folder_of(root, worktree, make=True)
    if (path / ".git").exists():
        found = (await _git(worktree, "branch", "--show-current")).stdout.strip()
        if found != name:
            raise Conflict(f"the folder {worktree!r} is on the branch {found!r}")
        return Branch(name=name, commit=await _head(worktree), created=False, worktree=worktree)
    new = () if known else ("-b", name)
    await _git(folder, "worktree", "add", "--quiet", *new, str(path), name if known else _revision(base))
    return Branch(name=name, commit=await _head(worktree), created=not known, worktree=worktree)


async def _status(folder: str) -> Status:
    told = await _git(folder, "status", "--porcelain=v1", "--untracked-files=all", "-z")
    changed: list[Changed] = []
    rows = iter(told.stdout.split("\0"))
    for row in rows:
        if row:
            changed.append(Changed(path=row[3:], state=row[:2]))
            if row[0] in "RC":  # what it was called before follows
                next(rows, None)
    name = (await _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD", may_fail=True)).stdout.strip()
    return Status(
        branch=name,
        commit=await _head(folder, may_fail=True),
        changed=changed[:MOST_STATUS],
        more=len(changed) > MOST_STATUS or told.cut,
    )


async def _head(folder: str, *, may_fail: bool = False) -> str:
    return (await _git(folder, "rev-parse", "--quiet", "--verify", "HEAD", may_fail=may_fail)).stdout.strip()


def _revision(name: str) -> str:
    """A branch or commit, which never looks like an option or a range."""
    if name.startswith("-") or ".." in name or any(sign in name for sign in " \t\n\0:"):
        raise BadInput(f"{name!r} is no branch or commit")
    return name


async def _git(folder: str, *arguments: str, given: str = "", may_fail: bool = False) -> Ran:
    ran = await _tried(folder, *arguments, given=given)
    if ran.exit_code != 0 and not may_fail:
        raise _problem(arguments[0], ran)
    return ran


async def _tried(folder: str, *arguments: str, given: str = "") -> Ran:
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return await shut_in(
        ["git", *settings, "--literal-pathspecs", *arguments],
        folder,
        SECONDS,
        environment=ENVIRONMENT,
        given=given.encode("utf-8", "surrogatepass"),
    )


def _problem(name: str, ran: Ran) -> BadInput | NotFound:
    told = (ran.stderr or ran.stdout or ran.note).strip()[-1_000:]
    if "not a git repository" in told:
        return NotFound("this folder is no git repository", mend="make one with git.init")
    return BadInput(f"git {name} failed: {told}")


GIT = {
    "git.init": init,
    "git.status": status,
    "git.diff": diff,
    "git.commit": commit,
    "git.log": log,
    "git.branch": branch,
    "git.merge": merge,
}
"""By the names that manifests use."""
