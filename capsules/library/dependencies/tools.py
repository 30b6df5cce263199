import asyncio

from capsules.library.dependencies.reading import read_checkout
from capsules.library.dependencies.report import report_dependencies
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="dependencies.read")
async def read(root: str, commit: str, name: str, seconds: float = 300) -> Analysis:
    """Read the manifests and lock files of a commit and write its bill of materials."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(examine, checkout, seconds)


def examine(checkout: Checkout, seconds: float) -> Analysis:
    """The same, without asking anybody."""
    return report_dependencies(checkout, read_checkout(checkout, seconds))
