from capsules.capsule import capsule
from capsules.library.dependencies.tools import read
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def dependencies(checkout: Checkout) -> Analysis:
    """What the project depends on, with a bill of materials."""
    return await told(await read(checkout.root, checkout.commit, checkout.name))
