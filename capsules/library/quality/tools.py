import asyncio

from prefect.cache_policies import NO_CACHE

from capsules.library.quality.complexity import Complexity, read_complexity
from capsules.library.quality.duplication import Duplication, find_duplicates
from capsules.library.quality.lint import Lint, run_ruff
from capsules.library.quality.maintainability import Maintainability, read_maintainability
from capsules.repository.checkout import Checkout
from tasks.governed import governed_task


@governed_task(stage="tool.call", action="lizard.measure", cache_policy=NO_CACHE, persist_result=False)
async def measure_functions(root: str, commit: str, name: str, seconds: float = 300) -> Complexity:
    """Measure with lizard the functions of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_complexity, checkout, seconds)


@governed_task(stage="tool.call", action="lines.compare", cache_policy=NO_CACHE, persist_result=False)
async def compare_lines(root: str, commit: str, name: str, seconds: float = 120) -> Duplication:
    """Find the blocks of code that stand in several places."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(find_duplicates, checkout, seconds)


@governed_task(stage="tool.call", action="ruff.check", cache_policy=NO_CACHE, persist_result=False)
async def check_python(root: str, commit: str, name: str, seconds: float = 120) -> Lint:
    """Run ruff's rules on the Python sources of a commit."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(run_ruff, checkout, seconds)


@governed_task(stage="tool.call", action="radon.measure", cache_policy=NO_CACHE, persist_result=False)
async def measure_files(root: str, commit: str, name: str, seconds: float = 180) -> Maintainability:
    """Compute with radon how maintainable the Python sources of a commit are."""
    checkout = Checkout(root=root, commit=commit, source=name, name=name)
    return await asyncio.to_thread(read_maintainability, checkout, seconds)
