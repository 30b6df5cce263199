"""The documentation is held to the code: its Python runs, its commands exist, its links lead somewhere.

A block whose first line is a comment with a file's name (`# word_count/run.py`) is that file: it is written
before the page's Python runs, and a Python file is imported. All other Python blocks of a page run in order.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.main import get_command

from blocks.settings import Settings
from ui.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md"
)
FILE = re.compile(r"^(?:#|<!--|//) (?P<name>[\w./-]+\.\w+)(?: -->)?$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        match = FILE.match(self.text.partition("\n")[0])
        return match["name"] if match else None


def tokens(page: Path) -> list[Token]:
    return MarkdownIt().enable("table").parse((ROOT / page).read_text(encoding="utf-8"))


def blocks(page: Path, *languages: str) -> list[Block]:
    return [
        Block(language=token.info.split()[0], text=token.content, line=token.map[0] + 1)
        for token in tokens(page)
        if token.type == "fence" and token.info and token.info.split()[0] in languages
    ]


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target and "://" not in target and not target.startswith("mailto:"):
                yield str(target)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    found = tokens(page)
    titles = [after.content for token, after in pairwise(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = ((ROOT / page).parent / name).resolve() if name else ROOT / page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path):
    """Every relative link names a file of the repository and a heading that the file has."""
    broken = [link for link in links(page) if not leads_somewhere(page, link)]

    assert broken == []


def test_every_page_is_in_the_index():
    """A page that docs/INDEX.md does not name would not be found."""
    index = Path("docs/INDEX.md")
    named = {((ROOT / index).parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {ROOT / page for page in PAGES if page.parts[0] == "docs" and page != index}

    assert {str(page.relative_to(ROOT)) for page in pages - named} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=str)
def test_python_runs(page: Path, tmp_path: Path):
    """The page's Python does what the page says, from an empty folder."""
    modules, program = [], []
    for block in blocks(page, "python", "yaml", "toml", "jinja"):
        if block.file:
            target = tmp_path / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
            if block.language == "python":
                modules.append(block.file.removesuffix(".py").replace("/", "."))
        elif block.language == "python":
            program.append(block.text)
    text = "\n".join([*(f"import {module}" for module in modules), *program])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_data_is_well_formed(page: Path):
    """YAML, TOML and JSON blocks can be read."""
    readers = {"yaml": yaml.safe_load, "toml": tomllib.loads, "json": json.loads}
    for block in blocks(page, *readers):
        readers[block.language](block.text)


def commands(page: Path) -> Iterator[list[str]]:
    """Each `soma` and `make` command that the page's terminal blocks tell the reader to type."""
    for block in blocks(page, "console", "bash", "sh", "shell"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if block.language == "console" and not line.startswith(("$ ", "# ")):
                continue  # what the command answers
            words = shlex.split(line.removeprefix("$ ").removeprefix("# "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words and words[0].rpartition("/")[2] in {"soma", "make"}:
                yield [words[0].rpartition("/")[2], *words[1:]]


def fault(words: list[str]) -> str | None:
    """What is wrong with a command, if anything."""
    return _fault_of_make(words[1:]) if words[0] == "make" else _fault_of_soma(words[1:])


def _fault_of_make(words: list[str]) -> str | None:
    text = (ROOT / "Makefile").read_text()
    for word in words:
        variable, equals, _ = word.partition("=")
        if equals and f"$({variable})" not in text and variable != "PYTHON":
            return f"make reads no {variable}"
        if not equals and not re.search(rf"^{re.escape(word)}:", text, re.MULTILINE):
            return f"make has no target {word}"
    return None


def _fault_of_soma(words: list[str]) -> str | None:
    if not words or words[0] in {"--help", "--version"}:
        return None
    known_commands = get_command(app).commands
    if words[0] not in known_commands:
        return f"soma has no command {words[0]}"
    command, rest = known_commands[words[0]].load(), words[1:]
    inner = getattr(command, "commands", None)
    if inner and rest and not rest[0].startswith("-"):
        if rest[0] not in inner:
            return f"soma {words[0]} has no command {rest[0]}"
        command, rest = inner[rest[0]], rest[1:]
    known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    unknown = [word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]
    return f"soma {words[0]} takes no {unknown[0]}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_exist(page: Path):
    """Every `soma` command, its options and every `make` target that a page names are there."""
    assert [found for words in commands(page) if (found := fault(words))] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("soma capsules lst", "soma capsules has no command lst"),
        ("soma capsles list", "soma has no command capsles"),
        ("soma capsules list --jsn", "soma capsules takes no --jsn"),
        ("make tests", "make has no target tests"),
        ("make demo RPO=x", "make reads no RPO"),
        ("make demo REPO=x YES=1", None),
        ("soma capsules list --json", None),
    ],
)
def test_a_wrong_command_is_noticed(line: str, expected: str | None):
    """The check above tells a wrong command from a right one."""
    assert fault(shlex.split(line)) == expected


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_settings_exist(page: Path):
    """Every `SOMA_…` variable that a page names is a setting, or is read by the code."""
    named = set(re.findall(r"\bSOMA_[A-Z_]*[A-Z]\b", (ROOT / page).read_text(encoding="utf-8")))
    settings = {f"SOMA_{field.upper()}" for field in Settings.model_fields}
    read = "\n".join(path.read_text() for path in (ROOT / "ui").rglob("*.py"))

    assert {name for name in named - settings if f'"{name}"' not in read} == set()
