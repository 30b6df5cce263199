import asyncio

from capsules.library.secrets.report import report_secrets
from capsules.library.secrets.scan import scan_checkout
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="secrets.scan")
async def scan(root: str, commit: str, name: str, seconds: float = 600) -> Analysis:
    """Search the tracked files of a commit; the result names places, never values."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return report_secrets(await asyncio.to_thread(scan_checkout, checkout, seconds))
