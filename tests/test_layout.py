"""The shape of the repository: where things lie, what they are named, what may import what."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from capsules.catalogue import list_capsules

ROOT = Path(__file__).parents[1]
FOLDERS = ("blocks", "tasks", "capsules", "flows", "ui")
GRAB_BAGS = {"utils", "util", "helpers", "common", "core", "base", "manager", "service", "misc", "lib"}
CAP = 400


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def shown(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def deployments() -> list[dict]:
    return yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def test_the_top_level_has_the_rooms_of_the_design_and_no_other():
    """No sixth code folder appears beside the five."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rooms = {line.split("/")[0] for line in listed.splitlines() if "/" in line}

    assert rooms <= {*FOLDERS, "deploy", "docs", "tests", ".ci", ".github"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_imported_from_this_repository(folder: str):
    """No other distribution's package of the same name wins."""
    spec = find_spec(folder)

    assert spec is not None
    assert str(ROOT / folder / "__init__.py") == spec.origin


def test_no_stem_is_the_name_of_another_module():
    """A flow file or a page named as another module would hide it where Prefect or Streamlit load by path."""
    stems = [path for folder in ("flows", "ui") for path in (ROOT / folder).glob("*.py")]
    hiding = [path for path in stems if path.stem != "__init__" and find_spec(path.stem) is not None]

    assert shown(hiding) == []


def test_no_package_files_in_tests():
    """An `__init__.py` in tests would make pytest import `tests/capsules` as `capsules`."""
    assert shown(list((ROOT / "tests").rglob("__init__.py"))) == []


def test_package_files_are_empty():
    """No re-export facade; only `blocks` names its block classes for Prefect to register."""
    full = [
        path for path in python_files(*FOLDERS) if path.name == "__init__.py" and path.read_text().strip()
    ]

    assert set(shown(full)) <= {"blocks/__init__.py"}


def test_every_code_folder_is_a_package():
    """A folder without `__init__.py` would be left out of the wheel."""
    folders = {path.parent for path in python_files(*FOLDERS)}

    assert shown([folder for folder in folders if not (folder / "__init__.py").exists()]) == []


def test_files_are_short():
    """One idea a file: none is longer than the cap."""
    long = [path for path in python_files(*FOLDERS, "tests") if len(path.read_text().splitlines()) > CAP]

    assert shown(long) == []


def test_functions_fit_in_a_glance():
    """No function of the code is longer than 40 lines, its docstring apart."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({length(node)})"
        for path in python_files(*FOLDERS)
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > 40
    ]

    assert long == []


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


def test_no_grab_bags():
    """No module is named for holding anything at all."""
    bags = [path for path in python_files(*FOLDERS) if {path.stem, path.parent.name} & GRAB_BAGS]

    assert shown(bags) == []


def test_every_test_says_what_it_promises():
    """Each test function has a docstring: the tests read as a specification."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_flow_files_define_flows_only():
    """What Prefect loads holds flows; types, blocks and errors live below."""
    classes = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in python_files("flows")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]

    assert classes == []


def test_deployments_name_their_flows_by_module():
    """A path entrypoint would load a second copy of the module, and pull steps would change directory."""
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text())

    assert document["pull"] == []
    for deployment in deployments():
        assert re.fullmatch(r"(flows|capsules)(\.\w+)+", deployment["entrypoint"]), deployment
        assert deployment["name"]


def test_deployed_flows_are_the_imported_ones():
    """What an entrypoint loads is the very object that an import gives."""
    from prefect.flows import Flow, load_flow_from_entrypoint

    for deployment in deployments():
        module, _, name = deployment["entrypoint"].rpartition(".")
        imported = getattr(importlib.import_module(module), name)

        assert isinstance(imported, Flow)
        assert load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False) is imported


def test_every_capsule_of_the_library_is_deployed():
    """Each capsule of the library can be started by itself."""
    deployed = {deployment["entrypoint"] for deployment in deployments()}
    library = {entry.entrypoint for entry in list_capsules() if entry.package.startswith("capsules.library.")}

    assert library <= deployed


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=folder, capture_output=True, text=True
    )


def test_imports_go_downwards():
    """The import contracts of pyproject.toml are kept."""
    found = lint_imports(ROOT)

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("blocks/planted.py", "import tasks"),
        ("tasks/planted.py", "import capsules"),
        ("capsules/planted.py", "import flows"),
        ("ui/planted.py", "import flows"),
        ("ui/planted.py", "import tasks"),
        ("flows/planted.py", "import ui"),
    ],
)
def test_an_import_upwards_is_reported(file: str, line: str, tmp_path: Path):
    """A planted import against the direction breaks the contract."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    clean = lint_imports(tmp_path)
    (tmp_path / file).write_text(f"{line}\n")
    found = lint_imports(tmp_path)

    assert clean.returncode == 0, clean.stdout
    assert found.returncode == 1, found.stdout
    assert "BROKEN" in found.stdout


def test_the_lock_names_no_index_and_hashes_everything():
    """The lock installs from whatever registry a machine is set up for, and nothing unhashed."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    entries = [entry for entry in text.splitlines() if entry.strip()]

    assert [entry for entry in entries if "://" in entry or entry.lstrip().startswith("-")] == []
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_every_requirement_is_locked():
    """What pyproject.toml asks for stands in the lock, and so does what builds the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    locked = set(
        re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    names = {re.match(r"[A-Za-z0-9._-]+", line).group().lower().replace("_", "-") for line in wanted}

    assert names - locked == set()


@pytest.mark.slow
def test_the_wheel_holds_the_five_packages_and_their_data(tmp_path: Path):
    """A wheel has every module, manifest and template, and nothing of tests, docs or tools."""
    sources = tmp_path / "sources"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, sources / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    wanted = {str(path.relative_to(sources)) for folder in FOLDERS for path in files_in(sources / folder)}
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=sources, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert wanted == inside


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_names_a_machine():
    """No file of the repository names a registry's host or a path of somebody's machine."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    index = re.compile(rb"--(?:extra-)?index-url")
    path = re.compile(rb"(?<![\w./])/(?:root|work)/[\w.]+")
    naming = [
        name
        for name in listed.stdout.split("\0")
        if (ROOT / name).is_file()
        and (
            path.search(content := (ROOT / name).read_bytes())
            or (not name.startswith("tests/") and index.search(content))
        )
    ]

    assert naming == []
