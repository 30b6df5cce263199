import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blocks.errors import BadInput, Conflict, NotFound
from capsules.manifest import parse_manifest
from ui.cli.capsule_check import problems_of
from ui.cli.capsule_inputs import read_inputs
from ui.cli.capsule_scaffold import scaffold
from ui.cli.capsules import app

ROOT = Path(__file__).parents[3]
COUNT = """
apiVersion: soma/v1
kind: Capsule
name: count
version: 1.0.0
summary: Counts what it is given.
owner: tests
inputs:
  text: {type: string}
  limit: {type: integer, default: 3}
  mode: {type: string, default: fast, enum: [fast, slow]}
outputs:
  words: {type: integer}
"""


def run(*arguments: str, text: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=text)


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    """The capsule's own test, run as its author would, beside the hub's code."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder of a capsule that was just scaffolded."""
    scaffold("word-count", tmp_path, tmp_path)
    return tmp_path / "word_count"


def test_every_capsule_of_the_library_is_listed():
    """The list names each folder of the library that holds a manifest, and its summary."""
    library = ROOT / "capsules" / "library"
    folders = {path.parent.name.replace("_", "-") for path in library.glob("*/capsule.yaml")}
    listed = json.loads(run("list", "--json").stdout)
    read = " ".join(run("list").stdout.split())  # a narrow terminal breaks lines

    assert folders <= {manifest["name"] for manifest in listed}
    assert all(manifest["summary"] in read for manifest in listed)


def test_a_capsule_is_shown_with_what_it_declares():
    """`show` prints the manifest and where the code is."""
    shown = json.loads(run("show", "survey", "--json").stdout)

    assert shown["entrypoint"] == "capsules.library.survey.run.survey"
    assert "source" in shown["inputs"]
    assert "summary:" in run("show", "survey").stdout


def test_an_unknown_capsule_is_named_with_those_there_are():
    """A wrong name is answered with the right ones."""
    found = run("show", "survy").exception

    assert isinstance(found, NotFound)
    assert "survey" in found.message


@pytest.mark.parametrize(
    ("given", "document", "expected"),
    [
        (["text=a=b"], {}, {"text": "a=b"}),
        (["text=1"], {}, {"text": "1"}),
        (["text=a", "limit=7"], {}, {"text": "a", "limit": 7}),
        (["limit=7"], {"text": "a"}, {"text": "a", "limit": 7}),
    ],
)
def test_inputs_are_read_as_the_types_of_the_manifest(given, document, expected):
    """Text stays text and numbers become numbers, wherever they are given."""
    assert read_inputs(parse_manifest(COUNT, "count"), given, document) == expected


@pytest.mark.parametrize(
    ("given", "document", "named"),
    [
        ([], {}, "text: is missing"),
        (["text"], {}, "NAME=VALUE"),
        (["text=a", "text=b"], {}, "given twice"),
        (["text=a", "limit=many"], {}, "limit: takes a JSON integer"),
        (["text=a", "limit=true"], {}, "limit: takes a JSON integer"),
        (["text=a", "mode=medium"], {}, "one of 'fast', 'slow'"),
        (["text=a"], {"lmit": 3}, "lmit: there is no such input"),
        ([], {"text": None}, "text: takes a JSON string"),
    ],
)
def test_wrong_inputs_are_named(given, document, named):
    """Each wrong input is named, before anything is started."""
    with pytest.raises(BadInput, match=named):
        read_inputs(parse_manifest(COUNT, "count"), given, document)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        ("@/no/such/file", "cannot be read"),
    ],
)
def test_a_wrong_input_document_is_named(text, named):
    """What is no JSON object ends as one message."""
    found = run("run", "survey", "--input-json", text).exception

    assert isinstance(found, BadInput)
    assert named in found.message


@pytest.mark.slow
def test_a_new_capsule_is_valid_and_its_test_passes(made: Path):
    """What `new` makes is a working capsule with a test that is green as it stands."""
    tested = run_pytest(made)

    assert run("validate", str(made)).exit_code == 0, problems_of(made / "capsule.yaml")
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


@pytest.mark.slow
def test_the_test_of_a_new_capsule_notices_a_fault(made: Path):
    """The test that `new` makes fails when the capsule is wrong."""
    code = made / "run.py"
    code.write_text(code.read_text().replace("len(text.split())", "len(text)"))
    tested = run_pytest(made)

    assert tested.returncode == 1, tested.stdout


def test_in_the_sources_a_new_capsule_goes_into_the_library(tmp_path: Path):
    """Among the hub's own sources, the capsule is put in the library and its test in the mirror."""
    (tmp_path / "capsules" / "library").mkdir(parents=True)
    made = scaffold("word-count", None, tmp_path)

    assert made.entry_point is None
    assert {
        "capsules/library/word_count/__init__.py",
        "capsules/library/word_count/capsule.yaml",
        "capsules/library/word_count/run.py",
        "tests/capsules/library/word_count/test_run.py",
    } == {str(file) for file in made.files}
    assert all((tmp_path / file).is_file() for file in made.files)


def test_nothing_is_overwritten(made: Path):
    """A second capsule of that name is refused and the first one left alone."""
    (made / "run.py").write_text("mine")

    with pytest.raises(Conflict):
        scaffold("word-count", made.parent, made.parent)
    assert (made / "run.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["Word", "word count", "../word", "", "-x", "x" * 64])
def test_a_wrong_name_is_refused(name: str, tmp_path: Path):
    """A name that no capsule may have makes no folder."""
    with pytest.raises(BadInput):
        scaffold(name, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "place", "named"),
    [
        ("capsule.yaml", "version: 0.1.0", "version: soon", "capsule.yaml:4:", "version"),
        ("capsule.yaml", "budget:", "budgett:", "capsule.yaml:", "budget"),
        ("capsule.yaml", "kind: inline", "kind: train", "capsule.yaml:", "'inline', 'process' or 'pod'"),
        ("capsule.yaml", "prompts: {}", "prompts: {ask: ask.md}", "capsule.yaml", "ask.md"),
        ("capsule.yaml", "inputs:", "inputs: [", "capsule.yaml:", "not YAML"),
        ("capsule.yaml", "  text:\n", "  words:\n", "run.py:5:", "'words'"),
        ("run.py", "@capsule\n", "", "run.py:4:", "not decorated"),
        ("run.py", "def word_count", "def other", "run.py:1:", "no function 'word_count'"),
        ("run.py", "return count", "return (", "run.py:", "not Python"),
    ],
)
def test_faults_are_named_with_their_place(made: Path, file, before, after, place, named):
    """`validate` exits 2 and says for each fault where it stands, without running the code."""
    path = made / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    result = run("validate", str(made))

    assert result.exit_code == 2
    assert place in result.stderr
    assert named in result.stderr


@pytest.mark.parametrize("path", ["missing", "."])
def test_a_folder_without_a_manifest_is_named(path: str, tmp_path: Path):
    """What is no capsule at all is answered with one line and exit code 2."""
    result = run("validate", str(tmp_path / path))

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
