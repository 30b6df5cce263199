import base64
import binascii
import re
from collections.abc import Iterator

from capsules.library.dependencies.other_manifests import load_json
from capsules.library.dependencies.packages import (
    Ecosystem,
    Locked,
    Manifest,
    items,
    mapping,
    python_name,
    strings,
    text_or_none,
)
from capsules.library.dependencies.python_manifests import load_toml

_FORMAL = re.compile(r"(sha1|sha256|sha384|sha512)[:-]([A-Za-z0-9+/=]+)")
_YARN = re.compile(r'^"?(@?[^@\s"]+)@[^\n]*:\n((?:[ \t]+[^\n]*\n?)+)', re.MULTILINE)
_PNPM = re.compile(
    r"^  '?/?(@?[^@\s'/][^@\s']*)[@/](\d[^\s:'()]*)[^\n:]*'?:\n((?:    [^\n]*\n?)*)", re.MULTILINE
)
_GEM = re.compile(r"^    ([\w.-]+) \(([\w.-]+)\)\n((?:      [^\n]*\n?)*)", re.MULTILINE)
_SUM = re.compile(r"^(\S+) (v[\w.+-]+) h1:", re.MULTILINE)


def read_toml_lock(path: str, text: str) -> Manifest:
    """poetry.lock, uv.lock, pdm.lock and pylock.toml: a list of packages with versions and digests."""
    document = load_toml(text)
    packages = [*items(document.get("package")), *items(document.get("packages"))]
    files = mapping(mapping(document.get("metadata")).get("files"))
    locked = [_python(mapping(each), files) for each in packages if not _is_own(mapping(each))]
    return _lock(path, "pypi", [each for each in locked if each.version])


def read_pipfile_lock(path: str, text: str) -> Manifest:
    document = load_json(text)
    locked = [
        Locked(
            name=python_name(name),
            version=str(mapping(value).get("version", "")).lstrip("="),
            hashes=_digests(strings(mapping(value).get("hashes"))),
            development=group == "develop",
        )
        for group in ("default", "develop")
        for name, value in mapping(document.get(group)).items()
    ]
    return _lock(path, "pypi", [each for each in locked if each.version])


def read_package_lock(path: str, text: str) -> Manifest:
    """The lock of npm in all its versions; from version 2 on it names licences too."""
    document = load_json(text)
    packages = mapping(document.get("packages"))
    entries = [
        (text_or_none(mapping(value).get("name")) or key.rpartition("node_modules/")[2], mapping(value))
        for key, value in packages.items()
        if "node_modules/" in key and mapping(value).get("link") is not True
    ]
    if not packages:
        entries = [(name, mapping(value)) for name, value in mapping(document.get("dependencies")).items()]
    locked = [
        Locked(
            name=name,
            version=str(entry.get("version")),
            hashes=_digests([str(entry.get("integrity", ""))]),
            licence=text_or_none(entry.get("license")),
            requires=tuple(mapping(entry.get("dependencies" if packages else "requires"))),
            development=entry.get("dev") is True,
        )
        for name, entry in entries
        if text_or_none(entry.get("version"))
    ]
    return _lock(path, "npm", locked)


def read_yarn_lock(path: str, text: str) -> Manifest:
    locked = []
    for name, body in _YARN.findall(text):
        version = re.search(r'^\s+"?version"?:? "?([^"\s]+)"?', body, re.MULTILINE)
        integrity = re.search(r"^\s+integrity (\S+)", body, re.MULTILINE)
        requires = re.search(r"^  dependencies:\n((?:    [^\n]*\n?)+)", body, re.MULTILINE)
        names = re.findall(r'^    "?(@?[^\s":]+)', requires.group(1), re.MULTILINE) if requires else []
        if version and "workspace" not in version.group(1) and version.group(1) != "0.0.0-use.local":
            digests = _digests([integrity.group(1)] if integrity else [])
            locked.append(Locked(name=name, version=version.group(1), hashes=digests, requires=tuple(names)))
    return _lock(path, "npm", locked)


def read_pnpm_lock(path: str, text: str) -> Manifest:
    """Read by its lines: the whole document as YAML would cost seconds, and deep nesting more."""
    _, _, packages = text.partition("\npackages:")
    body, _, _ = packages.partition("\nsnapshots:")
    locked = [
        Locked(
            name=name,
            version=version,
            hashes=_digests(re.findall(r"integrity: ([\w+/=-]+)", details)[:1]),
            development=bool(re.search(r"^    dev: true", details, re.MULTILINE)),
        )
        for name, version, details in _PNPM.findall(body)
    ]
    return _lock(path, "npm", locked)


def read_cargo_lock(path: str, text: str) -> Manifest:
    locked = [
        Locked(
            name=str(package.get("name")),
            version=str(package.get("version")),
            hashes=_digests([f"sha256:{package.get('checksum')}"]),
            requires=tuple(each.split(" ")[0] for each in strings(package.get("dependencies"))),
        )
        for package in map(mapping, items(load_toml(text).get("package")))
        if text_or_none(package.get("source"))
    ]
    return _lock(path, "cargo", locked)


def read_go_sum(path: str, text: str) -> Manifest:
    """Go's digests are of a module's tree and not of a file, so they are not passed on."""
    locked = [Locked(name=name, version=version) for name, version in _SUM.findall(text)]
    return _lock(path, "golang", locked)


def read_composer_lock(path: str, text: str) -> Manifest:
    document = load_json(text)
    locked = [
        Locked(
            name=str(package.get("name")),
            version=str(package.get("version")).removeprefix("v"),
            hashes=_digests([f"sha1:{mapping(package.get('dist')).get('shasum')}"]),
            licence=" OR ".join(strings(package.get("license"))) or text_or_none(package.get("license")),
            requires=tuple(name for name in mapping(package.get("require")) if "/" in name),
            development=group == "packages-dev",
        )
        for group in ("packages", "packages-dev")
        for package in map(mapping, items(document.get(group)))
    ]
    return _lock(path, "composer", locked)


def read_gemfile_lock(path: str, text: str) -> Manifest:
    locked = [
        Locked(
            name=name, version=version, requires=tuple(re.findall(r"^      ([\w.-]+)", body, re.MULTILINE))
        )
        for name, version, body in _GEM.findall(text)
    ]
    return _lock(path, "gem", locked)


def _python(package: dict[str, object], files: dict[str, object]) -> Locked:
    name = str(package.get("name", ""))
    parts = [*items(package.get("files")), *items(package.get("wheels")), package.get("sdist")]
    parts += items(files.get(name))
    digests = [str(mapping(part).get("hash", "")) for part in parts]
    digests += [
        f"{key}:{value}" for part in parts for key, value in mapping(mapping(part).get("hashes")).items()
    ]
    given = package.get("dependencies")
    requires = list(mapping(given)) or [
        re.split(r"[\s\[<>=!~;@(]", each)[0] if isinstance(each, str) else str(mapping(each).get("name", ""))
        for each in items(given)
    ]
    groups = [*strings(package.get("groups")), str(package.get("category", ""))]
    return Locked(
        name=python_name(name),
        version=str(package.get("version", "")),
        hashes=_digests(digests),
        requires=tuple(python_name(each) for each in requires if each),
        development=bool({"dev", "test", "docs"} & set(groups)) and not {"main", "default"} & set(groups),
    )


def _is_own(package: dict[str, object]) -> bool:
    """Whether an entry is the project itself or a folder of it."""
    source = mapping(package.get("source"))
    return bool({"virtual", "editable", "directory"} & set(source)) or source.get("type") == "directory"


def _digests(texts: Iterator[str] | list[str]) -> tuple[tuple[str, str], ...]:
    found = (_FORMAL.match(text) for text in texts)
    pairs = ((match.group(1), _hexadecimal(match.group(1), match.group(2))) for match in found if match)
    return tuple(sorted({(name, digest) for name, digest in pairs if digest}))


_SIZES = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}


def _hexadecimal(name: str, digest: str) -> str | None:
    if re.fullmatch(r"[0-9a-fA-F]+", digest) and len(digest) == _SIZES[name]:
        return digest.lower()
    try:
        decoded = base64.b64decode(digest, validate=True).hex()
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == _SIZES[name] else None


def _lock(path: str, ecosystem: Ecosystem, locked: list[Locked]) -> Manifest:
    return Manifest(path=path, ecosystem=ecosystem, is_lock=True, locked=locked)
