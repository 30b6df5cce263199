"""How many public names of the Python sources say what they are for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from capsules.repository.analysis import Coverage
from capsules.repository.apart import Apart
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline
from capsules.repository.functions import LARGEST
from capsules.repository.roles import role_of

_SCRIPTS = ("setup.py", "conftest.py", "noxfile.py", "tasks.py")
_SAID_ELSEWHERE = {"overload", "override", "setter", "deleter", "getter"}
_Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(kw_only=True)
class FileDocstrings:
    path: str
    public: int
    documented: int
    missing: list[tuple[str, int]]
    """Name and line."""


@dataclass(kw_only=True)
class Docstrings:
    files: list[FileDocstrings] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def public(self) -> int:
        return sum(file.public for file in self.files)

    @property
    def documented(self) -> int:
        return sum(file.documented for file in self.files)


def read_docstrings(checkout: Checkout, seconds: float) -> Docstrings:
    """Count in every public module that is no test, example or script."""
    found, deadline, total, skipped = Docstrings(), Deadline(seconds), 0, dict[str, int]()
    with Apart("capsules.library.documentation.docstrings.count") as apart:
        for file in checkout.files():
            if file.language != "Python" or file.binary or not is_public_module(file.path):
                continue
            total += 1
            content = None if deadline.passed else checkout.read(file.raw, LARGEST)
            counted = None if content is None else apart.call(file.path, content)
            if counted is None:
                reason = "out of time" if deadline.passed else "too large or not parsed"
                skipped[reason] = skipped.get(reason, 0) + 1
            else:
                found.files.append(FileDocstrings(path=file.path, **counted))
    found.coverage = Coverage(examined=len(found.files), total=total, skipped=skipped)
    return found


def is_public_module(path: str) -> bool:
    """Whether a user of the package may import it."""
    *folders, name = path.split("/")
    private = any(part.startswith("_") for part in (*folders, name)) and name not in {
        "__init__.py",
        "__main__.py",
    }
    private = private or any(part.startswith("_") for part in folders)
    return role_of(path) == "source" and not private and name not in _SCRIPTS and path.endswith(".py")


def count(path: str, content: bytes) -> dict[str, Any]:
    """Public names and those without a docstring, as plain values."""
    del path
    module = ast.parse(content)
    names = [("the module", 1, ast.get_docstring(module, clean=False))] if module.body else []
    names += [
        (name, node.lineno, ast.get_docstring(node, clean=False)) for name, node in _public(module.body, "")
    ]
    missing = [(name, line) for name, line, text in names if not text]
    return {"public": len(names), "documented": len(names) - len(missing), "missing": missing}


def _public(body: list[ast.stmt], above: str) -> Iterator[tuple[str, _Named]]:
    for node in body:
        if not isinstance(node, _Named) or node.name.startswith("_") or _is_said_elsewhere(node):
            continue
        yield above + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body, f"{above}{node.name}.")


def _is_said_elsewhere(node: _Named) -> bool:
    """Overloads, overrides and setters are documented where they are declared first."""
    for decorator in node.decorator_list:
        name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
        if name in _SAID_ELSEWHERE:
            return True
    return False
