"""Tools in the workspace of a project, under the constitution that ships with the hub."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blocks.context import Authority, RunContext
from blocks.identity import Principal
from capsules.environment import SHIPPED_CONSTITUTION

AGENT = Principal(tenant="acme", name="writer", kind="agent", on_behalf_of="ada")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def planned(context_under: Callable[..., RunContext], workspace: Path) -> Callable[..., RunContext]:
    """The context of a node that an agent runs, planned with these tools."""

    def make(*tools: str, limits: dict[str, Any] | None = None, request: str = "") -> RunContext:
        context = context_under(
            SHIPPED_CONSTITUTION.read_text(encoding="utf-8"),
            project="p1",
            project_facts={"workspace": str(workspace), "inputs": {"request": request}},
            node="writer",
            capsule="writer",
            authority=Authority(
                tools={tool: (limits or {}).get(tool, {}) for tool in tools},
                memory=frozenset({"project"}),
                budget={},
            ),
        )
        context.trail.trust(request)
        return replace(context, principal=AGENT)

    return make
