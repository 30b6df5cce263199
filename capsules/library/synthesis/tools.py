import asyncio

import pygit2

from tasks.governed import governed_task


@governed_task(stage="tool.call", action="git.compare_commits")
async def compare_commits(root: str, before: str, after: str) -> int | None:
    """How many commits `after` has that `before` has not; None when git does not know both."""
    return await asyncio.to_thread(count_commits, root, before, after)


def count_commits(root: str, before: str, after: str) -> int | None:
    """The same, without asking anybody."""
    try:
        ahead, _ = pygit2.Repository(root).ahead_behind(after, before)
    except (pygit2.GitError, KeyError, ValueError):
        return None
    return ahead
