"""The signatures of what is installed are those of the real tasks."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.constitution.document import ConstitutionInvalid, load_constitution, parse_constitution
from blocks.constitution.types import DOUBLE, STRING, list_of
from capsules import catalogue
from capsules import signatures as module
from capsules.environment import SHIPPED_CONSTITUTION
from capsules.library.survey.tools import count_files
from capsules.signatures import installed_signatures


def test_tools_tasks_and_capsules_are_known_with_their_arguments():
    """Names and plain types are those of the functions and manifests."""
    known = installed_signatures().actions

    assert set(known["tool.call"]["files.count"]) == set(inspect.signature(count_files.fn).parameters)
    assert known["tool.call"]["git.clone"] == {"source": STRING, "workspace": STRING}
    assert known["tool.call"]["bandit.scan"]["seconds"] == DOUBLE
    assert known["memory.read"]["recall"]["labels"] == list_of(STRING)
    assert known["capsule.start"]["survey"] == {"source": STRING, "workspace": STRING}
    assert set(known["task"]) >= {"restart_projects", "close_overdue_approvals"}


def test_nothing_is_imported_to_know_them():
    """Neither Prefect nor a capsule's code is loaded."""
    program = (
        "import sys; from capsules.signatures import installed_signatures; installed_signatures();"
        "print([name for name in sys.modules if name == 'prefect' or name.endswith('.tools')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


def test_the_constitution_that_ships_fits_what_is_installed():
    """It loads with signatures, and nothing in it is doubtful."""
    assert load_constitution(SHIPPED_CONSTITUTION, installed_signatures()).warnings == ()


def test_a_misspelt_argument_of_an_installed_tool_is_an_error():
    """As an author would meet it."""
    text = (
        'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: t, version: "1.0.0"}\ndefault: deny\n'
        "articles: [{id: A, title: t, stages: [tool.call], actions: [git.clone], verdict: deny, reason: r, "
        "when: tool.arguments.sorce == 'x'}]\n"
    )
    with pytest.raises(ConstitutionInvalid, match="did you mean 'source'"):
        parse_constitution(text, "c.yaml", installed_signatures())


def test_files_that_are_no_python_and_odd_declarations_are_passed_over(tmp_path: Path):
    """Open arguments make an action's arguments unknown; a computed name makes no action."""
    (tmp_path / "broken.py").write_text("@governed_task\ndef (")
    (tmp_path / "latin.py").write_bytes(b"# @governed_task \xff\n")
    (tmp_path / "tools.py").write_text(
        "@governed_task(stage='tool.call', action='a.b')\ndef one(**rest): ...\n"
        "@governed_task(stage=STAGE)\ndef two(): ...\n"
        "@tasks.governed_task\nasync def three(x: 'list[str] | None', *y: int, z: list[int] = ()): ...\n"
    )
    found: dict = {}
    for path in sorted(tmp_path.glob("*.py")):
        module._take(path, found)

    assert found["tool.call"] == {"a.b": None}
    assert list(found["task"]["three"]) == ["x", "y", "z"]
    assert set(found) == {"tool.call", "task"}


def test_capsules_of_other_packages_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever the catalogue finds is read."""
    entry = catalogue.find_capsule("survey")
    (tmp_path / "tools.py").write_text(
        "@governed_task(stage='tool.call', action='x.y')\ndef f(a: str): ...\n"
    )
    other = catalogue.CatalogueEntry(manifest=entry.manifest, folder=tmp_path, package="elsewhere")
    monkeypatch.setattr(module, "list_capsules", lambda: (other,))

    assert installed_signatures.__wrapped__().actions["tool.call"]["x.y"] == {"a": STRING}
