from pydantic import BaseModel

from capsules.capsule import capsule
from tasks.tools.files import write_file
from tasks.tools.git import branch, commit, init

REPOSITORY = "repository"
IGNORED = "__pycache__/\n*.pyc\n.venv/\nbuild/\ndist/\n*.egg-info/\n"


class Bench(BaseModel):
    """Where people work."""

    repository: str
    commit: str


@capsule
async def workbench(folders: dict[str, str]) -> Bench:
    """A repository with a first commit, and a branch with a folder of its own for each name."""
    await init(folder=REPOSITORY)
    await write_file(path=f"{REPOSITORY}/.gitignore", content=IGNORED)
    begun = await commit(message="Begin", folder=REPOSITORY)
    for name, folder in folders.items():
        await branch(name=name, worktree=folder, folder=REPOSITORY)
    return Bench(repository=REPOSITORY, commit=begun.commit)
