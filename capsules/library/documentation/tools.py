import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.documentation.reading import read_documentation
from capsules.library.documentation.report import Reading
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="documentation.read", cache_policy=NO_CACHE, persist_result=False)
async def read_pages(root: str, commit: str, name: str, seconds: float = 480) -> Reading:
    """Read the README, pages and docstrings of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_documentation, checkout, seconds)
