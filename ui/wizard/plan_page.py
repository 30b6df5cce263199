"""The plan before the launch: its drawing, what each node may touch, what will be asked and refused."""

import streamlit as st

from blocks.errors import BadInput, SomaError
from ui.wire_intake import Forecast, PlannedNode, Preview, SessionDetail
from ui.wizard import looks, steps
from ui.wizard.held import again, refreshed
from ui.wizard.links import go
from ui.wizard.shown import shown
from ui.wizard.trouble import say
from ui.wizard.visitor import hub, may
from ui.wizard.words import about_seconds, chip, e, label

COLOURS = (("quiet", "runs"), ("asks", "asks people"), ("bad", "will be refused"))
STAGES = {"plan.node": "planning it", "capsule.start": "starting it", "tool.call": "tool"}


def show(session: SessionDetail) -> None:
    """The plan, and the launch."""
    steps.tell()
    try:
        preview = hub().preview_session(session.id)
    except BadInput as error:
        _not_yet(refreshed(session), error)
        return
    _summary(preview)
    st.html(looks.of_preview(preview))
    st.html(looks.legend(COLOURS, {looks.look_of(node) for node in preview.nodes}))
    _launch(session, preview)
    st.html("<h2>What each node may touch</h2>")
    for node in preview.nodes:
        _node(node)
    _answers(preview)


def _not_yet(session: SessionDetail, error: BadInput) -> None:
    """Say what is missing or does not fit together, each with the way there."""
    st.warning("The plan cannot be made yet.")
    where = {question.id: step.title for step in session.steps for question in step.asked}
    for problem in session.problems:
        with st.container(horizontal=True, vertical_alignment="center", key=f"problem-{problem.question}"):
            st.html(f'<p class="problem">{e(problem.message)}</p>', width="content")
            if problem.question in where and st.button("Go there", key=f"mend-{problem.question}"):
                steps.move(session, where[problem.question])
                st.rerun()
    if not session.problems:
        st.html(f'<p class="problem">{e(error.message)}</p>')
    _back(session)


def _back(session: SessionDetail) -> None:
    asked = steps.asked_steps(session)
    if asked and st.button("Back", key="back"):
        steps.move(session, asked[-1].title)
        st.rerun()


def _summary(preview: Preview) -> None:
    asks = sum(node.asks for node in preview.nodes)
    refused = sum(node.refused for node in preview.nodes)
    parts = [f"{len(preview.nodes)} nodes", f"{asks} may ask people" if asks else "nobody is asked"]
    parts += [f"{refused} will be refused"] if refused else []
    parts += [f"at most {about_seconds(preview.deadline)}"] if preview.deadline else []
    st.html(f'<p class="note">{" · ".join(parts)} · {e(preview.constitution)}</p>')
    for warning in preview.warnings:
        st.warning(label(warning))


def _answers(preview: Preview) -> None:
    with st.expander("Your answers"):
        st.html(shown(preview.inputs) + f'<p class="faint">plan {e(preview.plan_digest)}</p>')


def _node(node: PlannedNode) -> None:
    mark = " · will be refused" if node.refused else " · asks people" if node.asks else ""
    with st.expander(label(f"{node.title}{mark}")):
        st.html(f'<p>{e(node.summary)}</p><p class="note">{_facts(node)}</p>')
        if node.approval is not None:
            who = " or ".join(map(e, node.approval.who)) or "anybody who may answer"
            st.html(
                f"<p>{chip('approve')} Before it runs: <b>{e(node.approval.question)}</b> "
                f"({e(node.approval.quorum)} of {who})</p>"
            )
        touched = {
            "tools": node.tools or None,
            "memory": ", ".join(node.memory) or None,
            "budget": node.budget or None,
            "needs": ", ".join(node.needs) or None,
        }
        st.html(shown({name: value for name, value in touched.items() if value is not None}))
        st.html("<h3>What the constitution says</h3>" + _forecasts(node.forecasts))


def _facts(node: PlannedNode) -> str:
    parts = [f"{e(node.capsule)} {e(node.version)}", f"runtime {e(node.runtime)}"]
    parts += [f"at most {about_seconds(node.timeout)}"] if node.timeout else []
    parts += [f"up to {node.attempts} tries"] if node.attempts > 1 else []
    parts += [f"becomes {e(node.becomes)}"] if node.becomes != "itself" else []
    parts += [f"only when {e(node.when)}"] if node.when else []
    return " · ".join(parts)


def _forecasts(forecasts: list[Forecast]) -> str:
    rows = "".join(map(_forecast, forecasts))
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>'


def _forecast(item: Forecast) -> str:
    what = f"{e(STAGES.get(item.stage, item.stage))} <b>{e(item.action)}</b>"
    why = f"<b>{e(item.article)}</b> {e(item.reason)} {e(item.mend)}"
    may_be = "".join(
        f"<br><span class='faint'>may be {e(one.verdict)} by {e(one.article)}: {e(one.reason)}</span>"
        for one in item.may
    )
    return f"<tr><td>{chip(item.verdict)}</td><td>{what}</td><td>{why}{may_be}</td></tr>"


def _launch(session: SessionDetail, preview: Preview) -> None:
    launch = preview.launch
    st.html(f"<p>{chip(launch.verdict)} <b>{e(launch.article)}</b> {e(launch.reason)} {e(launch.mend)}</p>")
    title = st.text_input("Name of the project", session.title, max_chars=200, key=f"title-{session.id}")
    with st.container(horizontal=True, key="ways"):
        _back(session)
        allowed = launch.verdict != "deny" and may("POST", f"/v1/sessions/{session.id}/launch")
        if st.button("Launch", type="primary", key="launch", disabled=not allowed):
            _do(session, preview, title.strip())


def _do(session: SessionDetail, preview: Preview, title: str) -> None:
    try:
        project = _launched(session, preview, title)
    except SomaError as error:
        say(error)
        return
    if project is None:
        steps.note("The answers have changed meanwhile. This is the plan that they give now.")
        st.rerun()
    st.session_state.pop("session", None)
    go("projects", project=project)


def _launched(session: SessionDetail, preview: Preview, title: str) -> str | None:
    """Launch what the page has shown, and return the project; None where the answers give another plan now.

    A press that was repeated while it was being done finds the project there.
    """
    client, now = hub(), again(session.id)
    if now.project is not None:
        return now.project
    if client.preview_session(now.id).plan_digest != preview.plan_digest:
        return None
    if title and title != now.title:
        now = client.title_session(now.id, title, version=now.version)
    return client.launch_session(now.id, version=now.version).id
