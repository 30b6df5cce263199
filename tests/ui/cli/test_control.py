"""`soma projects`: what it prints, and how it fails."""

import json

import pytest


def ended(gateway):
    project = gateway.project()
    for node in ("first", "second"):
        gateway.node(project.id, node, state="completed", result={"path": node}, attempt=1)
    gateway.move(project.id, "completed")
    return project.id


def test_pause_resume_cancel_and_show(soma, gateway):
    """Each says in one line how the project stands and what is wanted of it."""
    project = gateway.project().id
    gateway.move(project, "awaiting_approval")
    paused = soma("projects", "pause", project, "--reason", "it rains")
    resumed = soma("projects", "resume", project)
    shown = soma("projects", "show", project)
    deadline = soma("projects", "deadline", project, "--in", "2h")
    cancelled = soma("projects", "cancel", project)

    assert (paused.code, paused.out.strip()) == (0, f"{project}  paused  pause wanted by admin: it rains")
    assert (resumed.code, resumed.out.strip()) == (0, f"{project}  running")
    assert shown.code == 0
    assert "The second" in shown.out
    assert "deadline 20" in deadline.out
    assert "cancelling  cancel wanted by admin" in cancelled.out


def test_rerun_fork_and_the_history_of_a_node(soma, gateway):
    """The nodes that are done anew are named; a fork's id stands alone on standard output."""
    project = ended(gateway)
    done = soma("projects", "rerun", project, "--from", "second")
    history = soma("projects", "show", project, "--node", "second")
    made = soma("projects", "fork", project, "--from", "second", "--title", "Other way")
    listed = soma("projects", "list", "--json")

    assert "1 node is done anew: second" in done.out
    assert "generation 1 was completed; done anew by admin" in history.out
    assert made.out.strip().startswith("prj_")
    assert "takes over 1 results: first" in made.err
    assert made.out.strip() in {found["id"] for found in json.loads(listed.out)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pause", "prj_none"], "there is no project"),
        (["resume", "{ended}"], "has ended"),
        (["rerun", "{ended}", "--from", "third"], "has no node 'third'"),
        (["rerun", "{ended}", "--from", "first", "-i", "colour=red"], "no argument 'colour'"),
        (["deadline", "{ended}"], "say one of"),
        (["deadline", "{ended}", "--in", "soon"], "--in: 'soon' is no duration"),
        (["deadline", "{ended}", "--at", "noon"], "--at: 'noon' is no moment"),
        (["show", "{ended}", "--node", "third"], "has no node"),
    ],
)
def test_mistakes_end_as_one_line_and_code_2(soma, gateway, arguments, words):
    """The line says what is wrong and never shows a traceback."""
    project = ended(gateway)
    said = soma("projects", *(word.format(ended=project) for word in arguments))

    assert said.code == 2
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 1
