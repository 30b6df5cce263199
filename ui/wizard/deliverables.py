"""What a project hands over: shown in place where that is safe, and for download."""

import base64
import json
from functools import partial

import streamlit as st
from markdown_it import MarkdownIt

from blocks.errors import SomaError
from ui.cli.terminal import plain, size
from ui.wire import Artifact, ProjectDetail
from ui.wizard import present
from ui.wizard.sign_ins import SignIn
from ui.wizard.trouble import say
from ui.wizard.visitor import visitor
from ui.wizard.words import label

LARGEST = 1_000_000
"""Bytes of a deliverable that is shown in place; larger ones are for download. Browsers follow no address of
more than two million characters."""
TALL = 720
CSP = "Content-Security-Policy"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
STYLE = (
    "body{font:16px/1.6 system-ui,Segoe UI,Roboto,Arial,sans-serif;color:#1f2933;max-width:46rem;"
    "margin:1rem auto;padding:0 1rem}pre,code{background:#f5f6f8;border-radius:4px}pre{padding:.8rem;"
    "overflow:auto}table{border-collapse:collapse}td,th{border:1px solid #dfe3e8;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}img{max-width:100%}"
)


def show(view: ProjectDetail) -> None:
    """The deliverables, one of them in place."""
    if not view.deliverables:
        st.html('<p class="faint">Nothing has been delivered yet.</p>')
        return
    for item in view.deliverables:
        _line(view.id, item)
    can = [item.name for item in view.deliverables if showable(item)]
    if not can:
        return
    chosen = st.selectbox(
        "Show in place",
        can,
        index=can.index(first) if (first := _first(can)) else None,
        format_func=plain,
        placeholder="Choose one",
        key=f"shown-{view.id}",
    )
    if chosen is not None:
        _in_place(view.id, next(item for item in view.deliverables if item.name == chosen))


def _line(project: str, item: Artifact) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"file-{item.name}"):
        st.download_button(
            label(f"{item.name} ({size(item.size)})"),
            partial(_content, visitor(), project, item.name),
            file_name=item.name,
            mime=item.media_type,
            on_click="ignore",
            key=f"download-{project}-{item.name}",
            icon=":material/download:",
        )


def _content(person: SignIn, project: str, name: str) -> bytes:
    """The file; asked for when the button is pressed, which is outside of any page."""
    return present.sign_ins().fresh(person).artifact(project, name)


def _first(names: list[str]) -> str | None:
    """What most people want to read first."""
    for end in (".html", ".md", ".txt"):
        for name in names:
            if name.endswith(end):
                return name
    return None


def showable(item: Artifact) -> bool:
    """Whether it can be shown in place."""
    kind = item.media_type.partition(";")[0].strip()
    texts = kind.startswith("text/") or kind.endswith(("/json", "+json"))
    return item.size <= LARGEST and (texts or kind in IMAGES)


def _in_place(project: str, item: Artifact) -> None:
    try:
        content = _content(visitor(), project, item.name)
    except SomaError as error:
        say(error)
        return
    kind = item.media_type.partition(";")[0].strip()
    if kind in IMAGES:
        st.image(content, caption=label(item.name))
        return
    text = content.decode("utf-8", "replace")
    if kind == "text/html":
        st.iframe(framed(text), height=TALL, alt=item.name)
    elif kind == "text/markdown":
        page = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
        st.iframe(framed(f"<style>{STYLE}</style>{page}"), height=TALL, alt=item.name)
    elif kind.endswith("json"):
        st.code(_pretty(text), language="json", height=TALL)
    else:
        st.code(text, language=None, height=TALL)


def framed(page: str) -> str:
    """The address of a document that shows the page and lets it do nothing.

    It has an origin of its own, and its first words are a policy that nothing after them can take back: no
    scripts, no forms, nothing fetched.
    """
    whole = f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="{CSP}" content="{POLICY}">{page}'
    return "data:text/html;base64," + base64.b64encode(whole.encode()).decode()


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
