"""The tools on git: git itself, in the sandbox, so that no hook, filter or setting reaches out of it.

A repository's own configuration can make git run programs and reach other folders. Hooks and transports are
switched off, and what is left runs in the sandbox: it can do there what any program can, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blocks.errors import BadInput, Conflict, NotFound, Unavailable
from blocks.sandbox.running import Ran
from tasks.governed import governed_task
from tasks.tools.places import workspace
from tasks.tools.sandboxed import folder_of, isolated, shut_in

SECONDS = 120
MOST_STATUS = 2_000
NAME, ADDRESS = "SomaAgentHub", "agent@soma.invalid"
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
"""What holds over whatever a repository says of itself."""
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_COUNT": str(len(SETTINGS)),
    **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(SETTINGS.values())},
    "GIT_LITERAL_PATHSPECS": "1",
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
STATUS = "git status --porcelain=v2 --branch --untracked-files=all -z"
COMMIT = """
git add --all -- "$@" || exit
git diff --cached --quiet --no-ext-diff --no-textconv -- "$@"
case $? in
  0) echo same;;
  1) git commit --quiet --no-verify --file=- -- "$@" || exit; echo new;;
  *) exit 1;;
esac
git rev-parse HEAD
"""
BRANCH = """
if git rev-parse --quiet --verify "refs/heads/$1" > /dev/null
then git switch --quiet "$1" || exit; echo known
else git switch --quiet --create "$1" "$2" || exit; echo new
fi
git rev-parse HEAD
"""
WORKTREE = """
if test -e "$3/.git"
then
  test "$(git -C "$3" branch --show-current)" = "$1" || { git -C "$3" branch --show-current; exit 77; }
  echo known
elif git rev-parse --quiet --verify "refs/heads/$1" > /dev/null
then git worktree add --quiet "$3" "$1" || exit; echo known
else git worktree add --quiet -b "$1" "$3" "$2" || exit; echo new
fi
git -C "$3" rev-parse HEAD
"""
MERGE = """
if git merge --quiet --no-verify --no-ff -m "$2" "$1" > /dev/null
then git rev-parse HEAD; exit
fi
found=$(git diff --name-only --diff-filter=U --no-ext-diff)
test -n "$found" || exit 1
git merge --abort || exit
git rev-parse HEAD
echo "$found"
"""
OTHER_BRANCH = 77


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
    return _status(await _git(folder, f"git init --quiet --initial-branch=main && {STATUS}"))


@governed_task(stage="tool.call", action="git.status", **isolated("git.status"))
async def status(folder: str = ".") -> Status:
    """What has changed."""
    return _status(await _git(folder, STATUS))


@governed_task(stage="tool.call", action="git.diff", **isolated("git.diff"))
async def diff(base: str = "HEAD", head: str = "", paths: Sequence[str] = (), folder: str = ".") -> str:
    """The difference as a patch."""
    revisions = [_revision(name) for name in (base, head) if name]
    asked = 'git diff --no-color --no-ext-diff --no-textconv "$@"'
    return (await _git(folder, asked, *revisions, "--", *paths)).stdout


@governed_task(stage="tool.call", action="git.commit", **isolated("git.commit"))
async def commit(message: str, paths: Sequence[str] = (), folder: str = ".") -> Committed:
    """Commit all changes, or those of some paths; with nothing changed, nothing is committed."""
    said, made = (await _git(folder, COMMIT, *(paths or ["."]), given=message)).stdout.split()
    return Committed(commit=made, changed=said == "new")


@governed_task(stage="tool.call", action="git.log", **isolated("git.log"))
async def log(branch: str = "HEAD", limit: int = 20, folder: str = ".") -> list[Commit]:
    """The last commits, the newest first."""
    asked = 'git log --topo-order --no-color --format=%H%x1f%an%x1f%aI%x1f%B%x1e --max-count="$1" "$2" --'
    told = await _git(folder, asked, str(limit), _revision(branch))
    rows = [row.strip("\n").split("\x1f") for row in told.stdout.split("\x1e")]
    return [
        Commit(id=row[0], author=row[1], at=row[2], message=row[3].strip()) for row in rows if len(row) == 4
    ]


@governed_task(stage="tool.call", action="git.branch", **isolated("git.branch"))
async def branch(name: str, base: str = "HEAD", worktree: str = "", folder: str = ".") -> Branch:
    """Make the branch unless it is there, and go to it, or give it a folder of its own."""
    if not worktree:
        ran = await _git(folder, BRANCH, _revision(name), _revision(base))
    else:
        path = str(folder_of(workspace(), worktree, make=True))
        ran = await _tried(folder, WORKTREE, _revision(name), _revision(base), path)
        if ran.exit_code == OTHER_BRANCH:
            raise Conflict(f"the folder {worktree!r} is on the branch {ran.stdout.strip()!r}")
        _check(ran, "branch")
    said, made = ran.stdout.split()
    return Branch(name=name, commit=made, created=said == "new", worktree=worktree)


@governed_task(stage="tool.call", action="git.merge", **isolated("git.merge"))
async def merge(branch: str, message: str = "", folder: str = ".") -> Merged:
    """Merge a branch; on conflicts the repository is left as it was before."""
    ran = await _git(folder, MERGE, _revision(branch), message or f"Merge branch '{branch}'")
    made, *conflicts = ran.stdout.splitlines()
    return Merged(commit=made, conflicts=conflicts)


def _status(told: Ran) -> Status:
    """What `git status --porcelain=v2 -z` tells: headers, then an entry for each path."""
    headers: dict[str, str] = {}
    changed: list[Changed] = []
    rows = iter(told.stdout.split("\0"))
    for row in rows:
        kind = row[:1]
        if kind == "#":
            name, _, value = row[2:].partition(" ")
            headers[name] = value
        elif kind == "?":
            changed.append(Changed(path=row[2:], state="??"))
        elif kind in {"1", "2", "u"}:  # the path comes after so many words
            path = row.split(" ", {"1": 8, "2": 9, "u": 10}[kind])[-1]
            changed.append(Changed(path=path, state=row[2:4].replace(".", " ")))
            if kind == "2":  # what it was called before follows
                next(rows, None)
    commit = headers.get("branch.oid", "")
    return Status(
        branch=headers.get("branch.head", ""),
        commit="" if commit == "(initial)" else commit,
        changed=changed[:MOST_STATUS],
        more=len(changed) > MOST_STATUS or told.cut,
    )


def _revision(name: str) -> str:
    """A branch or commit, which never looks like an option or a range."""
    if name.startswith("-") or ".." in name or any(sign in name for sign in " \t\n\0:"):
        raise BadInput(f"{name!r} is no branch or commit")
    return name


async def _git(folder: str, script: str, *arguments: str, given: str = "") -> Ran:
    ran = await _tried(folder, script, *arguments, given=given)
    _check(ran, "git")
    return ran


async def _tried(folder: str, script: str, *arguments: str, given: str = "") -> Ran:
    """One run in the sandbox: a script of ours, to which arguments are values and never code."""
    return await shut_in(
        ["/bin/sh", "-c", script, "git", *arguments],
        folder,
        SECONDS,
        environment=ENVIRONMENT,
        given=given.encode("utf-8", "surrogatepass"),
    )


def _check(ran: Ran, name: str) -> None:
    if ran.exit_code == 0:
        return
    told = (ran.stderr or ran.stdout or ran.note).strip()[-1_000:]
    if "not a git repository" in told:
        raise NotFound("this folder is no git repository; make one with git.init")
    if "git: not found" in told:
        raise Unavailable("git is not installed on this machine; install it")
    raise BadInput(f"{name} failed: {told}")


GIT: dict[str, Any] = {
    "git.init": init,
    "git.status": status,
    "git.diff": diff,
    "git.commit": commit,
    "git.log": log,
    "git.branch": branch,
    "git.merge": merge,
}
"""By the names that manifests use."""
