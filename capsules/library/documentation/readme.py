import re
from dataclasses import dataclass
from typing import Any

from capsules.library.documentation.markdown import Document, read_markdown
from capsules.repository.apart import Apart

_NAME = re.compile(r"^readme(\.(md|markdown|mdx|rst|txt|adoc|org))?$", re.IGNORECASE)
_FOLDERS = ("", ".github/", "docs/")
_RST_TITLE = re.compile(r"^(?P<title>\S[^\n]*)\n([=\-~^\"'`#*+.:_])\2{2,}\s*$", re.MULTILINE)
_RST_CODE = re.compile(r"::[ \t]*[\w-]*\n(\s*:[\w-]+:.*\n)*\s*\n[ \t]+\S", re.MULTILINE)
_INSTALL = re.compile(
    r"\b(pip3? install|pipx install|uv (add|pip|tool)|poetry add|conda install|npm (i|install|ci)\b|yarn add|"
    r"pnpm add|cargo (add|install)|go (get|install)|gem install|composer require|brew install|"
    r"apt(-get)? install|docker (run|pull|compose)|helm install|make install|mvn |gradle|git clone)",
    re.IGNORECASE,
)
_HEADINGS = {
    "install": re.compile(r"install|getting started|set-?up|quick ?start|download", re.IGNORECASE),
    "usage": re.compile(
        r"usage|using|how to|quick ?start|getting started|tutorial|example|guide", re.IGNORECASE
    ),
}
_WORDS = {
    "licence": re.compile(r"\blicen[cs]ed?\b", re.IGNORECASE),
    "contributing": re.compile(r"\bcontribut(e|ing|ions?|ors?)\b", re.IGNORECASE),
    "tests": re.compile(
        r"\b(pytest|tox|nox|run(ning)? (the )?(unit )?tests?|make (test|check)|npm (run )?test|cargo test|"
        r"go test|mvn (test|verify)|testing)\b",
        re.IGNORECASE,
    ),
}
PARTS = ("title", "description", "install", "usage", "licence", "contributing", "tests")
_SHORTEST_DESCRIPTION = 40


@dataclass(frozen=True, kw_only=True)
class Readme:
    path: str
    words: int
    parts: frozenset[str]


def readme_rank(path: str) -> int | None:
    """Where a README is looked for first; None when the file is none."""
    folder, name = path[: path.rfind("/") + 1], path.rpartition("/")[2]
    return _FOLDERS.index(folder) if folder in _FOLDERS and _NAME.match(name) else None


def read_readme(path: str, content: bytes) -> Readme | None:
    """Which parts of what a reader needs the README has; None when it cannot be read."""
    with Apart("capsules.library.documentation.readme.examine") as apart:
        found = apart.call(path, content)
    return found and Readme(path=path, words=found["words"], parts=frozenset(found["parts"]))


def examine(path: str, content: bytes) -> dict[str, Any]:
    """The README's words and parts, as plain values."""
    text = content.decode("utf-8", "replace")
    document = _read_rst(text) if path.lower().endswith(".rst") else read_markdown(content)
    titles = document.headings
    parts = {name for name, pattern in _HEADINGS.items() if any(pattern.search(title) for title in titles)}
    parts |= {name for name, pattern in _WORDS.items() if pattern.search(text)}
    found = {
        "title": bool(titles),
        "description": any(len(paragraph) >= _SHORTEST_DESCRIPTION for paragraph in document.paragraphs),
        "install": bool(_INSTALL.search(text)),
    }
    if document.code_blocks:
        parts.add("usage")
    parts |= {name for name, present in found.items() if present}
    return {"words": len(text.split()), "parts": sorted(parts)}


def _read_rst(text: str) -> Document:
    titles = [found["title"].strip() for found in _RST_TITLE.finditer(text)]
    paragraphs = [
        " ".join(part.split()) for part in re.split(r"\n\s*\n", text) if not part.startswith((" ", ".."))
    ]
    return Document(headings=titles, paragraphs=paragraphs, code_blocks=len(_RST_CODE.findall(text)))
