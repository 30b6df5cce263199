import hashlib
import json

import pytest


def test_without_a_project_status_lists_them(soma, gateway):
    """`soma status` lists the projects, newest first, as text or as JSON."""
    older, newer = gateway.project(title="Older one"), gateway.project(title="Newer one")

    text, told = soma("status").out, json.loads(soma("status", "--json").out)

    assert text.index(newer.id) < text.index(older.id)
    assert "Newer one" in text
    assert [found["id"] for found in told[:2]] == [newer.id, older.id]


def test_status_shows_the_nodes_of_a_project(soma, gateway):
    """One project is shown with its nodes in order, what each needs, and why one was refused."""
    project = gateway.project()
    gateway.node(project.id, "first", state="denied", reason="article A-3: not this")
    asked = gateway.question(project)

    said = soma("status", project.id)

    assert said.code == 0
    assert said.out.index("First things") < said.out.index("The second")
    assert "article A-3: not this" in said.out
    assert "needs First things" in said.out
    assert f"soma approve {asked.id}" in said.out


def test_a_wrong_project_is_one_line(soma):
    """A mistake of the user is one readable line on stderr and exit code 2."""
    said = soma("status", "prj_nope")

    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("error: there is no project 'prj_nope'")


def test_launch_plans_and_tells_the_id(soma, gateway, tmp_path):
    """`soma launch` answers with the project's id on a line of its own."""
    (tmp_path / ".git").mkdir()

    said = soma("launch", "repository-audit", "--repo", str(tmp_path))

    assert said.code == 0, said.err
    project = gateway.client().project(said.out.splitlines()[0])
    assert project.inputs == {"repository": str(tmp_path)}
    assert project.state == "running"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("launch", "nope"), "there is no blueprint 'nope'"),
        (("launch", "repository-audit"), "inputs.repository"),
        (("launch", "repository-audit", "-i", "repository"), "--input takes NAME=VALUE"),
        (("launch", "repository-audit", "-i", "a=1", "-i", "a=2"), "names 'a' twice"),
        (("launch", "repository-audit", "--repo", "/nowhere/at/all"), "there is no folder"),
        (("launch", "repository-audit", "--repo", "/"), "is not a git repository"),
        (("approve", "apr_x"), "there is no approval 'apr_x'"),
        (("artifacts", "prj_x"), "there is no project 'prj_x'"),
        (("logs", "nobody"), "there is no log of 'nobody'"),
        (("logs", "prj_x"), "there is no project 'prj_x'"),
        (("status", "--watch", "prj_x"), "there is no project 'prj_x'"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(soma, arguments, message):
    """Whatever the user got wrong is said on one line, without a traceback."""
    said = soma(*arguments)

    assert said.code == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_questions_are_listed_and_answered(soma, gateway):
    """Questions wait in `soma approvals`, are shown in full, and take one answer."""
    project = gateway.project()
    asked = gateway.question(project)

    assert asked.id in soma("approvals").out
    assert "sha256:def" in soma("approvals", asked.id).out
    assert "approved: May it be published?" in soma("approve", asked.id, "--comment", "fine").out
    assert asked.id not in soma("approvals").out
    assert asked.id in soma("approvals", "--all").out
    again = soma("reject", asked.id)
    assert (again.code, "already approved by admin" in again.err) == (2, True)


@pytest.fixture
def delivered(gateway):
    """A completed project with one report."""
    content = b"<h1>\x00binary</h1>"
    folder = gateway.settings.deliverables_path
    folder.mkdir(exist_ok=True)
    (folder / "it.html").write_bytes(content)
    entry = {
        "name": "report.html",
        "path": "it.html",
        "media_type": "text/html",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    project = gateway.project()
    gateway.move(project.id, "completed", deliverables=[entry])
    return project.id, content


def test_artifacts_are_listed_and_fetched(soma, delivered, tmp_path):
    """Deliverables are listed, written to a file, into a folder, or to the terminal as they are."""
    project, content = delivered

    assert "report.html" in soma("artifacts", project).out
    assert soma("artifacts", project, "report.html", "--output", str(tmp_path / "mine.html")).code == 0
    assert soma("artifacts", project, "--output", str(tmp_path / "all")).code == 0
    assert (tmp_path / "mine.html").read_bytes() == (tmp_path / "all" / "report.html").read_bytes() == content
    assert soma("artifacts", project, "report.html", "--output", "-").out.encode() == content


def test_a_changed_artifact_is_not_passed_on(soma, gateway, delivered, tmp_path):
    """A file that is no longer what the project published is refused and not written."""
    project, content = delivered
    (gateway.settings.deliverables_path / "it.html").write_bytes(content[::-1])

    said = soma("artifacts", project, "report.html", "--output", str(tmp_path / "mine.html"))

    assert said.code == 1
    assert "its digest differs" in said.err
    assert not (tmp_path / "mine.html").exists()


def test_an_unknown_artifact_names_those_there_are(soma, delivered):
    """A wrong name is answered with the right ones."""
    said = soma("artifacts", delivered[0], "nope")

    assert (said.code, "it has: report.html" in said.err) == (2, True)


def test_control_characters_are_shown_and_not_obeyed(soma, gateway):
    """Text from strangers cannot move the cursor, colour the terminal or use markup."""
    project = gateway.project(title="\x1b[31mred\x07 [bold]b[/bold]")
    gateway.node(project.id, "first", state="failed", reason="line\nbreak\x1b]0;title\x07")

    said = soma("status", project.id).out + soma("status").out

    assert "\x1b" not in said
    assert "\x07" not in said
    assert "\\x1b[31mred\\x07 [bold]b[/bold]" in said
    assert "line\\nbreak" in said


def test_watching_a_project_that_ends(soma, gateway, delivered):
    """Watching a project that has ended tells its outcome; the exit code is the project's."""
    project, _ = delivered
    failed = gateway.project()
    gateway.move(failed.id, "failed", reason="survey failed: it broke")
    bad = gateway.project()
    gateway.node(bad.id, "first", state="failed", reason="bad input: not a git repository")
    gateway.move(bad.id, "failed", reason="first failed: bad input: not a git repository")

    assert soma("status", project, "--watch").code == 0
    said = soma("status", failed.id, "--watch")
    assert (said.code, "survey failed: it broke" in said.out) == (1, True)
    assert soma("status", bad.id, "--watch").code == 2


def test_logs_of_a_part_are_readable(soma, gateway):
    """The JSON lines of a component are shown as people read them, the last ones first asked for."""
    folder = gateway.settings.logs_path
    folder.mkdir(exist_ok=True)
    lines = [
        {"at": "2026-01-01T10:00:00+00:00", "component": "worker", "line": f"number {number}"}
        for number in range(5)
    ]
    text = (
        "\n".join(json.dumps(line) for line in lines)
        + '\nnot json\n[1]\n{"message": "m", "level": "ERROR"}\n'
    )
    (folder / "worker.log").write_text(text)

    said = soma("logs", "worker", "--lines", "5").out

    assert "worker" in soma("logs").out
    assert said.splitlines()[:2] == ["10:00:00 number 3", "10:00:00 number 4"]
    assert "not json" in said
    assert "ERROR m" in said
