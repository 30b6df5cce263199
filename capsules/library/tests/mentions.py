"""Which Python modules no test mentions: not by import, not by a public name, not in a test file's name."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_GENERIC = frozenset(
    {"app", "config", "create", "get", "main", "name", "run", "set", "settings", "setup", "update"}
)


@dataclass(frozen=True, kw_only=True)
class Module:
    path: str
    names: frozenset[str]
    """The classes and functions that it defines at its top level for others."""
    lines: int

    @property
    def stem(self) -> str:
        folder, _, name = self.path.rpartition("/")
        return folder.rpartition("/")[2] if name == "__init__.py" else name.removesuffix(".py")

    @property
    def dotted(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def definitions(path: str, content: bytes) -> list[str]:
    """The public names that a module defines, as plain values."""
    del path
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in ast.parse(content).body if isinstance(node, kinds) and node.name[0] != "_"]


def uses(path: str, content: bytes) -> dict[str, Any]:
    """What a test file imports and which names it uses, as plain values."""
    del path
    imports, names = set[str](), set[str]()
    for node in ast.walk(ast.parse(content)):
        imports.update(_imported(node))
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return {"imports": sorted(imports), "names": sorted(names)}


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module or ''}.{alias.name}".lstrip(".") for alias in node.names)
        yield node.module or ""


def unmentioned(modules: list[Module], imports: set[str], names: set[str], test_names: str) -> list[Module]:
    """The modules that the tests never speak of, the largest first."""
    used = names | {name.rpartition(".")[2] for name in imports}
    found = [
        module
        for module in modules
        if not _is_imported(module, imports)
        and not (module.names - _GENERIC) & used
        and module.stem.strip("_") not in test_names
    ]
    return sorted(found, key=lambda module: (-module.lines, module.path))


def _is_imported(module: Module, imports: set[str]) -> bool:
    """Whether the module is imported under its path, with or without folders such as `src` in front."""
    parts = module.dotted.split(".")
    return any(".".join(parts[start:]) in imports for start in range(max(1, len(parts) - 1)))
