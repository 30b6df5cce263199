import json
import re
from xml.etree import ElementTree as ET

from capsules.library.dependencies.packages import (
    Declared,
    Manifest,
    Scope,
    Unreadable,
    line_of,
    mapping,
    origin_of,
    text_or_none,
    without_credentials,
)
from capsules.library.dependencies.python_manifests import load_toml

_GRADLE = re.compile(
    r"\b(\w*(?:[iI]mplementation|[aA]pi|[cC]ompileOnly|[rR]untimeOnly|[cC]ompile))\s*\(?\s*['\"]"
    r"([\w.-]+:[\w.-]+)(?::([\w.+\[\],-]+))?['\"]"
)
_GEM = re.compile(r"^\s*gem\s+['\"]([\w.-]+)['\"]((?:\s*,\s*['\"][^'\"]*['\"])*)(.*)$", re.MULTILINE)
_GO_WORDS = 2
_MOST_XML = 500_000


def load_json(text: str) -> dict[str, object]:
    """The document. Raises `Unreadable`."""
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is no valid JSON: {str(error)[:100]}") from None


def read_package_json(path: str, text: str) -> Manifest:
    document = load_json(text)
    given = document.get("license")
    groups: list[tuple[Scope, str]] = [
        ("runtime", "dependencies"),
        ("development", "devDependencies"),
        ("optional", "optionalDependencies"),
    ]
    return Manifest(
        path=path,
        ecosystem="npm",
        name=text_or_none(document.get("name")),
        version=text_or_none(document.get("version")),
        licence=text_or_none(given) or text_or_none(mapping(given).get("type")),
        library=document.get("private") is not True
        and bool({"main", "exports", "module", "types"} & set(document)),
        declared=[
            _npm(name, str(value), scope, text)
            for scope, key in groups
            for name, value in mapping(document.get(key)).items()
        ],
    )


def read_cargo_toml(path: str, text: str) -> Manifest:
    document = load_toml(text)
    package = mapping(document.get("package"))
    tables = [document, *(mapping(each) for each in mapping(document.get("target")).values())]
    groups: list[tuple[Scope, object]] = [
        (scope, table.get(key)) for table in tables for scope, key in _CARGO
    ]
    groups.append(("runtime", mapping(document.get("workspace")).get("dependencies")))
    return Manifest(
        path=path,
        ecosystem="cargo",
        name=text_or_none(package.get("name")),
        version=text_or_none(package.get("version")),
        licence=text_or_none(package.get("license")),
        library="lib" in document or "bin" not in document,
        declared=[
            _crate(name, value, scope, text)
            for scope, table in groups
            for name, value in mapping(table).items()
            if mapping(value).get("workspace") is not True
        ],
    )


_CARGO: tuple[tuple[Scope, str], ...] = (
    ("runtime", "dependencies"),
    ("development", "dev-dependencies"),
    ("build", "build-dependencies"),
)


def read_go_mod(path: str, text: str) -> Manifest:
    """Go names exact minimum versions, and go.sum holds their digests."""
    manifest = Manifest(path=path, ecosystem="golang", library=True)
    block = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("//")[0].split()
        if not words:
            continue
        if words[0] == "module":
            manifest.name = words[-1]
        opens, closes = words[-1] == "(", words[0] == ")"
        verb = block or words[0]
        block = words[0] if opens else "" if closes else block
        if verb == "require" and not opens and not closes and len(words) >= _GO_WORDS:
            manifest.declared.append(Declared(name=words[-2], constraint=words[-1], line=number))
    return manifest


def read_pom(path: str, text: str) -> Manifest:
    """Maven's direct dependencies; a document with entities of its own is not read."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text or len(text) > _MOST_XML:
        raise Unreadable("declares entities or is too large, so it was not read")
    try:
        root = ET.fromstring(text)  # noqa: S314  # without entities there is nothing to expand
    except (ET.ParseError, ValueError) as error:
        raise Unreadable(f"is no valid XML: {str(error)[:100]}") from None
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
    declared = [
        Declared(
            name=f"{each.findtext('groupId', '').strip()}:{each.findtext('artifactId', '').strip()}",
            constraint=each.findtext("version", "").strip(),
            scope="development" if each.findtext("scope", "").strip() == "test" else "runtime",
            line=line_of(text, each.findtext("artifactId", "").strip() or "dependency"),
        )
        for each in root.findall("dependencies/dependency")
    ]
    name = text_or_none(root.findtext("artifactId"))
    return Manifest(path=path, ecosystem="maven", name=name, library=True, declared=declared)


def read_gradle(path: str, text: str) -> Manifest:
    """The dependencies that a build script names as plain strings."""
    declared = [
        Declared(
            name=name,
            constraint=version,
            scope="development" if "est" in configuration else "runtime",
            line=line_of(text, name),
        )
        for configuration, name, version in _GRADLE.findall(text)
    ]
    return Manifest(path=path, ecosystem="maven", library=True, declared=declared)


def read_gemfile(path: str, text: str) -> Manifest:
    declared = [
        Declared(
            name=name,
            constraint=", ".join(re.findall(r"['\"]([^'\"]*)['\"]", constraints)),
            origin="git" if re.search(r"\b(?:git|github):", rest) else "registry",
            target=without_credentials(rest.strip(" ,"))[:200] if "git" in rest else "",
            line=line_of(text, name),
        )
        for name, constraints, rest in _GEM.findall(text)
    ]
    return Manifest(path=path, ecosystem="gem", declared=declared)


def read_composer_json(path: str, text: str) -> Manifest:
    document = load_json(text)
    groups: list[tuple[Scope, str]] = [("runtime", "require"), ("development", "require-dev")]
    return Manifest(
        path=path,
        ecosystem="composer",
        name=text_or_none(document.get("name")),
        licence=text_or_none(document.get("license")),
        library=document.get("type", "library") == "library",
        declared=[
            Declared(name=name, constraint=str(value).strip("*"), scope=scope, line=line_of(text, name))
            for scope, key in groups
            for name, value in mapping(document.get(key)).items()
            if "/" in name
        ],
    )


def _npm(name: str, value: str, scope: Scope, text: str) -> Declared:
    elsewhere = bool(re.match(r"(?:git|https?|file|link|github|ssh)[+:]|[\w-]+/[\w.-]+(?:#|$)", value))
    address = value if ":" in value else f"github:{value}"
    origin = origin_of(address) if elsewhere else "registry"
    return Declared(
        name=name,
        constraint="" if elsewhere or value in {"*", "latest", "x"} else value,
        scope=scope,
        origin=origin,
        target=without_credentials(value) if elsewhere else "",
        line=line_of(text, name),
    )


def _crate(name: str, value: object, scope: Scope, text: str) -> Declared:
    details = mapping(value)
    git = details.get("git")
    revision = details.get("rev")
    target = f"{git}@{revision}" if revision else str(git or "")
    return Declared(
        name=str(details.get("package", name)),
        constraint=str(value if isinstance(value, str) else details.get("version", "")).replace("*", ""),
        scope="optional" if details.get("optional") is True else scope,
        origin="git" if git else "path" if "path" in details else "registry",
        target=without_credentials(target),
        line=line_of(text, name),
    )
