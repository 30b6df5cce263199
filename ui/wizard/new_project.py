"""A new project: what is wanted, the blueprint's questions step by step, a look at the plan, the launch."""

import streamlit as st

from blocks.errors import SomaError
from ui.wire_intake import MOST_REQUEST, Match, SessionDetail
from ui.wizard import plan_page, steps
from ui.wizard.held import held, hold
from ui.wizard.links import go, link
from ui.wizard.trouble import say
from ui.wizard.visitor import hub, may
from ui.wizard.words import ago, e, label


def show() -> None:
    if not may("POST", "/v1/sessions"):
        st.html(
            '<h1>New project</h1><p class="lead">Your roles let you look at projects, not begin them.</p>'
        )
        return
    chosen = st.query_params.get("session")
    if chosen:
        _go_on(held(chosen))
    else:
        _begin()


def _begin() -> None:
    st.html("<h1>New project</h1><h2>Say what you want</h2>")
    request = st.text_area(
        "What do you want?",
        key="request",
        max_chars=MOST_REQUEST,
        height=120,
        label_visibility="collapsed",
        placeholder="For example: audit https://example.org/shop.git",
    )
    if st.button("Find what fits", type="primary", key="find"):
        if request.strip():
            _new(request=request)
        else:
            st.warning("Say in a sentence what you want, or choose a blueprint below.")
    st.html("<h2>Or choose a blueprint</h2>")
    for blueprint in hub().blueprints():
        with st.container(border=True, key=f"blueprint-{blueprint['name']}"):
            st.html(f"<h3>{e(blueprint['title'])}</h3><p>{e(blueprint['summary'])}</p>")
            if st.button("Begin", key=f"begin-{blueprint['name']}"):
                _new(blueprint=blueprint["name"])
    _unfinished()


def _new(*, blueprint: str | None = None, request: str = "") -> None:
    try:
        session = hub().new_session(blueprint=blueprint, request=request)
    except SomaError as error:
        say(error)
        return
    hold(session)
    go("new", session=session.id)


def _unfinished() -> None:
    waiting = [session for session in hub().sessions() if session.state == "open"]
    if waiting:
        st.html("<h2>Go on with</h2>")
    for session in waiting:
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            border=True,
            key=f"open-{session.id}",
        ):
            link(session.title, "new", session=session.id)
            st.html(f'<span class="note">last worked on {ago(session.updated_at)}</span>', width="content")


def _go_on(session: SessionDetail) -> None:
    if session.project is not None:
        st.html(f'<h1>{e(session.title)}</h1><p class="lead">This was launched.</p>')
        link("See the project", "projects", project=session.project)
        return
    st.html(f"<h1>{e(session.title)}</h1>")
    if session.request.strip() not in {"", session.title}:
        st.html(f'<blockquote class="text">{e(session.request[:600])}</blockquote>')
    if session.blueprint is None:
        _choose(session)
    elif steps.at(session) == steps.PLAN:
        steps.trail(session)
        plan_page.show(session)
    else:
        steps.trail(session)
        steps.show(session)
    _side_ways(session)


def _choose(session: SessionDetail) -> None:
    """Nothing fits well enough to be picked unasked."""
    st.html('<p class="lead">Which of these is it?</p>')
    for match in session.matches:
        _match(session, match)


def _match(session: SessionDetail, match: Match) -> None:
    with st.container(border=True, key=f"match-{match.blueprint}"):
        found = "".join(f"<li>{e(guess.text)} <b>{e(guess.answer)}</b></li>" for guess in match.guesses)
        filled = f"<p>Found in what you wrote:</p><ul>{found}</ul>" if found else ""
        st.html(f"<h3>{e(match.title)}</h3><p>{e(match.summary)}</p>{filled}")
        if st.button("This one", key=f"pick-{match.blueprint}"):
            _pick(session, match.blueprint)


def _pick(session: SessionDetail, blueprint: str) -> None:
    try:
        hold(hub().pick_blueprint(session.id, blueprint, version=session.version))
    except SomaError as error:
        say(error)
    else:
        steps.forget(session)
        st.rerun()


def _side_ways(session: SessionDetail) -> None:
    """Another blueprint, or none of this at all."""
    with st.container(horizontal=True, key="sideways"):
        others = [match for match in session.matches if match.blueprint != session.blueprint]
        if session.blueprint is not None and others:
            with st.popover("Something else fits better", type="tertiary"):
                for match in others:
                    if st.button(label(match.title), key=f"other-{match.blueprint}"):
                        _pick(session, match.blueprint)
        with st.popover("Discard", type="tertiary"):
            st.html("<p>The answers are forgotten.</p>")
            if st.button("Discard it", key="discard"):
                _discard(session)


def _discard(session: SessionDetail) -> None:
    try:
        hub().discard_session(session.id)
    except SomaError as error:
        say(error)
    else:
        go("home")
