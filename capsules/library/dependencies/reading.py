import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field

from capsules.library.dependencies import locks, other_manifests, python_manifests
from capsules.library.dependencies.packages import Manifest, Unreadable, python_name
from capsules.library.dependencies.requirement_lines import read_requirements
from capsules.library.survey.licence import find_licence
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.places import place_of
from capsules.repository.walk import Walk

Reader = Callable[[str, str], Manifest]

READERS: dict[str, Reader] = {
    "pyproject.toml": python_manifests.read_pyproject,
    "setup.cfg": python_manifests.read_setup_cfg,
    "setup.py": python_manifests.read_setup_py,
    "pipfile": python_manifests.read_pipfile,
    "*requirements*.txt": read_requirements,
    "*requirements*.in": read_requirements,
    "*requirements*.lock": read_requirements,
    "requirements/*.txt": read_requirements,
    "requirements/*.in": read_requirements,
    "package.json": other_manifests.read_package_json,
    "cargo.toml": other_manifests.read_cargo_toml,
    "go.mod": other_manifests.read_go_mod,
    "pom.xml": other_manifests.read_pom,
    "build.gradle": other_manifests.read_gradle,
    "build.gradle.kts": other_manifests.read_gradle,
    "gemfile": other_manifests.read_gemfile,
    "composer.json": other_manifests.read_composer_json,
    "poetry.lock": locks.read_toml_lock,
    "uv.lock": locks.read_toml_lock,
    "pdm.lock": locks.read_toml_lock,
    "pylock*.toml": locks.read_toml_lock,
    "pipfile.lock": locks.read_pipfile_lock,
    "package-lock.json": locks.read_package_lock,
    "npm-shrinkwrap.json": locks.read_package_lock,
    "yarn.lock": locks.read_yarn_lock,
    "pnpm-lock.yaml": locks.read_pnpm_lock,
    "cargo.lock": locks.read_cargo_lock,
    "go.sum": locks.read_go_sum,
    "composer.lock": locks.read_composer_lock,
    "gemfile.lock": locks.read_gemfile_lock,
}
_LONGEST_LINE = 20_000
_MOST_FILES = 500
_LOCK_ENDS = (".lock", "lock.json", "lock.yaml", ".sum", "shrinkwrap.json", ".txt")
_LARGEST = {"lock": 8_000_000, "manifest": 500_000}


@dataclass(kw_only=True)
class Reading:
    """Every manifest and lock file of a checkout, and the project's own licence."""

    walk: Walk
    manifests: list[Manifest] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    licence: str | None = None
    licence_path: str | None = None


def read_checkout(checkout: Checkout, seconds: float) -> Reading:
    """Reads what the tracked files declare and lock. Nothing is run, resolved or fetched."""
    walk = Walk(
        checkout=checkout, wanted=_is_wanted, refused=_refusal, limit=_LARGEST["lock"], seconds=seconds
    )
    reading = Reading(walk=walk)
    for file, content in walk:
        text = content.decode("utf-8-sig", "replace")
        is_licence, licence = find_licence(file.path, content)
        if is_licence:
            if reading.licence is None:
                reading.licence, reading.licence_path = licence, file.path
        else:
            _read(reading, file.path, text)
    _follow_includes(reading, checkout)
    return reading


def reader_of(path: str) -> Reader | None:
    """The reader for a file by its name, or by its name and folder."""
    parts = path.lower().split("/")
    name = parts[-1]
    if name in READERS:
        return READERS[name]
    for pattern, reader in READERS.items():
        if "*" in pattern and fnmatch.fnmatchcase("/".join(parts[-1 - pattern.count("/") :]), pattern):
            return reader
    return None


def _is_wanted(file: SourceFile) -> bool:
    return reader_of(file.path) is not None or find_licence(file.path, b"")[0]


def _refusal(file: SourceFile) -> str | None:
    if file.binary:
        return "binary"
    place = place_of(file.path)
    if place in {"vendored", "example"}:
        return f"{place} code"
    if place in {"test", "documentation"} and reader_of(file.path) not in {None, read_requirements}:
        return f"{place} files"
    is_lock = file.path.lower().endswith(
        (".lock", "lock.json", "lock.yaml", ".sum", "shrinkwrap.json", ".txt")
    )
    largest = _LARGEST["lock" if is_lock else "manifest"]
    return f"larger than {largest:,} bytes" if file.size > largest else None


def _read(reading: Reading, path: str, text: str, reader: Reader | None = None) -> None:
    reader = reader or reader_of(path)
    if reader is None:
        return
    if len(reading.manifests) >= _MOST_FILES:
        reading.walk.skip(f"more than {_MOST_FILES} manifests")
        return
    if max(map(len, text.splitlines()), default=0) > _LONGEST_LINE and not path.endswith((".json", ".lock")):
        reading.broken.append(f"{path}: has lines above {_LONGEST_LINE:,} characters")
        return
    try:
        manifest = reader(path, text)
    except Unreadable as error:
        reading.broken.append(f"{path}: {error}")
        return
    own = {python_name(manifest.name)} if manifest.name and manifest.ecosystem == "pypi" else {manifest.name}
    manifest.declared = [each for each in manifest.declared if each.name not in own]
    if manifest.declared or manifest.locked or manifest.name or manifest.includes or manifest.notes:
        reading.manifests.append(manifest)


def _follow_includes(reading: Reading, checkout: Checkout) -> None:
    """Reads included requirements files of any name, each once."""
    known = {manifest.path for manifest in reading.manifests}
    for manifest in reading.manifests:
        for path in manifest.includes:
            if path in known:
                continue
            known.add(path)
            content = checkout.read(path, _LARGEST["manifest"])
            if content is None:
                manifest.notes.append(f"includes {path[:200]}, which cannot be read in the tree")
            else:
                _read(reading, path, content.decode("utf-8-sig", "replace"), read_requirements)
