from pydantic import BaseModel, Field

from blocks.errors import Conflict
from capsules.capsule import capsule
from capsules.library.test_run.report import Report, headline
from capsules.library.test_run.testing import run_tests
from tasks.messages import mention
from tasks.tools.git import branch, commit, merge

MAIN, REPAIR, REPAIR_FOLDER = "main", "repair", "work/repair"


class Branch(BaseModel):
    """Somebody's work."""

    name: str
    folder: str
    message: str = Field(min_length=1)
    """What was done, for the commit."""


@capsule
async def test_run(repository: str, branches: list[Branch]) -> Report:
    """How the tests of the merged branches went; where they failed, there is a branch to repair them in."""
    merged = ""
    for work in branches:
        merged = await _merged(repository, work)
    report = await run_tests(repository, merged)
    if not report.passed:
        await branch(name=REPAIR, worktree=REPAIR_FOLDER, folder=repository)
        await _brought_up(REPAIR_FOLDER)
    for work in branches:  # whoever goes on with it goes on from here
        await _brought_up(work.folder)
    await mention(headline(report), data={"passed": report.passed, "ran": report.ran})
    return report


async def _merged(repository: str, work: Branch) -> str:
    """Commit what lies in the branch's folder, merge it, and return the commit."""
    await commit(message=f"{work.name}: {work.message}"[:5_000], folder=work.folder)
    done = await merge(branch=work.name, message=f"Merge {work.name}", folder=repository)
    if done.conflicts:
        raise Conflict(
            f"{work.name!r} changes what others have changed too: {', '.join(done.conflicts[:10])}",
            mend="have one of the nodes done anew, with `soma projects rerun`",
        )
    return done.commit


async def _brought_up(folder: str) -> None:
    await merge(branch=MAIN, message=f"Merge {MAIN}", folder=folder)
