"""The container image: what is built into it, as far as that shows without building it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def locked(path: str) -> dict[str, str]:
    """The versions that a lock names, by package."""
    found = re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / path).read_text(), re.MULTILINE)
    return dict(found)


def test_the_image_has_what_the_tests_ran_with_and_no_more():
    """Its lock names the versions of the tests' lock, all that the hub needs, and none of the tools."""
    image, everything = locked("deploy/image.lock"), locked("requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {names(line) for line in project["dependencies"]}
    tools = {names(line) for line in project["optional-dependencies"]["dev"]}

    assert {name: version for name, version in image.items() if everything.get(name) != version} == {}
    assert needed - set(image) == set()
    assert (tools - needed) & set(image) == set()


def test_no_process_pays_at_its_start_for_formats_that_nobody_checks():
    """With this package there, whatever imports jsonschema builds a grammar first: seconds of every start."""
    assert "rfc3987-syntax" not in locked("requirements.lock")
    assert "rfc3987-syntax" not in locked("deploy/image.lock")


def test_the_image_runs_as_an_ordinary_user_and_copies_no_data():
    """The last user is not root, and only code and its lists are sent to the builder."""
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]} - {
        "--from=built"
    }

    assert users
    assert users[-1].partition(":")[0] not in {"0", "root"}
    assert copied - {"/opt/soma"} == sent


def names(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower().replace("_", "-")
