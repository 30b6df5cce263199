"""The two last capsules of an audit as they really run: Prefect, records, memory and guard are all there."""

import asyncio
import hashlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pygit2
import pytest

from blocks.engines.child import die_with_parent
from blocks.errors import PolicyDenied
from blocks.records.database import upgrade
from blocks.settings import load_settings
from capsules.library.publish.contents import Report
from capsules.library.publish.deliverables import Deliverables
from capsules.library.synthesis.result import Synthesis
from capsules.repository.analysis import Analysis, Finding
from capsules.repository.checkout import Checkout

SURVEY = Analysis(capsule="survey", title="Overview", headline="Two files")
FORBID = """
apiVersion: soma/v1
kind: Constitution
metadata: {{name: strict, version: 1.0.0}}
default: allow
articles:
  - {{id: A-7, title: Not here, stages: [{stage}], verdict: deny, reason: not on this machine}}
"""


@pytest.fixture
def hub(
    prefect_api: str, postgres_url: str, valkey_url: str, new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records, Valkey and Prefect for the capsules of this test; the gateway is not up."""
    del prefect_api
    url = new_database(postgres_url)
    monkeypatch.setenv("SOMA_DATABASE_URL", url)
    monkeypatch.setenv("SOMA_REDIS_URL", valkey_url)
    monkeypatch.setenv("SOMA_GATEWAY_PORT", str(free_port()))
    asyncio.run(prepare())


async def prepare() -> None:
    settings = load_settings()
    await upgrade(settings.database_address)


@pytest.fixture
def gateway(hub: None) -> Iterator[None]:
    """The gateway, which owns the memory."""
    del hub
    settings = load_settings()
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.gateway"],
        preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509  # one call of the kernel
    )
    try:
        wait_for(f"{settings.gateway_url}/health", process)
        yield
    finally:
        process.terminate()
        process.wait(15)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("the gateway did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def commit_again(root: str) -> Checkout:
    repository = pygit2.Repository(root)
    author = pygit2.Signature("Ada", "ada@example.org", 1_700_000_100, 0)
    tree = repository.head.peel(pygit2.Commit).tree_id
    repository.create_commit("HEAD", author, author, "Go on", tree, [repository.head.target])
    return Checkout.of(root)


def weigh(checkout: Checkout, score: int, *rules: str) -> Synthesis:
    from capsules.library.synthesis.run import synthesis

    findings = [Finding.of(rule, title=f"About {rule}", severity="high", path="a.py") for rule in rules]
    quality = Analysis(
        capsule="quality", title="Quality", score=score, headline="So it is", findings=findings
    )
    return asyncio.run(synthesis(checkout=checkout, survey=SURVEY, analyses={"quality": quality}))


@pytest.mark.slow
@pytest.mark.usefixtures("gateway")
def test_the_second_audit_says_what_changed(commit: Callable[..., Checkout]) -> None:
    """The first audit is remembered: the next tells what was resolved and what is new, and since how long."""
    checkout = commit({"a.py": "1"})
    first = weigh(checkout, 60, "old", "kept")
    second = weigh(commit_again(checkout.root), 70, "kept", "new").comparison

    assert (first.comparison.status, first.notes) == ("first", [])
    assert (second.status, second.change, second.commits, second.caveats) == ("compared", 10, 1, [])
    assert [line.title for line in second.resolved] == ["About old"]
    assert [line.title for line in second.new] == ["About new"]


@pytest.mark.slow
@pytest.mark.usefixtures("gateway")
def test_a_found_secret_does_not_keep_an_audit_from_being_remembered(commit: Callable[..., Checkout]) -> None:
    """What looks like a secret in a finding is masked, so the guard has nothing to refuse."""
    checkout = commit({"a.py": "1"})
    synthesis = weigh(checkout, 60, "https://me:hunter22@example.org/")

    assert synthesis.notes == []
    assert "hunter22" not in synthesis.model_dump_json()


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_without_memory_the_synthesis_comes_all_the_same(commit: Callable[..., Checkout]) -> None:
    """With the gateway away there are scores and actions, and a word on what could not be compared."""
    synthesis = weigh(commit({"a.py": "1"}), 60, "rule")

    assert (synthesis.score, len(synthesis.actions)) == (60, 1)
    assert synthesis.comparison.status == "unavailable"
    assert "could not be remembered" in synthesis.notes[0]


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_refused_memory_names_the_article(
    commit: Callable[..., Checkout], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An article against reading the memory stops the comparison, not the synthesis."""
    forbid(tmp_path, monkeypatch, "memory.read")
    synthesis = weigh(commit({"a.py": "1"}), 60)

    assert "A-7: not on this machine" in synthesis.comparison.note


def forbid(folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    path = folder / "strict.yaml"
    path.write_text(FORBID.format(stage=stage))
    monkeypatch.setenv("SOMA_CONSTITUTION", str(path))


def publish(report: Report, folder: Path) -> Deliverables:
    from capsules.library.publish.run import publish

    return asyncio.run(
        publish(
            checkout=report.checkout,
            survey=report.survey,
            analyses=dict(report.analyses),
            synthesis=report.synthesis,
            folder=str(folder),
            refused=dict(report.refused),
        )
    )


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_publishing_writes_the_folder_and_shows_it_in_prefect(
    make_report: Callable[..., Report], tmp_path: Path
) -> None:
    """The files are in the folder as described, and Prefect has the report, the table and the link."""
    from prefect.client.orchestration import get_client

    published = publish(make_report("Kettle & Co"), tmp_path / "out" / "prj_1")
    again = publish(make_report("Kettle & Co"), tmp_path / "out" / "prj_1")
    with get_client(sync_client=True) as client:
        keys = {artifact.key for artifact in client.read_artifacts()}

    assert {file.name for file in published.files} == {path.name for path in Path(published.folder).iterdir()}
    assert [file.name for file in again.files] == [file.name for file in published.files]
    assert {"audit-kettle-co-report", "audit-kettle-co-first", "audit-kettle-co-page"} <= keys


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_refused_publication_writes_nothing(
    make_report: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An article against publishing leaves no folder behind, and the caller learns which article it was."""
    forbid(tmp_path, monkeypatch, "artifact.publish")

    with pytest.raises(PolicyDenied, match="A-7"):
        publish(make_report(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
def test_a_secret_in_a_finding_is_not_published(make_report: Callable[..., Report], tmp_path: Path) -> None:
    """What looks like a secret is masked in every file, so the report itself can be published."""
    secret = "ghp_" + hashlib.sha256(b"a token").hexdigest()[:36]
    published = publish(make_report(f"token {secret}"), tmp_path / "out")

    for file in published.files:
        assert secret not in Path(file.path).read_text()
