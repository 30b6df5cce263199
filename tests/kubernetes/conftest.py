"""Helm out of its own folder, and the hub installed on the cluster that KUBECONFIG names."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELM = ROOT / "build" / "helm"
sys.path[:0] = [str(Path(__file__).parent), str(HELM)]


@pytest.fixture(scope="session")
def hub() -> Iterator[object]:
    """The hub, installed by its chart for these tests and removed at their end."""
    from installed import Installed

    if not os.environ.get("KUBECONFIG"):
        pytest.fail("KUBECONFIG names no cluster: make start-cluster makes one", pytrace=False)
    made = Installed()
    try:
        made.install()
        yield made
    finally:
        made.remove()
