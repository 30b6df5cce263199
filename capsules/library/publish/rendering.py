"""The templates: whatever a value holds, a page shows it and never obeys it."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from capsules.library.publish.contents import Report, sections_of, trend_of
from capsules.library.publish.text import (
    escape_markdown,
    number,
    plural,
    prose,
    rich,
    short_path,
    visible,
    web_links,
)
from capsules.library.synthesis.wording import describe_refusal

TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: Report) -> str:
    """The report as one page that needs nothing else: no script, no font, no picture from elsewhere."""
    style = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704  # our own file
    page = _html().get_template("report.html.jinja")
    return page.render(
        report=report,
        synthesis=report.synthesis,
        sections=sections_of(report),
        trend=trend_of(report.synthesis),
        style=style,
    )


def render_markdown(report: Report) -> str:
    """The report as Markdown, without plots."""
    page = _markdown().get_template("report.md.jinja")
    return page.render(report=report, synthesis=report.synthesis, sections=sections_of(report, drawn=False))


@cache
def _html() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    return _with_filters(environment)


@cache
def _markdown() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  # `finalize` escapes for Markdown, where HTML's escapes are not enough
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    return _with_filters(environment)


def _with_filters(environment: Environment) -> Environment:
    environment.filters |= {
        "day": _day,
        "number": number,
        "ordinal": lambda value: Markup(f"{value:d}."),  # noqa: S704  # a number
        "prose": prose,
        "rich": rich,
        "short_path": short_path,
        "signed": lambda value: f"{value:+d}".replace("-", "−") if value else "±0",
        "web_links": web_links,
    }
    environment.globals |= {"plural": plural, "describe_refusal": describe_refusal}
    return environment


def _shown(value: Any) -> Any:  # whatever a template prints
    return value if isinstance(value, Markup) else visible(value)


def _escaped(value: Any) -> Markup:  # whatever a template prints
    return value if isinstance(value, Markup) else escape_markdown(value)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
