import ast
import configparser
import re
import tomllib
from collections.abc import Iterator

from capsules.library.dependencies.packages import (
    Declared,
    Manifest,
    Origin,
    Scope,
    Unreadable,
    items,
    line_of,
    mapping,
    origin_of,
    python_name,
    strings,
    text_or_none,
    without_credentials,
)
from capsules.library.dependencies.requirement_lines import declare

_LICENCE = "License :: "


def load_toml(text: str) -> dict[str, object]:
    """The document. Raises `Unreadable`."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unreadable(f"is no valid TOML: {str(error)[:100]}") from None


def read_pyproject(path: str, text: str) -> Manifest:
    """PEP 621, dependency groups, the build's requirements, and Poetry's own tables."""
    document = load_toml(text)
    project, tools = mapping(document.get("project")), mapping(document.get("tool"))
    poetry = mapping(tools.get("poetry"))
    manifest = Manifest(
        path=path,
        ecosystem="pypi",
        name=text_or_none(project.get("name")) or text_or_none(poetry.get("name")),
        version=text_or_none(project.get("version")) or text_or_none(poetry.get("version")),
        licence=_licence(project) or text_or_none(poetry.get("license")),
        library="build-system" in document
        and bool(project or poetry)
        and poetry.get("package-mode") is not False,
    )
    build = mapping(document.get("build-system"))
    groups: list[tuple[Scope, object]] = [("runtime", project.get("dependencies"))]
    groups += [("optional", value) for value in mapping(project.get("optional-dependencies")).values()]
    groups += [("development", value) for value in mapping(document.get("dependency-groups")).values()]
    groups.append(("build", build.get("requires")))
    manifest.declared = [*_from_strings(groups, text), *_poetry(poetry, text)]
    return manifest


def read_setup_cfg(path: str, text: str) -> Manifest:
    """The metadata and options of setuptools' declarative file."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Unreadable(f"is no valid INI file: {type(error).__name__}") from None
    extras = parser.items("options.extras_require") if parser.has_section("options.extras_require") else []
    groups: list[tuple[Scope, object]] = [
        ("runtime", _lines(parser.get("options", "install_requires", fallback=""))),
        ("build", _lines(parser.get("options", "setup_requires", fallback=""))),
        *(("optional", _lines(value)) for _, value in extras),
    ]
    return Manifest(
        path=path,
        ecosystem="pypi",
        name=text_or_none(parser.get("metadata", "name", fallback="")),
        licence=text_or_none(parser.get("metadata", "license", fallback="")),
        library=parser.has_section("metadata") or parser.has_section("options"),
        declared=list(_from_strings(groups, text)),
    )


def read_setup_py(path: str, text: str) -> Manifest:
    """What the call of `setup` says literally; the file is parsed and never run."""
    try:
        tree = ast.parse(text)
        given, names = _setup_call(tree), _literals(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"cannot be parsed: {type(error).__name__}") from None
    values = {name: _literal(node, names) for name, node in given.items()}
    extras = mapping(values.get("extras_require"))
    groups: list[tuple[Scope, object]] = [
        ("runtime", values.get("install_requires")),
        ("build", values.get("setup_requires")),
        ("development", values.get("tests_require")),
        *(("optional", value) for value in extras.values()),
    ]
    unknown = [
        name for name in ("install_requires", "extras_require") if name in given and values[name] is None
    ]
    return Manifest(
        path=path,
        ecosystem="pypi",
        name=text_or_none(values.get("name")),
        version=text_or_none(values.get("version")),
        licence=text_or_none(values.get("license")),
        library=bool(given),
        declared=list(_from_strings(groups, text)),
        notes=[f"{name} is computed when it runs, so it is not known here" for name in unknown],
    )


def read_pipfile(path: str, text: str) -> Manifest:
    document = load_toml(text)
    declared = [
        *_from_table(mapping(document.get("packages")), "runtime", text),
        *_from_table(mapping(document.get("dev-packages")), "development", text),
    ]
    return Manifest(path=path, ecosystem="pypi", declared=declared)


def _licence(project: dict[str, object]) -> str | None:
    given = project.get("license")
    plain = text_or_none(given) or text_or_none(mapping(given).get("text"))
    if plain and "\n" not in plain.strip():
        return plain.strip()
    classifiers = (each for each in strings(project.get("classifiers")) if each.startswith(_LICENCE))
    return next((each.rpartition(" :: ")[2] for each in classifiers), None)


def _from_strings(groups: list[tuple[Scope, object]], text: str) -> Iterator[Declared]:
    for scope, values in groups:
        for value in strings(values):
            found = declare(
                value, scope, line_of(text, re.split(r"[\s\[<>=!~;@(]", value.strip(), maxsplit=1)[0])
            )
            if found:
                yield found


def _poetry(poetry: dict[str, object], text: str) -> Iterator[Declared]:
    yield from _from_table(mapping(poetry.get("dependencies")), "runtime", text)
    yield from _from_table(mapping(poetry.get("dev-dependencies")), "development", text)
    for group in mapping(poetry.get("group")).values():
        yield from _from_table(mapping(mapping(group).get("dependencies")), "development", text)


def _from_table(table: dict[str, object], scope: Scope, text: str) -> Iterator[Declared]:
    for name, value in table.items():
        if name == "python":
            continue
        details = mapping(value)
        address = next((str(details[key]) for key in ("git", "url", "path", "file") if key in details), "")
        origin: Origin = "registry"
        if address:
            origin = "git" if "git" in details else origin_of(address)
        revision = details.get("rev") or details.get("ref")
        yield Declared(
            name=python_name(name),
            constraint=str(value if isinstance(value, str) else details.get("version", "")).replace("*", ""),
            scope="optional" if details.get("optional") is True else scope,
            origin=origin,
            target=without_credentials(f"{address}@{revision}" if revision else address),
            line=line_of(text, name),
            conditional=bool({"markers", "platform", "python", "sys_platform"} & set(details)),
        )


def _lines(value: str) -> list[object]:
    return [line.split("#")[0].strip() for line in value.splitlines() if line.split("#")[0].strip()]


def _setup_call(tree: ast.Module) -> dict[str, ast.expr]:
    for node in ast.walk(tree):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name == "setup":
            return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return {}


def _literals(tree: ast.Module) -> dict[str, ast.expr]:
    """The module's own names that are assigned once and plainly."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _literal(node: ast.expr, names: dict[str, ast.expr]) -> object:
    if isinstance(node, ast.Name):
        node = names.get(node.id, node)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return items(list(value)) if isinstance(value, tuple | set) else value
