"""What links, anchors, headings and prose a Markdown text has; nothing in it is followed or rendered."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_HTML_LINK = re.compile(
    r"<(?:a|img|source)\b[^<>]{0,2000}?\b(?:href|src)\s*=\s*[\"']([^\"'<>]{1,2000})[\"']", re.IGNORECASE
)
_HTML_ANCHOR = re.compile(r"<\w+\b[^<>]{0,2000}?\b(?:id|name)\s*=\s*[\"']?([^\"'<>\s]{1,500})", re.IGNORECASE)
_HTML_TITLE = re.compile(r"<h[1-3]\b[^>]{0,500}>(.{1,500}?)</h[1-3]>", re.IGNORECASE | re.DOTALL)
_GIVEN_ANCHOR = re.compile(r"\s*\{:?\s*#([\w.:-]+)[^{}]*\}\s*$")
_TAG = re.compile(r"<[^<>]*>")
_NO_SLUG = re.compile(r"[^\w\- ]")


@dataclass(kw_only=True)
class Document:
    headings: list[str] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    code_blocks: int = 0
    links: list[tuple[str, int]] = field(default_factory=list)
    """Target and line."""
    anchors: list[str] = field(default_factory=list)


def read_markdown(content: bytes) -> Document:
    """Take the text apart as GitHub would show it."""
    document, slugs = Document(), Counter[str]()
    tokens = MarkdownIt("commonmark").enable("table").parse(content.decode("utf-8", "replace"))
    before = ""
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        if token.type in {"fence", "code_block"}:
            document.code_blocks += 1
        elif token.type == "html_block":
            _read_html(document, token.content, line)
        elif token.type == "inline":
            _read_inline(document, token, line)
            if before == "heading_open":
                _add_heading(document, token, slugs)
            elif before == "paragraph_open":
                document.paragraphs.append(_text(token).strip())
        before = token.type
    return document


def outline(path: str, content: bytes) -> dict[str, Any]:
    """Links and anchors as plain values, for a child process to hand back."""
    del path
    document = read_markdown(content)
    return {"links": document.links, "anchors": document.anchors}


def _read_inline(document: Document, token: Token, line: int) -> None:
    for child in token.children or []:
        target = child.attrGet("href") or child.attrGet("src")
        if isinstance(target, str):
            document.links.append((target, line))
        if child.type == "html_inline":
            _read_html(document, child.content, line)


def _read_html(document: Document, html: str, line: int) -> None:
    document.links.extend((target, line) for target in _HTML_LINK.findall(html))
    document.anchors.extend(_HTML_ANCHOR.findall(html))
    for title in _HTML_TITLE.findall(html):
        document.headings.append(_TAG.sub("", title).strip() or "(picture)")


def _add_heading(document: Document, token: Token, slugs: Counter[str]) -> None:
    title = _text(token).strip()
    given = _GIVEN_ANCHOR.search(title)
    if given:
        document.anchors.append(given[1])
        title = title[: given.start()]
    document.headings.append(title)
    slug = slug_of(title)
    document.anchors.append(f"{slug}-{slugs[slug]}" if slugs[slug] else slug)
    slugs[slug] += 1


def _text(token: Token) -> str:
    return "".join(_words(token.children or []))


def _words(children: list[Token]) -> Iterator[str]:
    for child in children:
        if child.type in {"text", "code_inline"}:
            yield child.content
        elif child.type in {"softbreak", "hardbreak"}:
            yield " "
        elif child.type == "image":
            yield child.content


def slug_of(title: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return _NO_SLUG.sub("", title.lower().strip()).replace(" ", "-")
