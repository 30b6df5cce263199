import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.survey.clone import Clone, clone
from capsules.library.survey.history import History, read_history
from capsules.library.survey.inventory import Inventory, take_inventory
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(
    stage="tool.call", action="git.clone", effect=True, cache_policy=NO_CACHE, persist_result=False
)
async def clone_repository(source: str, workspace: str) -> Clone:
    """Make the working copy in the workspace, or take the one that an earlier attempt made."""
    return await asyncio.to_thread(clone, source, workspace)


@governed_task(stage="tool.call", action="files.count", cache_policy=NO_CACHE, persist_result=False)
async def count_files(root: str, commit: str, name: str, seconds: float = 240) -> Inventory:
    """Count the files and lines of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(take_inventory, checkout, seconds)


@governed_task(stage="tool.call", action="git.read_history", cache_policy=NO_CACHE, persist_result=False)
async def walk_history(root: str, commit: str, name: str, seconds: float = 60) -> History:
    """Walk the history back from a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_history, checkout, seconds)
