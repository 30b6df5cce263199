"""`soma capsules run`, against a real Prefect server and a capsule that was just scaffolded."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from blocks.engines.child import die_with_parent
from blocks.records.database import upgrade
from ui.cli.capsule_scaffold import scaffold

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SERVE = """
from prefect.deployments.runner import EntrypointType
from word_count.run import word_count

word_count.serve(name="hub", entrypoint_type=EntrypointType.MODULE_PATH)
"""
ALLOWING = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: tests, title: Allows everything, version: 1.0.0}
principles: [{id: free, text: All is allowed that is not forbidden.}]
default: allow
articles: []
"""
FORBIDDING = """
  - id: no-counting
    principle: free
    title: Nobody counts words
    stages: [capsule.start]
    actions: [word-count]
    verdict: deny
    reason: words are not to be counted
"""


class Author:
    """Somebody with a capsule of their own, installed beside the hub and served by a runner."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.constitution = folder / "constitution.yaml"

    def soma(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from ui.cli.main import main; main()", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env={**self.environment, **changed}, capture_output=True, text=True
        )


@pytest.fixture
def author(
    tmp_path: Path, data_dir: Path, prefect_api: str, postgres_url: str, new_database: Callable[[str], str]
) -> Author:
    scaffold("word-count", tmp_path, tmp_path)
    distribution = tmp_path / "word_count-0.1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: word-count\nVersion: 0.1.0\n")
    (distribution / "entry_points.txt").write_text("[soma.capsules]\nword-count = word_count\n")
    (tmp_path / "constitution.yaml").write_text(ALLOWING)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "SOMA_DATABASE_URL": new_database(postgres_url),
        "SOMA_CONSTITUTION": str(tmp_path / "constitution.yaml"),
        "PREFECT_LOCAL_STORAGE_PATH": str(data_dir / "results"),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }
    return Author(tmp_path, environment)


@pytest.fixture
def runner(author: Author, prefect_api: str) -> Iterator[Path]:
    """A runner that serves the author's capsule; its log."""
    asyncio.run(upgrade(author.environment["SOMA_DATABASE_URL"]))
    log = author.folder / "runner.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=author.folder,
            env=author.environment,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: die_with_parent(9),  # noqa: PLW1509  # one call of the kernel
        )
        try:
            wait_until_deployed(prefect_api, process, log)
            yield log
        finally:
            process.terminate()
            process.wait(60)


def wait_until_deployed(api: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    while not httpx.get(f"{api}/deployments/name/word-count/hub").is_success:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def test_a_capsule_runs_and_its_output_is_printed(author: Author, runner: Path):
    """The output is JSON on standard output; a forbidden run names the article's reason and exits 1."""
    ran = author.soma("capsules", "run", "word-count", "--input", "text=one two three")
    author.constitution.write_text(ALLOWING.replace("articles: []", f"articles:{FORBIDDING}"))
    forbidden = author.soma("capsules", "run", "word-count", "--input", "text=one two three")

    assert ran.returncode == 0, ran.stderr + runner.read_text()
    assert json.loads(ran.stdout) == {"words": 3}
    assert forbidden.returncode == 1, forbidden.stderr
    assert forbidden.stdout == ""
    assert "no-counting" in forbidden.stderr
    assert "words are not to be counted" in forbidden.stderr
    assert "Traceback" not in forbidden.stderr


def test_what_cannot_be_run_is_said(author: Author):
    """A capsule without a deployment, a wrong input and a hub that is down are one readable line each."""
    undeployed = author.soma("capsules", "run", "publish", "--input-json", json.dumps(inputs_of_publish()))
    wrong = author.soma("capsules", "run", "word-count", "--input", "txt=one")
    down = author.soma(
        "capsules", "run", "word-count", "--input", "text=one", PREFECT_API_URL="http://127.0.0.1:9/api"
    )

    assert (undeployed.returncode, "not deployed" in undeployed.stderr) == (2, True), undeployed.stderr
    assert (wrong.returncode, "txt" in wrong.stderr) == (2, True), wrong.stderr
    assert (down.returncode, "soma up" in down.stderr) == (1, True), down.stderr
    assert "Traceback" not in undeployed.stderr + wrong.stderr + down.stderr


def inputs_of_publish() -> dict:
    return {"checkout": {}, "survey": {}, "analyses": {}, "synthesis": {}, "folder": "/nowhere"}
