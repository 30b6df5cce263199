import asyncio

from capsules.library.security.report import report_delivery, report_python
from capsules.library.security.scan import scan_delivery, scan_python
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="bandit.scan")
async def scan_code(root: str, commit: str, name: str, seconds: float = 600) -> Analysis:
    """Run bandit's checks on the Python files of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return report_python(*await asyncio.to_thread(scan_python, checkout, seconds))


@governed_task(stage="tool.call", action="delivery.scan")
async def scan_shipping(root: str, commit: str, name: str, seconds: float = 120) -> Analysis:
    """Check the workflows, Dockerfiles and names of files of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return report_delivery(await asyncio.to_thread(scan_delivery, checkout, seconds))
