from capsules.capsule import capsule
from capsules.library.secrets.tools import scan
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def secrets(checkout: Checkout) -> Analysis:
    """Suspected secrets in the tree of the commit."""
    return await told(await scan(checkout.root, checkout.commit, checkout.name))
