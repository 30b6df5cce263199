"""The quickstart is followed to the letter, as a newcomer would, on a hub that is up."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
DONE_ALREADY = ("make setup", "soma up", "export PATH")
"""What the fixture has done: the hub is installed and up."""
WAITS = 3
"""The exit code of a command that ends while a question is open, where nobody is there to be asked."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The code of one section of the page."""

    title: str
    language: str
    text: str


def parts() -> Iterator[Part]:
    title = ""
    found = MarkdownIt().parse(PAGE.read_text())
    for before, token in zip([found[0], *found], found, strict=False):
        if token.type == "inline" and before.type == "heading_open":
            title = token.content
        elif token.type == "fence":
            yield Part(title=title, language=token.info, text=token.content)


def part(title: str) -> str:
    """The code of the section of this title, as one script."""
    (found,) = [part for part in parts() if part.title == title]
    lines = found.text.splitlines()
    if found.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return "\n".join(line for line in lines if not line.startswith(DONE_ALREADY))


class Newcomer:
    """Somebody at a terminal beside the hub, in a repository of theirs."""

    def __init__(self, hub: Any, repository: Path) -> None:
        self.hub = hub
        self.repository = repository

    def types(self, script: str, *, fine: tuple[int, ...] = (0,)) -> str:
        settings = self.hub.settings
        ports = {10000: settings.gateway_url, 4200: settings.prefect_url}
        for port, url in ports.items():
            script = script.replace(f"http://127.0.0.1:{port}", url)
        script = script.replace("~/.soma", str(settings.data_dir))
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={**self.hub.environment, "PATH": programs},
            cwd=self.repository,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode in fine, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def newcomer(hub: Any, repository: Path) -> Iterator[Newcomer]:
    """The newcomer; what they fetched is removed from the repository, which others audit too."""
    yield Newcomer(hub, repository)
    subprocess.run(["git", "clean", "-fdq"], cwd=repository, check=True)


def test_every_section_is_followed_here():
    """A section with code that no test below follows would be noticed."""
    named = set(re.findall(r'part\("([^"]+)"\)', Path(__file__).read_text()))

    assert {part.title for part in parts()} == named
    assert part("Start a hub") == ""  # done by the fixture


def test_the_first_user_gets_a_password_for_one_sign_in(newcomer: Newcomer):
    """The command prints the password alone, so that it can be handed on."""
    said = newcomer.types(part("Make yourself a user"))

    assert re.fullmatch(r"(\w{4}-){3}\w{4}\n", said)


def test_an_audit_at_the_terminal(newcomer: Newcomer):
    """Launched, watched, approved and fetched by the commands of the page."""
    launch, status, artifacts = part("The same at the terminal").splitlines()
    project = re.findall(r"prj_\w+", newcomer.types(launch, fine=(WAITS,)))[0]
    assert project in newcomer.types(status)

    newcomer.hub.completed(project)
    newcomer.types(artifacts.replace("PROJECT", project))

    assert "shop" in (newcomer.repository / "report" / "report.html").read_text()


def test_an_audit_over_plain_http(newcomer: Newcomer):
    """The script plans, launches, approves, waits and fetches, with nothing but curl and Python."""
    newcomer.types(part("The same over HTTP"))

    assert "shop" in (newcomer.repository / "report.html").read_text()


def test_an_audit_in_prefect(newcomer: Newcomer):
    """A run of the deployment plans a project and drives it; Prefect's own service stands behind it."""
    hub = newcomer.hub
    with hub.client() as client:
        before = {project.id for project in client.projects()}
    newcomer.types(part("The same in Prefect"))

    def started() -> str | None:
        with hub.client() as client:
            new = [project for project in client.projects() if project.id not in before]
            return next((project.id for project in new if project.state != "planned"), None)

    project = hub.until(started)
    said = newcomer.types(shlex.join(["soma", "projects", "cancel", project, "--reason", "seen"]))

    assert project in said or "cancel" in said


def test_an_audit_every_night(newcomer: Newcomer):
    """The trigger is there, is listed, and goes."""
    said = newcomer.types(part("The same every night"))

    assert "every-night" in said
