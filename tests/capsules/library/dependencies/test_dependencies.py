import json
from collections.abc import Callable
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from capsules.library.dependencies import locks, other_manifests, python_manifests
from capsules.library.dependencies.licences import as_spdx, needs_a_look, readable
from capsules.library.dependencies.packages import Manifest
from capsules.library.dependencies.requirement_lines import read_requirements
from capsules.library.dependencies.tools import examine
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout

Commit = Callable[[dict[Any, Any]], Checkout]
DIGEST = "ab" * 32


def declared(manifest: Manifest) -> set[tuple[str, str, str]]:
    return {(each.name, each.constraint, each.scope) for each in manifest.declared}


def locked(manifest: Manifest) -> set[tuple[str, str]]:
    return {(each.name, each.version) for each in manifest.locked}


def rules(analysis: Analysis) -> set[tuple[str, str]]:
    return {(finding.rule, finding.severity) for finding in analysis.findings}


def bill(analysis: Analysis) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(analysis.attachments["sbom.cdx.json"])
    return document


def test_pyproject_in_all_its_tables() -> None:
    """PEP 621, extras, groups, the build's requirements and Poetry's tables are read with their scopes."""
    text = """
[build-system]
requires = ["hatchling>=1"]
[project]
name = "Example"
version = "1.2"
license = "MIT"
dependencies = ["Requests_Toolbelt>=1,<2 ; python_version > '3.8'"]
[project.optional-dependencies]
fast = ["orjson"]
[dependency-groups]
test = ["pytest==8.0", {include-group = "lint"}]
[tool.poetry.dependencies]
python = "^3.11"
rich = {version = "^13", optional = true}
"""
    manifest = python_manifests.read_pyproject("pyproject.toml", text)

    assert declared(manifest) == {
        ("hatchling", ">=1", "build"),
        ("requests-toolbelt", "<2,>=1", "runtime"),
        ("orjson", "", "optional"),
        ("pytest", "==8.0", "development"),
        ("rich", "^13", "optional"),
    }
    assert (manifest.name, manifest.version, manifest.licence, manifest.library) == (
        "Example",
        "1.2",
        "MIT",
        True,
    )


def test_setup_py_is_parsed_and_never_run() -> None:
    """Literal lists are read, also through a name; what is computed is noted, and nothing is executed."""
    text = """
import os
os.abort()
NEEDS = ["click>=8", "attrs"]
setup(name="x", install_requires=NEEDS, extras_require=load("extras.txt"))
"""
    manifest = python_manifests.read_setup_py("setup.py", text)

    assert declared(manifest) == {("click", ">=8", "runtime"), ("attrs", "", "runtime")}
    assert manifest.notes == ["extras_require is computed when it runs, so it is not known here"]


def test_setup_cfg() -> None:
    """The declarative file of setuptools is read without interpolation."""
    text = "[metadata]\nname = x\nlicense = BSD\n[options]\ninstall_requires =\n  a>=1\n  b # why\n"
    manifest = python_manifests.read_setup_cfg("setup.cfg", text)

    assert declared(manifest) == {("a", ">=1", "runtime"), ("b", "", "runtime")}


def test_a_pinned_requirements_file_is_a_lock_with_relations() -> None:
    """Pins with digests lock, continuation lines are joined, and `# via` says who brought what."""
    digest = f" \\\n    --hash=sha256:{DIGEST}\n"
    text = f"a==1.0{digest}    # via -r x.in\nb==2.0{digest}    # via\n    #   a\n    #   c\n"
    manifest = read_requirements("requirements.txt", text)
    a, b = manifest.locked

    assert manifest.is_lock
    assert (a.requires, b.hashes) == (("b",), (("sha256", DIGEST),))


def test_requirement_lines_of_all_kinds() -> None:
    """Options are passed over, addresses lose their credentials, includes stay inside the tree."""
    text = (
        "--index-url https://x/simple\n-r base.txt\n-r ../../etc/passwd\n-c limits.txt\n"
        "-e git+https://me:pw@host/o/tool.git@main#egg=tool\nhttps://host/z.whl\n./local\n"
        "flask>=2 # why\n??\n"
    )
    manifest = read_requirements("app/requirements.txt", text)
    found = {each.name: (each.origin, each.target) for each in manifest.declared}

    assert found["tool"] == ("git", "git+https://host/o/tool.git@main#egg=tool")
    assert found["flask"] == ("registry", "")
    assert manifest.includes == ["app/base.txt"]
    assert "includes a file outside of the tree, which was not read" in manifest.notes
    assert not manifest.is_lock


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (
            other_manifests.read_package_json,
            '{"dependencies": {"react": "^18", "x": "me/x#main"}, "devDependencies": {"jest": "*"}}',
            {("react", "^18", "runtime"), ("x", "", "runtime"), ("jest", "", "development")},
        ),
        (
            other_manifests.read_cargo_toml,
            '[dependencies]\nserde = "1"\nmine = {path = "../m"}\n[dev-dependencies]\nr = {version = "2"}\n',
            {("serde", "1", "runtime"), ("mine", "", "runtime"), ("r", "2", "development")},
        ),
        (
            other_manifests.read_go_mod,
            "module a\nrequire d.e/f v1.2.3\nrequire (\n\tg.h/i v0.1.0 // indirect\n)\nreplace d.e/f => f\n",
            {("d.e/f", "v1.2.3", "runtime"), ("g.h/i", "v0.1.0", "runtime")},
        ),
        (
            other_manifests.read_pom,
            (
                '<project xmlns="urn:m"><dependencies><dependency><groupId>g</groupId>'
                "<artifactId>a</artifactId><version>1</version><scope>test</scope></dependency></dependencies></project>"
            ),
            {("g:a", "1", "development")},
        ),
        (
            other_manifests.read_gradle,
            "implementation 'g:a:1.0'\ntestImplementation(\"g:t:2\")\n",
            {("g:a", "1.0", "runtime"), ("g:t", "2", "development")},
        ),
        (
            other_manifests.read_gemfile,
            'gem "rails", "~> 7.0"\ngem "puma"\n',
            {("rails", "~> 7.0", "runtime"), ("puma", "", "runtime")},
        ),
        (
            other_manifests.read_composer_json,
            '{"require": {"php": ">=8", "a/b": "^1"}, "require-dev": {"c/d": "*"}}',
            {("a/b", "^1", "runtime"), ("c/d", "", "development")},
        ),
        (
            python_manifests.read_pipfile,
            '[packages]\nflask = "*"\n[dev-packages]\npytest = {version = ">=8"}\n',
            {("flask", "", "runtime"), ("pytest", ">=8", "development")},
        ),
    ],
)
def test_manifests_of_other_tools(
    reader: Callable[[str, str], Manifest], text: str, expected: set[tuple[str, str, str]]
) -> None:
    """Names, constraints and scopes are read from the manifests of the common package managers."""
    assert declared(reader("file", text)) == expected


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (
            locks.read_toml_lock,
            (
                '[[package]]\nname = "own"\nversion = "1"\nsource = {editable = "."}\n[[package]]\n'
                f'name = "A_b"\nversion = "2"\nwheels = [{{hash = "sha256:{DIGEST}"}}]\n'
            ),
            {("a-b", "2")},
        ),
        (locks.read_pipfile_lock, '{"default": {"a": {"version": "==1"}}, "develop": {}}', {("a", "1")}),
        (
            locks.read_package_lock,
            (
                '{"packages": {"": {}, "node_modules/a": {"version": "1"}, "node_modules/a/node_modules/@s/b"'
                ': {"version": "2", "dev": true}}}'
            ),
            {("a", "1"), ("@s/b", "2")},
        ),
        (
            locks.read_yarn_lock,
            '"@s/a@^1", "@s/a@^2":\n  version "1.2"\n  dependencies:\n    b "^2"\n\nb@^2:\n  version "2.0"\n',
            {("@s/a", "1.2"), ("b", "2.0")},
        ),
        (
            locks.read_pnpm_lock,
            (
                "lockfileVersion: '9.0'\npackages:\n\n  '@s/a@1.0.0':\n    resolution: {integrity: sha1-x}\n"
                "\n  b@2.0.0:\n    resolution: {}\n\nsnapshots:\n\n  c@3.0.0: {}\n"
            ),
            {("@s/a", "1.0.0"), ("b", "2.0.0")},
        ),
        (
            locks.read_cargo_lock,
            '[[package]]\nname = "o"\nversion = "0"\n[[package]]\nname = "a"\nversion = "1"\nsource = "r"\n',
            {("a", "1")},
        ),
        (locks.read_go_sum, "a.b/c v1.0.0 h1:x=\na.b/c v1.0.0/go.mod h1:y=\n", {("a.b/c", "v1.0.0")}),
        (
            locks.read_composer_lock,
            '{"packages": [{"name": "a/b", "version": "v1.0", "license": ["MIT"]}], "packages-dev": []}',
            {("a/b", "1.0")},
        ),
        (
            locks.read_gemfile_lock,
            "GEM\n  specs:\n    a (1.0)\n      b (>= 2)\n    b (2.1)\n",
            {("a", "1.0"), ("b", "2.1")},
        ),
    ],
)
def test_lock_files(
    reader: Callable[[str, str], Manifest], text: str, expected: set[tuple[str, str]]
) -> None:
    """Names and versions are read from the lock files of the common package managers."""
    assert locked(reader("file", text)) == expected


def test_the_bill_of_materials_is_valid_complete_and_repeatable(commit: Commit) -> None:
    """Two runs give the same document; it has purls, digests, licences, relations and the root component."""
    lock = (
        '[[package]]\nname = "a"\nversion = "1.0"\n'
        f'files = [{{file = "a.whl", hash = "sha256:{DIGEST}"}}]\n[package.dependencies]\nb = ">=2"\n'
        '[[package]]\nname = "b"\nversion = "2.0"\n'
    )
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "3"\nlicense = "MIT"\ndependencies = ["a>=1"]\n',
        "poetry.lock": lock,
        "package-lock.json": '{"packages": {"node_modules/@s/c": {"version": "1", "license": "ISC"}}}',
    }
    checkout = commit(files)
    first, second = examine(checkout, 60), examine(checkout, 60)
    document = bill(first)
    components = {each["purl"]: each for each in document["components"]}
    relations = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}

    assert first.attachments == second.attachments
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert document["specVersion"] == "1.6"
    assert set(components) == {"pkg:pypi/a@1.0", "pkg:pypi/b@2.0", "pkg:npm/%40s/c@1"}
    assert components["pkg:pypi/a@1.0"]["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    assert components["pkg:npm/%40s/c@1"]["licenses"] == [{"license": {"id": "ISC"}}]
    assert relations["root"] == ["pkg:pypi/a@1.0"]
    assert relations["pkg:pypi/a@1.0"] == ["pkg:pypi/b@2.0"]
    assert document["metadata"]["component"]["name"] == "x"
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


def test_an_application_without_a_lock(commit: Commit) -> None:
    """Loose requirements of an application are a finding, and so is the missing lock."""
    analysis = examine(commit({"requirements.txt": "flask\nrequests>=2\n", "LICENSE": "MIT License"}), 60)

    assert rules(analysis) == {("dependency-unpinned", "low"), ("lock-missing", "medium")}
    assert "no lock file (requirements.txt)" in analysis.headline


def test_a_library_may_have_ranges(commit: Commit) -> None:
    """For a library ranges are right; only what has no bound at all is mentioned."""
    project = '[project]\nname = "x"\nlicense = "MIT"\ndependencies = ["a>=1", "b"]\n'
    text = f"[build-system]\nrequires = []\n{project}"
    [finding] = examine(commit({"pyproject.toml": text}), 60).findings

    assert (finding.rule, finding.severity) == ("dependency-unbounded", "info")
    assert "1 of 2" in finding.title


@pytest.mark.parametrize(
    ("line", "rule", "severity"),
    [
        ("a @ git+https://h/a@main", "dependency-from-git", "medium"),
        (f"a @ git+https://h/a@{'0' * 40}", "dependency-from-git", "low"),
        ("a @ https://h/a.whl", "dependency-from-url", "low"),
        ("a @ http://h/a.whl", "dependency-unencrypted", "high"),
    ],
)
def test_dependencies_past_the_registry(commit: Commit, line: str, rule: str, severity: str) -> None:
    """What comes from git or an address is named, the worse the less it is fixed."""
    assert (rule, severity) in rules(examine(commit({"requirements.txt": f"{line}\n"}), 60))


def test_a_lock_that_does_not_fit_is_found(commit: Commit) -> None:
    """A declared package that the lock lacks or holds at a forbidden version is a finding."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["a>=2", "b", "c; os_name == \'nt\'"]\n',
        "uv.lock": '[[package]]\nname = "a"\nversion = "1.0"\n',
    }
    details = {each.detail for each in examine(commit(files), 60).findings if each.rule == "lock-stale"}

    assert details == {
        "a >=2 is asked for; uv.lock has 1.0.",
        "b (any version) is asked for; uv.lock does not have it.",
    }


def test_doubles_and_conflicts(commit: Commit) -> None:
    """The same package with two constraints in one file, or two pins in two files, is a finding."""
    files = {"requirements.txt": "a==1\nb>=1\nb>=2\n", "requirements-web.txt": "a==2\n"}

    assert {("dependency-twice", "low"), ("pins-conflict", "low")} <= rules(examine(commit(files), 60))


def test_licences() -> None:
    """Spellings are brought to SPDX, unknown words stay, and strong copyleft in permissive is flagged."""
    assert as_spdx("mit OR apache-2.0") == "MIT OR Apache-2.0"
    assert readable("MIT License") == "MIT"
    assert readable("Our own terms") == "Our own terms"
    assert needs_a_look("Apache-2.0", "GPL-3.0-only")
    assert not needs_a_look("Apache-2.0", "GPL-3.0-only OR MIT")
    assert not needs_a_look("GPL-3.0-only", "GPL-3.0-only")
    assert not needs_a_look("MIT", "LGPL-3.0-only")


def test_copyleft_in_a_permissive_project_is_for_information(commit: Commit) -> None:
    """The finding names both licences and the source of the knowledge; unknown licences give none."""
    files = {
        "package.json": '{"name": "x", "license": "MIT", "dependencies": {"g": "1"}}',
        "package-lock.json": '{"packages": {"node_modules/g": {"version": "1", "license": "GPL-3.0-only"},'
        ' "node_modules/u": {"version": "1"}}}',
    }
    [finding] = [each for each in examine(commit(files), 60).findings if each.rule == "licence-copyleft"]

    assert finding.severity == "info"
    assert "lock file" in finding.detail


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"a.bin": b"\0"},
        {"pyproject.toml": "= broken"},
        {"pyproject.toml": "project = 3\ntool = []\ndependency-groups = 'x'\n"},
        {"pyproject.toml": "a = " + "[" * 5000},
        {"package.json": "[" * 100_000},
        {"package.json": '{"dependencies": ["x"], "name": 3, "license": {}}'},
        {"package-lock.json": '{"packages": {"node_modules/<b>\\n": {"version": "?"}, "x": {"version": 1}}}'},
        {"pom.xml": '<!DOCTYPE x [<!ENTITY a "b">]><project>&a;</project>'},
        {"pom.xml": "<a>" * 5000},
        {"setup.py": "setup(install_requires=" + "[" * 5000},
        {"setup.py": "setup(install_requires=" + "(" + "1+" * 5000 + "1))"},
        {"setup.cfg": "nonsense\n[options\n%(x)s"},
        {"requirements.txt": "-r requirements.txt\n" + "a" * 30_000 + "\n" + "\\\n" * 1000},
        {"yarn.lock": "a@1:\n" * 1000, "Cargo.lock": "package = 1", "go.mod": "require (" * 100},
        {"poetry.lock": '[[package]]\nname = "\\u0000<x>"\nversion = "1"\nfiles = [1, {hash = 3}]\n'},
        {b"\xff\n/requirements.txt": "flask\n"},
    ],
)
def test_hostile_repositories_give_an_analysis(commit: Commit, files: dict[Any, Any]) -> None:
    """Broken, deep and oddly shaped manifests end in an analysis, with a valid bill where there is one."""
    analysis = examine(commit(files), 60)

    assert Analysis.model_validate_json(analysis.model_dump_json()).headline
    assert not any("did not pass its schema" in note for note in analysis.notes)


def test_a_list_with_some_pins_is_not_taken_for_the_lock_of_its_neighbours(commit: Commit) -> None:
    """A folder of hand-written requirements files, one of them all pinned, has no stale lock."""
    files = {
        "requirements/default.txt": "billiard>=4\nkombu>=5\nvine>=5,<6\n",
        "requirements/docs.txt": "sphinx==7.0\ntheme==1.0\n",
    }

    assert "lock-stale" not in {each.rule for each in examine(commit(files), 60).findings}
