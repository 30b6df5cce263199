from capsules.capsule import capsule
from capsules.library.hotspots.report import describe
from capsules.library.hotspots.tools import rank_files
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def hotspots(checkout: Checkout) -> Analysis:
    """The files that are changed often and hard to change."""
    return await told(describe(*await rank_files(checkout.root, checkout.commit, checkout.name)))
