"""Functions and their complexity, as lizard reads them in every language that it knows."""

from dataclasses import dataclass
from typing import Any, Self

import lizard

from capsules.repository.apart import Apart
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.languages import kind_of

LARGEST = 400_000
COMPLEX = 15
"""Above this cyclomatic complexity a function is hard to test and to change."""


@dataclass(frozen=True, kw_only=True)
class Function:
    name: str
    line: int
    complexity: int
    """McCabe's cyclomatic complexity: one more than the number of decisions."""
    code: int
    """Lines that are neither blank nor comment."""
    length: int
    parameters: int


class FunctionReader:
    """Reads the functions of one file after the other in a child process."""

    def __init__(self) -> None:
        self._apart = Apart("capsules.repository.functions.measure")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._apart.__exit__(None, None, None)

    def read(self, checkout: Checkout, file: SourceFile) -> list[Function] | str:
        """The file's functions, or the reason why it has none to tell."""
        if not is_readable(file):
            return "language without a complexity measure"
        content = checkout.read(file.raw, LARGEST)
        if content is None:
            return "larger than 400 kB"
        found = self._apart.call(file.path, content)
        return "not parsed" if found is None else [Function(**entry) for entry in found]


def is_readable(file: SourceFile) -> bool:
    """Whether the file is a program in a language whose functions are told apart."""
    return kind_of(file.language) == "code" and lizard.get_reader_for(_reader_name(file.path)) is not None


def measure(path: str, content: bytes) -> list[dict[str, Any]]:
    """The functions of one file, as plain values."""
    found = lizard.analyze_file.analyze_source_code(_reader_name(path), content.decode("utf-8", "replace"))
    return [
        {
            "name": function.name[:200],
            "line": function.start_line,
            "complexity": function.cyclomatic_complexity,
            "code": function.nloc,
            "length": function.end_line - function.start_line + 1,
            "parameters": len(function.parameters),
        }
        for function in found.function_list
    ]


def _reader_name(path: str) -> str:
    """A harmless file name with the same ending, the only thing that chooses lizard's reader."""
    return "x." + path.rpartition("/")[2].rpartition(".")[2].lower() if "." in path else "x"
