from capsules.capsule import capsule
from capsules.library.documentation.report import describe
from capsules.library.documentation.tools import read_pages
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def documentation(checkout: Checkout) -> Analysis:
    """What a newcomer can read about the project, and what is missing."""
    return await told(describe(await read_pages(checkout.root, checkout.commit, checkout.name)))
