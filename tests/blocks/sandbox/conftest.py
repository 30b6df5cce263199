"""Programs in the sandbox."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blocks.sandbox.order import Limits
from blocks.sandbox.running import Ran, run


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def sh(shut_in: None, workspace: Path) -> Callable[..., Ran]:
    """Runs a command line in the sandbox, with limits."""

    def call(command: str, given: bytes = b"", **limits: Any) -> Ran:
        return asyncio.run(
            run(["/bin/sh", "-c", command], workspace=workspace, given=given, limits=Limits(**limits))
        )

    return call
