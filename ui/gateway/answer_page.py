"""The page of a link to answer by: plain HTML without scripts, which shows exactly what will be done."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi.responses import HTMLResponse

from blocks.constitution.detectors.secrets import redacted
from blocks.plain import plain
from blocks.records.approvals import bound_to
from blocks.records.notice_tables import AnswerLink
from blocks.records.tables import Approval, Project

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
body{color:#1a1a1a;background:#fff}
pre{background:#f4f4f4;padding:1rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
dt{font-weight:600;margin-top:.6rem}dd{margin:0;overflow-wrap:anywhere}
textarea{width:100%;box-sizing:border-box;font:inherit}label{display:block;margin-top:1rem}
button{font:inherit;padding:.5rem 1rem;margin:1rem .5rem 0 0}
"""
CHOICES = {"approve": "Approve", "reject": "Reject", "changes": "Ask for changes"}


def question_page(link: AnswerLink, approval: Approval, project: Project, missing: list[str]) -> HTMLResponse:
    """What is asked, everything that will be done, and three buttons."""
    facts = {
        "Project": f"{project.title} ({project.id})",
        "Node": approval.node,
        "Asked for by": approval.requested_by,
        "Needed": "; ".join(missing) or "nothing more",
        "You answer as": link.person,
        "Open until": f"{link.expires_at:%Y-%m-%d %H:%M} UTC, once",
        "Bound to": bound_to(approval),
    }
    return _page("A question for you", "".join(_question(approval, facts)), 200)


def message_page(title: str, text: str, status: int) -> HTMLResponse:
    """A page that says one thing."""
    return _page(title, f"<p>{escape(text)}</p>", status)


def _question(approval: Approval, facts: Mapping[str, str]) -> Iterator[str]:
    yield f"<h2>{escape(approval.question)}</h2><dl>"
    for name, value in facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl><h3>What will be done</h3>" + _code(approval.details)
    if approval.edited:
        yield "<h3>With these arguments instead</h3>" + _code(approval.edited)
    if approval.votes:
        said = [{name: vote.get(name) for name in ("by", "verdict", "comment")} for vote in approval.votes]
        yield "<h3>Answers so far</h3>" + _code(said)
    yield (
        '<form method="post"><label>Comment (with “Ask for changes”: what is to be changed)'
        '<textarea name="comment" rows="4" maxlength="4000"></textarea></label>'
    )
    for verdict, word in CHOICES.items():
        yield f'<button name="verdict" value="{verdict}">{word}</button>'
    yield "</form>"


def _code(value: Any) -> str:
    text = json.dumps(plain(redacted(plain(value))), indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"


def _page(title: str, body: str, status: int) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)} · SomaAgentHub</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(html, status, headers=HEADERS)
