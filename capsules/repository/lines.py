"""Code, blank and comment lines, told apart roughly: by how a line begins, without parsing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

LineKind = Literal["code", "blank", "comment"]

_HASH = (b"#",)
_SLASH = (b"//",)
_DASH = (b"--",)
_SEMICOLON = (b";",)
_PERCENT = (b"%",)
_SLASHES = ((b"/*", b"*/"),)
_MARKUP = ((b"<!--", b"-->"),)
_DOCSTRINGS = ((b'"""', b'"""'), (b"'''", b"'''"))

_Marks = tuple[tuple[bytes, ...], tuple[tuple[bytes, bytes], ...]]
_C_LIKE: _Marks = (_SLASH, _SLASHES)
_DEFAULT: _Marks = ((), ())
_GROUPS: list[tuple[str, _Marks]] = [
    ("C, C#, C++, CUDA, D, Dart, F#, GLSL, Go, Groovy, Java, JavaScript, Kotlin, Less, Objective-C", _C_LIKE),
    ("Protocol Buffers, Rust, SCSS, Scala, Solidity, Swift, TypeScript, Verilog, Zig", _C_LIKE),
    ("CSS", ((), _SLASHES)),
    ("PHP, HCL", ((b"//", b"#"), _SLASHES)),
    ("Cython, Python, Starlark", (_HASH, _DOCSTRINGS)),
    ("CMake, CoffeeScript, Dockerfile, Elixir, GraphQL, Just, Makefile, Meson, Nim, Nix", (_HASH, ())),
    ("Perl, R, Shell, TOML, Tcl, YAML", (_HASH, ())),
    ("Ruby", (_HASH, ((b"=begin", b"=end"),))),
    ("Julia", (_HASH, ((b"#=", b"=#"),))),
    ("PowerShell", (_HASH, ((b"<#", b"#>"),))),
    ("Ada, VHDL", (_DASH, ())),
    ("SQL", (_DASH, _SLASHES)),
    ("Elm, Haskell", (_DASH, ((b"{-", b"-}"),))),
    ("Lua", (_DASH, ((b"--[[", b"]]"),))),
    ("Clojure, Emacs Lisp, Lisp, Scheme", (_SEMICOLON, ())),
    ("Assembly", ((b";", b"#", b"//"), _SLASHES)),
    ("INI", ((b"#", b";"), ())),
    ("Erlang, TeX", (_PERCENT, ())),
    ("OCaml", ((), ((b"(*", b"*)"),))),
    ("Pascal", (_SLASH, ((b"{", b"}"), (b"(*", b"*)")))),
    ("Batch", ((b"REM ", b"rem ", b"::"), ())),
    ("Visual Basic", ((b"'",), ())),
    ("Vim script", ((b'"',), ())),
    ("HTML, Markdown, SVG, Svelte, Vue, XML", ((), _MARKUP)),
]
_MARKS = {language: marks for languages, marks in _GROUPS for language in languages.split(", ")}


@dataclass(frozen=True, slots=True)
class Lines:
    code: int = 0
    blank: int = 0
    comment: int = 0

    @property
    def total(self) -> int:
        return self.code + self.blank + self.comment

    def __add__(self, other: "Lines") -> "Lines":
        return Lines(self.code + other.code, self.blank + other.blank, self.comment + other.comment)


def count_lines(content: bytes, language: str | None) -> Lines:
    """The lines of a text; a language without known comment marks has code and blank lines only."""
    kinds = Counter(kind for kind, _ in classify(content, language))
    return Lines(kinds["code"], kinds["blank"], kinds["comment"])


def classify(content: bytes, language: str | None) -> Iterator[tuple[LineKind, bytes]]:
    """Each line without the white space around it, and what it is."""
    line_marks, block_marks = _MARKS.get(language or "", _DEFAULT)
    until = b""
    for line in content.splitlines():
        stripped = line.strip()
        if until:
            until = b"" if until in stripped else until
            yield "comment", stripped
        elif not stripped:
            yield "blank", stripped
        elif opened := _opened(stripped, block_marks):
            until = opened if opened not in stripped[len(opened) :] else b""
            yield "comment", stripped
        else:
            yield "comment" if line_marks and stripped.startswith(line_marks) else "code", stripped


def _opened(stripped: bytes, block_marks: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """What ends the block comment that this line begins with, or nothing."""
    for start, end in block_marks:
        if stripped.startswith(start):
            return end
    return b""
