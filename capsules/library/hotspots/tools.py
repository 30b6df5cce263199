import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.hotspots.churn import Churn, read_churn
from capsules.library.hotspots.ranking import Ranking, rank
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="hotspots.rank", cache_policy=NO_CACHE, persist_result=False)
async def rank_files(
    root: str, commit: str, name: str, history_seconds: float = 120, measuring_seconds: float = 240
) -> tuple[Churn, Ranking]:
    """Read from the log of git what changes often, and measure with lizard how hard that is."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    churn = await asyncio.to_thread(read_churn, checkout, history_seconds)
    return churn, await asyncio.to_thread(rank, checkout, churn, measuring_seconds)
