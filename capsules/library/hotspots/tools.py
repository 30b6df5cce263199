import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.hotspots.churn import Churn, read_churn
from capsules.library.hotspots.ranking import Ranking, rank
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="git.read_churn", cache_policy=NO_CACHE, persist_result=False)
async def read_changes(root: str, commit: str, name: str, seconds: float = 120) -> Churn:
    """Read from the log of git how often each file was changed."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_churn, checkout, seconds)


@governed_task(stage="tool.call", action="lizard.rank", cache_policy=NO_CACHE, persist_result=False)
async def rank_files(root: str, commit: str, name: str, churn: Churn, seconds: float = 240) -> Ranking:
    """Measure with lizard the files that are changed most."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(rank, checkout, churn, seconds)
