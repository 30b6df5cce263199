"""The tools that run programs, all of them inside of the sandbox, as they are told of."""

from blocks.toolbox.described import Described, takes, text, whole

LONGEST_CODE = 100_000
MOST_SECONDS = 600
_SECONDS = whole("How long it may take.", 1, MOST_SECONDS, 60)
_FOLDER = text("The folder of the workspace to work in; the workspace itself unless given.", default=".")
_REPOSITORY = text("The folder of the repository; the workspace itself unless given.", default=".")
_BRANCH = text("The name of a branch.", longest=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
_PATHS = {
    "type": "array",
    "description": "Only these paths, relative to the repository; all if empty.",
    "items": text("A path.", longest=1_000),
    "maxItems": 500,
    "default": [],
}

PROGRAM_TOOLS = (
    Described(
        name="python.run",
        description=(
            "Run Python code in a sandbox: the workspace is writable, there is no network, and nothing else "
            "of the machine. Answers with the exit code and what was printed."
        ),
        parameters=takes(
            "code",
            code=text("The program.", longest=LONGEST_CODE, minLength=1),
            folder=_FOLDER,
            seconds=_SECONDS,
        ),
        isolated=True,
        needs=("sandbox",),
    ),
    Described(
        name="shell.run",
        description=(
            "Run a command with /bin/sh in a sandbox: the workspace is writable, there is no network, and "
            "nothing else of the machine. Answers with the exit code and what was printed."
        ),
        parameters=takes(
            "command",
            command=text("The command line.", longest=LONGEST_CODE, minLength=1),
            folder=_FOLDER,
            seconds=_SECONDS,
        ),
        isolated=True,
        needs=("sandbox",),
    ),
)


def _git(name: str, description: str, /, *required: str, **properties: object) -> Described:
    given = {"folder": _REPOSITORY, **properties}
    return Described(
        name=f"git.{name}",
        description=description,
        parameters=takes(*required, **given),  # type: ignore[arg-type]  # all are schemas
        isolated=True,
        needs=("sandbox", "git"),
    )


GIT_TOOLS = (
    _git("init", "Make a git repository of a folder of the workspace; one that is there stays as it is."),
    _git("status", "Say which files of the repository have changed, and on which branch it is."),
    _git(
        "diff",
        "Show what has changed, against the last commit or between two commits or branches.",
        base=text("A commit or branch to compare with.", longest=200, default="HEAD"),
        head=text("A second one; the files as they are unless given.", longest=200, default=""),
        paths=_PATHS,
    ),
    _git(
        "commit",
        "Commit the changes of the repository.",
        "message",
        message=text("What was changed and why.", longest=10_000, minLength=1),
        paths=_PATHS,
    ),
    _git(
        "log",
        "List the last commits of a branch.",
        branch=text("The branch or commit; the present one unless given.", longest=200, default="HEAD"),
        limit=whole("How many commits.", 1, 500, 20),
    ),
    _git(
        "branch",
        "Make a branch, or go to one that is there; with `worktree` it gets a folder of its own.",
        "name",
        name=_BRANCH,
        base=text("Where a new branch begins.", longest=200, default="HEAD"),
        worktree=text("A folder of the workspace for the branch; none unless given.", default=""),
    ),
    _git(
        "merge",
        "Merge a branch into the present one; a merge with conflicts is taken back and they are named.",
        "branch",
        branch=_BRANCH,
        message=text("The message of the merge.", longest=10_000, default=""),
    ),
)
