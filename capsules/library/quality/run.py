from capsules.capsule import capsule
from capsules.library.quality.report import describe
from capsules.library.quality.tools import check_python, compare_lines, measure_files, measure_functions
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from capsules.repository.telling import told


@capsule
async def quality(checkout: Checkout) -> Analysis:
    """How hard the code is to understand and to change."""
    place = (checkout.root, checkout.commit, checkout.name)
    complexity = await measure_functions(*place)
    duplication = await compare_lines(*place)
    lint = await check_python(*place)
    return await told(describe(complexity, duplication, lint, await measure_files(*place)))
