import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from capsules.library.publish.contents import MOST_FINDINGS, MOST_ROWS, Report
from capsules.library.publish.rendering import TEMPLATES, render_html, render_markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; background: url(https://evil.example/x)",
    "javascript:alert(1)",
    "a\nb\r\n\n# heading",
    "| cell | <b>bold</b> `code` ](https://evil.example) ![x](https://evil.example/x.png)",
    "\u202egnp.exe",
    "$\\frac{1}{2}$",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "-rf --no-preserve-root",
    "\x1b[31mred\x00",
    "]]><![CDATA[<script>",
    "x" * 5000,
    "",
]
VOID = {"meta", "br", "img", "link", "input", "hr"}
ELEMENTS = frozenset(
    [
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "a",
            "main",
            "header",
            "footer",
            "section",
            "div",
        ),
        *("h1", "h2", "h3", "h4", "p", "span", "strong", "code", "ul", "ol", "li", "dl", "dt", "dd"),
        *("details", "summary", "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td"),
        *("svg", "g", "path", "circle", "rect", "text", "defs", "use", "clippath"),
    ]
)


class Page(HTMLParser):
    """Checks that every element is one the template has, and that each is closed where it should be."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def read(page: str) -> Page:
    parser = Page()
    parser.feed(page)
    parser.close()

    assert parser.open == []
    return parser


def check(page: str) -> Page:
    """The page is well-formed, runs nothing and loads nothing."""
    parsed = read(page)
    for tag, name, value in parsed.attributes:
        assert not name.startswith("on"), (tag, name, value)
        assert name not in {"src", "srcset", "action", "data"}
        if name == "href":
            assert value.startswith(("#", "https://", "http://")), value
        if name == "style":
            assert "url(" not in value
    assert len(parsed.ids) == len(set(parsed.ids))
    return parsed


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(make_report: Callable[..., Report], text: str) -> None:
    """Whatever a repository calls its files, the page shows it and never obeys it."""
    check(render_html(make_report(text)))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=60) | st.text(alphabet="<>\"'&/=`{}%#-! \n\u202e;:()[]|$\\x", max_size=60))
def test_any_text_gives_a_well_formed_page(make_report: Callable[..., Report], text: str) -> None:
    """No text at all breaks the page or its Markdown."""
    report = make_report(text)

    check(render_html(report))
    check_markdown(render_markdown(report))


def test_the_page_forbids_itself_scripts_and_requests(make_report: Callable[..., Report]) -> None:
    """A content security policy in the page rules out what the template already leaves out."""
    page = render_html(make_report())

    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(", (TEMPLATES / "report.css").read_text())


def test_the_first_screen_answers_first(make_report: Callable[..., Report]) -> None:
    """Name, grade, summary and what is missing come before what to do, and that before the details."""
    text = " ".join(check(render_html(make_report("kettle"))).text)
    order = [
        "kettle",
        "4 May 2026",
        "70 of 100",
        "is in fair shape",
        "Not examined",
        "What to do first",
        "Details",
    ]
    places = [text.index(part) for part in order]

    assert places == sorted(places)


def test_the_page_is_for_phone_dark_and_paper(make_report: Callable[..., Report]) -> None:
    """The page adapts to a narrow screen, to a dark one and to print."""
    page = render_html(make_report())

    for part in ("width=device-width", "prefers-color-scheme: dark", "@media print", '<html lang="en">'):
        assert part in page


def test_what_is_left_out_is_counted(make_report: Callable[..., Report]) -> None:
    """Long lists are cut, and the page says how much more there is and where."""
    page = render_html(make_report(findings=MOST_FINDINGS + 60, rows=MOST_ROWS + 7))

    assert "60 more findings in findings.json." in page
    assert "7 more rows in the analysis." in page
    assert page.count('<li>\n  \n<span class="tag severity high">') <= MOST_FINDINGS + 60


def test_a_large_audit_gives_a_page_of_bearable_size(make_report: Callable[..., Report]) -> None:
    """However much was found, the page stays below a megabyte."""
    report = make_report("word " * 300, findings=500, rows=5000)

    assert len(render_html(report).encode()) < 1_000_000


def test_the_same_report_gives_the_same_bytes(make_report: Callable[..., Report]) -> None:
    """Publishing twice changes nothing: no time, no random id is in the page."""
    assert render_html(make_report()) == render_html(make_report())


def test_a_report_without_anything_reads_well(make_report: Callable[..., Report]) -> None:
    """An empty repository gets a page that says so."""
    text = " ".join(check(render_html(make_report("kettle", findings=0, rows=0, refused=False))).text)

    assert "Nothing was found that needs doing." in text
    assert "no score" in text


def check_markdown(text: str) -> list[Any]:
    """The Markdown has no HTML, no picture and no link, and every table row has all its cells."""
    tokens = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").parse(text)
    flat = [child for token in tokens for child in [token, *(token.children or [])]]
    kinds = {token.type for token in flat}

    assert not kinds & {
        "html_inline",
        "html_block",
        "image",
        "link_open",
        "fence",
        "code_block",
        "code_inline",
    }
    return flat


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_markdown(make_report: Callable[..., Report], text: str) -> None:
    """No name of a file becomes HTML, a link, a heading or a table cell in the Markdown report."""
    plain = [token.type for token in check_markdown(render_markdown(make_report("kettle")))]
    found = [token.type for token in check_markdown(render_markdown(make_report(text or "nothing")))]

    for kind in ("heading_open", "table_open", "tr_open", "td_open"):
        assert plain.count(kind) == found.count(kind), kind


def test_the_templates_are_where_the_package_says() -> None:
    """Templates and style lie beside the code, so that an installed hub has them, too."""
    assert {"report.html.jinja", "parts.html.jinja", "report.md.jinja", "report.css"} <= {
        path.name for path in Path(TEMPLATES).iterdir()
    }
