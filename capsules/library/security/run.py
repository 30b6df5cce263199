from capsules.capsule import capsule
from capsules.library.security.report import combine
from capsules.library.security.tools import scan_code, scan_shipping
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def security(checkout: Checkout) -> Analysis:
    """Weak places in the code and in what builds and ships it."""
    delivery = await scan_shipping(checkout.root, checkout.commit, checkout.name)
    python = await scan_code(checkout.root, checkout.commit, checkout.name)
    return await told(combine(python, delivery))
