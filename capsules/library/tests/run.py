from capsules.capsule import capsule
from capsules.library.tests.report import describe
from capsules.library.tests.tools import look_for_tests
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def tests(checkout: Checkout) -> Analysis:
    """How much is tested, whether CI runs it, and what no test mentions."""
    return await told(describe(await look_for_tests(checkout.root, checkout.commit, checkout.name)))
