import io
import threading
import time

import pytest
from rich.console import Console

from ui.cli.attend import attend
from ui.cli.demo import demo
from ui.cli.live import Screen, watch

SYNTHESIS = {
    "score": 86,
    "grade": "B",
    "summary": "It is in good shape.",
    "areas": [{"title": "Secrets", "score": 100, "headline": "None found.", "change": 3}],
    "actions": [{"rank": 1, "title": "Pin what is not pinned", "places": ["requirements.txt:3"]}],
    "refused": {"tests": "article A-3: not this"},
}


@pytest.fixture
def waiting(gateway):
    """A project that waits for an answer about an audit; its driver ends it once it has one."""
    project = gateway.project()
    asked = gateway.question(project, details={"commit": "abc", "synthesis": SYNTHESIS})
    gateway.node(project.id, "first", state="completed")
    gateway.move(project.id, "awaiting_approval")
    ended = threading.Event()

    def drive():
        client = gateway.client()
        while not ended.is_set():
            state = client.approval(asked.id).state
            if state != "pending":
                gateway.node(project.id, "second", state="completed" if state == "approved" else "denied")
                gateway.move(project.id, "completed" if state == "approved" else "denied", reason=None)
                return
            time.sleep(0.05)

    driver = threading.Thread(target=drive, daemon=True)
    driver.start()
    yield project.id, asked.id
    ended.set()
    driver.join(20)


def terminal(monkeypatch, typed="") -> Console:
    """A terminal at which somebody types."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)


def written(console: Console) -> str:
    return console.file.getvalue()


def test_yes_approves_and_follows_to_the_end(gateway, waiting):
    """With `--yes` the question is answered without asking, and the outcome is told with its scores."""
    console = Console(file=io.StringIO(), width=120)

    assert attend(gateway.client(), waiting[0], console, yes=True) == 0
    said = written(console)
    assert f"approved: May it be published? ({waiting[1]})" in said
    assert "overall 86 of 100, grade B" in said
    assert said.count("First things") == 1


def test_nobody_at_the_terminal_is_told_how_to_answer(gateway, waiting):
    """Without a terminal and without `--yes` the command ends with 3, and the question stays open."""
    console = Console(file=io.StringIO(), width=120)

    assert attend(gateway.client(), waiting[0], console, yes=False, hub_stays=False) == 3
    said = written(console)
    assert "  soma up\n" in said
    assert f"  soma approve {waiting[1]}" in said
    assert gateway.client().approval(waiting[1]).state == "pending"


@pytest.mark.parametrize(
    ("typed", "code", "state"),
    [("yes\n", 0, "approved"), ("no\n", 1, "rejected"), ("later\n", 3, "pending"), ("\n", 3, "pending")],
)
def test_a_person_is_shown_what_is_asked(gateway, waiting, monkeypatch, typed, code, state):
    """At a terminal the question shows scores and first things to do, and takes yes, no or later."""
    console = terminal(monkeypatch, typed)

    assert attend(gateway.client(), waiting[0], console, yes=False) == code
    said = written(console)
    for shown in ("May it be published?", "86 of 100", "Pin what is not pinned", "requirements.txt:3", "A-3"):
        assert shown in said
    assert gateway.client().approval(waiting[1]).state == state


def test_somebody_else_may_be_faster(gateway, waiting, monkeypatch):
    """A question that was answered while it was looked at is no error: the project is followed on."""
    gateway.move(waiting[0], "awaiting_approval")
    console = terminal(monkeypatch, "no\n")
    real = gateway.client()

    class Slow:
        """Answers only after somebody else did."""

        def __getattr__(self, name):
            return getattr(real, name)

        def answer(self, approval, verdict, comment=""):
            real.answer(approval, "approve")
            return real.answer(approval, verdict, comment)

    assert attend(Slow(), waiting[0], console, yes=False) == 0
    assert "already approved" in written(console)


def test_the_live_view_shows_the_nodes_in_order(gateway, monkeypatch):
    """At a terminal the board shows every node with its state and what it needs, and redraws itself."""
    project = gateway.project()
    console = terminal(monkeypatch)

    watch(gateway.client(), project.id, Screen(console), until=lambda _: True)

    said = written(console)
    assert said.index("First things") < said.index("The second")
    assert "needs First things" in said


def test_every_change_is_a_line_where_nobody_looks(gateway):
    """Without a terminal each change of a node is one line, told once."""
    project = gateway.project()
    console = Console(file=io.StringIO(), width=120)
    watcher = threading.Thread(
        target=watch, args=(gateway.client(), project.id, Screen(console), lambda _: False), daemon=True
    )
    watcher.start()
    gateway.node(project.id, "first", state="running", attempt=1)
    while "First things" not in written(console) and watcher.is_alive():
        time.sleep(0.02)
    gateway.node(project.id, "first", state="denied", reason="article A-3: no")
    gateway.move(project.id, "denied", reason="first was refused")
    watcher.join(20)

    lines = written(console).splitlines()
    assert "First things · running" in lines
    assert lines.count("First things · denied · article A-3: no") == 1
    assert lines[-1] == f"project {project.id} denied: first was refused"


def test_what_happened_at_once_is_looked_at_once(gateway):
    """Of thirty events that are told together, the first makes the view look; it knows the others then."""
    project = gateway.project()
    real = gateway.client()
    looks = []

    class Counted:
        """Counts the looks, and lets much happen after the first."""

        def __getattr__(self, name):
            return getattr(real, name)

        def project(self, name):
            looks.append(real.project(name))
            if len(looks) == 1:
                for number in range(30):
                    gateway.node(name, "first", state="running", attempt=number)
                gateway.move(name, "failed", reason="enough")
            return looks[-1]

    last = watch(Counted(), project.id, Screen(Console(file=io.StringIO())), until=lambda _: False)

    assert last.state == "failed"
    assert len(looks) <= 3


def test_a_wrong_repository_starts_no_hub(run, data_dir, tmp_path):
    """The demo refuses what is no repository before anything is started or written."""
    said = run("demo", "--repo", str(tmp_path))

    assert said.code == 2
    assert "is not a git repository" in said.err
    assert not data_dir.exists()
    assert demo.__doc__
