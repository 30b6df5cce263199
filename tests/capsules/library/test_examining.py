"""Survey and analyses as they really run: as Prefect flows, before the shipped constitution."""

import asyncio
from typing import Any

import pytest

from blocks.errors import BadInput, PolicyDenied
from blocks.records.database import upgrade
from blocks.settings import load_settings
from capsules.library.documentation.run import documentation
from capsules.library.hotspots.run import hotspots
from capsules.library.quality.run import quality
from capsules.library.survey.run import survey
from capsules.library.tests.run import tests as examine_tests

FORBID = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: strict, version: "1.0.0"}
default: allow
articles:
  - id: A-7
    title: No ruff
    stages: [tool.call]
    actions: [ruff.check]
    verdict: deny
    reason: not on this machine
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(
    prefect_api: str, postgres_url: str, valkey_url: str, new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records, Valkey and Prefect for the capsules of this test."""
    del prefect_api
    monkeypatch.setenv("SOMA_DATABASE_URL", new_database(postgres_url))
    monkeypatch.setenv("SOMA_REDIS_URL", valkey_url)
    asyncio.run(upgrade(load_settings().database_address))


def test_a_repository_is_surveyed_and_examined(hub, commit, tmp_path) -> None:
    """The survey's checkout is what every analysis takes, and each gives an analysis of its own name."""
    source = commit({"app.py": "def f():\n    return missing\n", "README.md": "# App\n"})

    async def run() -> list[Any]:
        surveyed = await survey(source.root, str(tmp_path / "work"))
        sides = (hotspots, quality, documentation, examine_tests)
        return [surveyed.analysis, *[await side(surveyed.checkout) for side in sides]]

    analyses = asyncio.run(run())

    assert [analysis.capsule for analysis in analyses] == [
        "survey",
        "hotspots",
        "quality",
        "documentation",
        "tests",
    ]
    assert analyses[2].findings[0].rule == "ruff.F821"


def test_an_article_forbids_one_tool(hub, commit, tmp_path, monkeypatch) -> None:
    """Where the constitution forbids ruff, the capsule that needs it is refused by that article's name."""
    (tmp_path / "strict.yaml").write_text(FORBID)
    monkeypatch.setenv("SOMA_CONSTITUTION", str(tmp_path / "strict.yaml"))
    checkout = commit({"app.py": "x = 1\n"})

    with pytest.raises(PolicyDenied, match="not on this machine"):
        asyncio.run(quality(checkout))


def test_a_wrong_source_is_said_in_one_line(hub, tmp_path) -> None:
    """The reader learns what is wrong with the source, not where in the code it was noticed."""
    with pytest.raises(BadInput, match="does not exist"):
        asyncio.run(survey(str(tmp_path / "missing"), str(tmp_path / "work")))
