import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.tests.reading import TestReading, read_tests
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="tests.read", cache_policy=NO_CACHE, persist_result=False)
async def look_for_tests(root: str, commit: str, name: str, seconds: float = 480) -> TestReading:
    """Read the tests and the CI configuration of a commit; nothing is run."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_tests, checkout, seconds)
