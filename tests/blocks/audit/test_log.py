"""The audit log: nothing lost, nothing twice, in order, and a barrier that can be trusted."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from blocks.audit import log as log_module
from blocks.audit.log import AuditLog
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision
from blocks.constitution.source import nothing_allowed
from blocks.context import RunContext
from blocks.errors import Unavailable
from blocks.identity import Principal

NOBODY: Constitution = nothing_allowed("nothing is in force")


def decision(name: str = "x") -> Decision:
    return NOBODY.decide(Action(stage="task", name=name, facts={}))


class Store:
    """A sink that can be told to fail."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.failures = 0

    async def take(self, rows: list[dict[str, Any]]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is gone")
        await asyncio.sleep(0)
        self.rows += rows


@pytest.fixture
def log() -> Iterator[SimpleNamespace]:
    store = Store()
    log = AuditLog(store.take)
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=None,
        audit=log,
        project="prj_1",
        node="security",
        attempt=2,
        capsule="security",
    )
    yield SimpleNamespace(store=store, log=log, context=context)
    store.failures = 0
    asyncio.run(log.close())


def test_a_row_says_who_did_what_where_under_which_constitution(log):
    """All that the contract names is there; without an action, arguments only as their digest."""
    made = decision("bandit.scan")
    log.log.record(made, log.context, {"path": "secret place"}, labels=["request"])
    log.log.flush_blocking()

    row = log.store.rows[0]
    assert row | {"articles": [], "arguments_sha256": ""} == {
        "id": made.id,
        "kind": "decision",
        "tenant": "acme",
        "principal": {"name": "ada", "kind": "user", "roles": [], "on_behalf_of": None},
        "project": "prj_1",
        "node": "security",
        "attempt": 2,
        "capsule": {"name": "security", "version": "", "digest": ""},
        "stage": "task",
        "action": "bandit.scan",
        "verdict": "deny",
        "articles": [],
        "constitution": made.constitution,
        "arguments_sha256": "",
        "labels": ["request"],
        "at": made.at.isoformat(),
    }
    assert row["articles"][0]["reason"] == "nothing is in force"
    assert len(row["arguments_sha256"]) == 64
    assert "secret place" not in str(row)


def test_a_row_keeps_the_facts_as_they_were_when_it_was_decided(log):
    """Whatever a caller does to its arguments afterwards, the record has what was judged."""
    arguments = {"path": "before", "more": [1, 2]}
    action = Action(stage="task", name="x", facts={"task": {"name": "x", "arguments": arguments}})
    log.log.record(NOBODY.decide(action), log.context, arguments, action)
    arguments["path"] = "after"
    arguments["more"].append(3)
    log.log.flush_blocking()

    assert log.store.rows[0]["facts"]["task"]["arguments"] == {"path": "before", "more": [1, 2]}


def test_a_note_is_a_record_of_another_kind_in_the_same_order(log):
    """Outcomes, purges and installs queue up behind the decisions they follow."""
    log.log.record(decision("one"), log.context, {})
    noted = log.log.note("memory", "acme", event="purged", scope="project", count=3, by="ada")
    log.log.record(decision("two"), log.context, {})
    log.log.flush_blocking()

    assert [row["kind"] for row in log.store.rows] == ["decision", "memory", "decision"]
    assert log.store.rows[1]["id"] == noted
    assert log.store.rows[1]["count"] == 3


def test_rows_are_stored_without_being_asked(log):
    """The background flusher stores them soon."""
    log.log.record(decision(), log.context, {})
    for _ in range(200):
        if log.store.rows:
            break
        threading.Event().wait(0.02)

    assert len(log.store.rows) == 1


def test_the_barrier_covers_all_that_was_recorded_before_it_from_every_thread(log):
    """Four threads record and flush at once: each row is stored once, each thread's in its order."""

    def work(number: int) -> None:
        for index in range(1000):
            log.log.record(decision(f"{number}-{index}"), log.context, {})
            if index % 250 == 249:
                log.log.flush_blocking()
                done = {row["action"] for row in list(log.store.rows)}
                assert {f"{number}-{before}" for before in range(index + 1)} <= done

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.log.flush_blocking()

    actions = [row["action"] for row in log.store.rows]
    assert len(actions) == len(set(actions)) == 4000
    for number in range(4):
        own = [int(action.partition("-")[2]) for action in actions if action.startswith(f"{number}-")]
        assert own == list(range(1000))


def test_a_failing_sink_raises_at_the_barrier_and_keeps_the_rows(log):
    """What could not be stored is stored by a later barrier, in order."""
    log.store.failures = 1
    log.log.record(decision("one"), log.context, {})
    with pytest.raises(ConnectionError):
        asyncio.run(log.log.flush())
    log.log.record(decision("two"), log.context, {})
    asyncio.run(log.log.flush())

    assert [row["action"] for row in log.store.rows] == ["one", "two"]


def test_the_barrier_works_on_a_loop_whose_thread_is_blocked(log):
    """Sync code called on an event loop can wait for it; nothing waits for itself."""

    async def body() -> None:
        log.log.record(decision(), log.context, {})
        log.log.flush_blocking(5)

    asyncio.run(body())

    assert len(log.store.rows) == 1


def test_two_loops_can_wait_at_once(log):
    """The log belongs to no caller's loop."""

    async def body() -> None:
        log.log.record(decision(), log.context, {})
        await log.log.flush()

    threads = [threading.Thread(target=asyncio.run, args=(body(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(log.store.rows) == 4


def test_an_empty_barrier_returns_at_once(log):
    """Nothing recorded, nothing to wait for, no thread started."""
    asyncio.run(log.log.flush())

    assert log.log._thread is None


def test_a_closed_log_records_nothing_more(log):
    """So whatever is asked afterwards is denied, not lost."""
    log.log.record(decision(), log.context, {})
    asyncio.run(log.log.close())

    assert len(log.store.rows) == 1
    with pytest.raises(Unavailable):
        log.log.record(decision(), log.context, {})


def test_closing_with_a_failing_sink_says_so(log):
    """The rows that could not be stored are not silently dropped."""
    log.store.failures = 10
    log.log.record(decision(), log.context, {})

    with pytest.raises(ConnectionError):
        asyncio.run(log.log.close())


def test_a_log_that_cannot_be_written_stops_decisions(log, monkeypatch):
    """The queue is bounded by refusing, never by forgetting."""
    monkeypatch.setattr(log_module, "MOST_WAITING", 3)
    log.store.failures = 1000
    for _ in range(3):
        log.log.record(decision(), log.context, {})

    with pytest.raises(Unavailable):
        log.log.record(decision(), log.context, {})
    assert log.log.waiting == 3
    log.store.failures = 0


def test_the_end_of_the_process_stores_what_nobody_flushed(tmp_path):
    """A script that forgets to close loses nothing."""
    script = f"""
from pathlib import Path
from types import SimpleNamespace
from blocks.audit.log import AuditLog
from blocks.constitution.decisions import Action
from blocks.constitution.source import nothing_allowed
from blocks.identity import Principal
async def take(rows):
    with open({str(tmp_path / "rows")!r}, "a") as file:
        file.writelines(row["id"] + "\\n" for row in rows)
context = SimpleNamespace(tenant="t", project=None, node=None, attempt=None, capsule=None,
                          capsule_version=None,
                          principal=Principal(tenant="t", name="ada"))
log = AuditLog(take)
for _ in range(700):
    log.record(nothing_allowed("no").decide(Action(stage="task", name="x", facts={{}})), context, {{}})
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path.cwd())

    assert len((tmp_path / "rows").read_text().splitlines()) == 700


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_stores_its_own_rows_only(log, tmp_path):
    """The parent's waiting rows stay the parent's, and the child's log works."""
    log.store.failures = 1
    log.log.record(decision("parent"), log.context, {})
    child = os.fork()
    if child == 0:
        log.store.failures, log.store.rows = 0, []
        log.log.record(decision("child"), log.context, {})
        log.log.flush_blocking(5)
        (tmp_path / "child").write_text(",".join(row["action"] for row in log.store.rows))
        os._exit(0)
    os.waitpid(child, 0)
    log.store.failures = 0
    log.log.flush_blocking()

    assert (tmp_path / "child").read_text() == "child"
    assert [row["action"] for row in log.store.rows] == ["parent"]
