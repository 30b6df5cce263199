from capsules.capsule import capsule
from capsules.library.hotspots.report import describe
from capsules.library.hotspots.tools import rank_files, read_changes
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout


@capsule
async def hotspots(checkout: Checkout) -> Analysis:
    """The files that are changed often and hard to change."""
    churn = await read_changes(checkout.root, checkout.commit, checkout.name)
    ranking = await rank_files(checkout.root, checkout.commit, checkout.name, churn)
    return describe(churn, ranking)
