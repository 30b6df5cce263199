"""The actions that the installed capsules and the hub's own tasks take, read from their source.

Nothing is imported: reading a constitution must not wait for Prefect, nor run anybody's code.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from blocks.constitution.decisions import Stage
from blocks.constitution.signatures import Parameters, Signatures
from blocks.constitution.stages import STAGES
from blocks.constitution.types import BOOL, BYTES, DOUBLE, DYN, INT, STRING, Type, list_of, map_of
from capsules.catalogue import list_capsules
from capsules.manifest import Manifest

DECORATOR = "governed_task"
OF_SERVERS = "mcp.server.tool"
"""Stands for the tools of MCP servers, which come and go and take what their servers say."""
_TASKS = Path(__file__).parents[1] / "tasks"
_NAMES: Mapping[str, Type] = {
    "str": STRING,
    "int": INT,
    "float": DOUBLE,
    "bool": BOOL,
    "bytes": BYTES,
    "list": list_of(DYN),
    "dict": map_of(DYN),
}
_LISTS = frozenset({"list", "tuple", "Sequence", "Iterable", "Collection"})
_JSON: Mapping[str, Type] = {
    "string": STRING,
    "integer": INT,
    "number": DOUBLE,
    "boolean": BOOL,
    "object": map_of(DYN),
    "array": list_of(DYN),
}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def installed_signatures() -> Signatures:
    """The actions of the capsules in the catalogue and of the hub's own tasks, with their arguments."""
    found: dict[Stage, dict[str, Parameters | None]] = {}
    for path in sorted(_TASKS.rglob("*.py")):
        _take(path, found)
    found.setdefault("tool.call", {})[OF_SERVERS] = None
    for entry in list_capsules():
        found.setdefault("capsule.start", {})[entry.manifest.name] = _inputs(entry.manifest)
        for path in sorted(entry.folder.rglob("*.py")):
            _take(path, found)
    return Signatures(actions=found)


def _inputs(manifest: Manifest) -> Parameters:
    return {name: _JSON[parameter.type] for name, parameter in manifest.inputs.items()}


def _take(path: Path, found: dict[Stage, dict[str, Parameters | None]]) -> None:
    """Add the governed tasks that a file declares; a file that is no Python declares none."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text) if f"@{DECORATOR}" in text else ast.Module([], [])
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for function in (node for node in ast.walk(tree) if isinstance(node, _Function)):
        for stage, action in _declared(function):
            actions = found.setdefault(stage, {})
            parameters = _parameters(function)
            known = action in actions and actions[action] != parameters
            actions[action] = None if known else parameters


def _declared(function: _Function) -> Iterator[tuple[Stage, str]]:
    """Stage and action of a governed function; nothing where they are not written out."""
    for decorator in function.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(call, "attr", getattr(call, "id", None)) != DECORATOR:
            continue
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        written = {word.arg: word.value for word in keywords if word.arg}
        stage = _text(written.get("stage"), "task")
        action = _text(written.get("action"), function.name)
        if stage in STAGES and action:
            yield stage, action


def _text(node: ast.expr | None, default: str) -> str | None:
    if node is None:
        return default
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parameters(function: _Function) -> Parameters | None:
    """The arguments and their types; None where any may be given."""
    given = function.args
    if given.kwarg is not None:
        return None
    named = [*given.posonlyargs, *given.args, *([given.vararg] if given.vararg else []), *given.kwonlyargs]
    return {argument.arg: _kind(argument.annotation) for argument in named if argument.arg != "self"}


def _kind(annotation: ast.expr | None) -> Type:
    """The type of an annotation; `dyn` where it is no plain one."""
    if isinstance(annotation, ast.Name):
        return _NAMES.get(annotation.id, DYN)
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if annotation.value.id in _LISTS:
            return list_of(_kind(inner[0]))
        if annotation.value.id in {"dict", "Mapping"} and len(inner) > 1:
            return map_of(_kind(inner[1]))
    return DYN
