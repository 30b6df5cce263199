import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from prefect import flow

from blocks.audit.log import AuditLog
from blocks.constitution.source import ConstitutionSource
from blocks.context import Authority, RunContext, current, running
from blocks.errors import BadInput, Forbidden, NotFound, PolicyDenied, Unavailable
from blocks.memory.items import Draft, Selection
from blocks.memory.opening import open_memory
from blocks.records.database import Database, upgrade
from blocks.settings import load_settings
from blocks.signing_in.access_tokens import TokenKey
from capsules.environment import SHIPPED_CONSTITUTION
from tasks.memory import forget, get_value, recall, remember, set_value
from ui.gateway import memory as routes
from ui.gateway.auth import Doorkeeper, ensure_token
from ui.gateway.problems import answer_with_problems

SOURCE = "https://example.org/parser.git"
NODE = Authority(tools={}, memory=frozenset({"project", "repository"}), budget={})


@dataclass
class Gateway:
    folder: Path
    app: FastAPI
    loop: asyncio.AbstractEventLoop

    def count(self, selection: Selection) -> int:
        """How much the tenant of the gateway's token has of this."""
        counting = self.app.state.memory.count("default", selection)
        return int(asyncio.run_coroutine_threadsafe(counting, self.loop).result(30))


@dataclass(frozen=True)
class Court:
    """What the routes need of a hub."""

    constitution: ConstitutionSource
    audit: AuditLog
    database: Database


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    valkey_url: str,
    database_url: str,
    context_under: Callable[..., RunContext],
) -> Iterator[Gateway]:
    """The memory routes as the gateway serves them, with the hub's own token."""
    folder, app, loop = tmp_path_factory.mktemp("hub"), FastAPI(), asyncio.new_event_loop()
    answer_with_problems(app)
    app.include_router(routes.router)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = load_settings(data_dir=folder, redis_url=valkey_url)
    (folder / "soma.toml").write_text(f"gateway_port = {listener.getsockname()[1]}\n")
    app.state.doorkeeper = Doorkeeper(
        ensure_token(settings.token_path),
        "default",
        Database(settings.database_address),
        TokenKey.ensure(settings.keys_path),
    )
    asyncio.run(upgrade(database_url))
    context = context_under(SHIPPED_CONSTITUTION.read_text())
    app.state.hub = Court(context.constitution, context.audit, Database(database_url))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    async def serve() -> None:
        app.state.memory = await open_memory(settings)
        await server.serve([listener])
        await app.state.memory.close()
        await app.state.hub.database.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield Gateway(folder=folder, app=app, loop=loop)
    server.should_exit = True
    thread.join()
    loop.close()


@pytest.fixture
def play(
    gateway: Gateway, under: Callable[..., RunContext], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Runs a scene as a node of a project, under the constitution that ships with the hub."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(gateway.folder))
    shipped = SHIPPED_CONSTITUTION.read_text(encoding="utf-8")

    def run(scene: Callable[[], Coroutine[Any, Any, Any]], **fields: Any) -> Any:
        given = {"project": "prj_1", "node": "synthesis", "capsule": "synthesis", "authority": NODE} | fields
        with running(under(shipped, **given)):
            return asyncio.run(scene())

    return run


def test_a_node_remembers_and_another_project_recalls(play: Callable[..., Any]) -> None:
    """What one project remembers of a repository the next recalls, with where it came from."""
    note = Draft(text="The lexer has no tests.", labels=("finding",), data={"id": "f-1"})
    play(lambda: remember.fn([note], "repository", SOURCE))

    [hit] = play(lambda: recall.fn("which parts are untested?", "repository", SOURCE), project="prj_2")

    assert (hit.item.text, hit.item.data, hit.item.labels) == (note.text, note.data, note.labels)
    assert (hit.item.source.project, hit.item.source.node) == ("prj_1", "synthesis")
    assert play(lambda: recall.fn("untested", "repository", "https://example.org/other.git")) == []


def test_running_again_remembers_nothing_twice(play: Callable[..., Any], gateway: Gateway) -> None:
    """The same memories remembered again, as after a retry, are the same memories; another is one more."""
    notes = [Draft(text="twice", labels=("again",)), Draft(text="twice", labels=("again",), data=1)]

    first = play(lambda: remember.fn(notes, "repository", "again"))
    second = play(lambda: remember.fn(notes, "repository", "again"))

    assert first == second
    assert gateway.count(Selection(labels=("again",))) == 2


def test_values_by_key(play: Callable[..., Any]) -> None:
    """A value set for a subject is got for that subject and for no other."""
    play(lambda: set_value.fn("last-audit", {"score": 71}, "repository", SOURCE))

    assert play(lambda: get_value.fn("last-audit", "repository", SOURCE), project="prj_2") == {"score": 71}
    with pytest.raises(NotFound, match="last-audit"):
        play(lambda: get_value.fn("last-audit", "repository", "other"))


def test_the_project_scope_is_the_runs_own(play: Callable[..., Any]) -> None:
    """The scope `project` means the run's project, with or without its name, and never another."""
    play(lambda: remember.fn([Draft(text="for us")], "project"))

    assert len(play(lambda: recall.fn("us", "project", "prj_1"))) == 1
    assert play(lambda: recall.fn("us", "project"), project="prj_2") == []
    with pytest.raises(Forbidden, match="'prj_1' is not this project's"):
        play(lambda: recall.fn("us", "project", "prj_1"), project="prj_2")
    with pytest.raises(BadInput, match="outside of a project"):
        play(lambda: recall.fn("us", "project"), project=None)
    with pytest.raises(BadInput, match="needs a subject"):
        play(lambda: recall.fn("us", "repository"))


def test_forgetting_stays_in_the_scope(play: Callable[..., Any]) -> None:
    """Forgetting by label takes what is in the scope and leaves the same label elsewhere."""
    for subject in ("one", "two"):
        play(lambda subject=subject: remember.fn([Draft(text="x", labels=("old",))], "repository", subject))

    assert play(lambda: forget.fn("repository", "one", labels=["old"])) == 1
    assert play(lambda: forget.fn("repository", "one", labels=["old"])) == 0
    assert len(play(lambda: recall.fn("x", "repository", "two"))) == 1


def test_a_scope_that_was_not_planned_is_refused(play: Callable[..., Any], gateway: Gateway) -> None:
    """A node without the scope in its authority neither writes nor reads it."""
    narrow = Authority(tools={}, memory=frozenset({"project"}), budget={})

    for refused in (
        lambda: remember.fn([Draft(text="x", labels=("refused",))], "repository", SOURCE),
        lambda: recall.fn("x", "repository", SOURCE),
        lambda: set_value.fn("k", 1, "repository", SOURCE),
        lambda: get_value.fn("k", "repository", SOURCE),
        lambda: forget.fn("repository", SOURCE),
        lambda: recall.fn("x", "repository:plain"),
    ):
        with pytest.raises(PolicyDenied, match="memory scope 'repository"):
            play(refused, authority=narrow)

    assert gateway.count(Selection(labels=("refused",))) == 0


def test_a_secret_is_not_remembered(play: Callable[..., Any], gateway: Gateway) -> None:
    """A memory whose text looks like a secret is refused by the article that ships with the hub."""
    key = "AKIA" + "Q3EGRIPZ7XWVLK2M"

    with pytest.raises(PolicyDenied, match="secret"):
        play(lambda: remember.fn([Draft(text=f"the key is {key}", labels=("leak",))], "repository", SOURCE))

    assert gateway.count(Selection(labels=("leak",))) == 0


def test_without_a_hub_the_error_says_so(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A task whose hub is not there ends with what is missing and how to get it."""

    async def away() -> None:
        monkeypatch.setenv("SOMA_DATA_DIR", str(tmp_path))
        await recall.fn("x", "repository", SOURCE)

    with pytest.raises(Unavailable, match=r"admin\.token"):
        play(away)


@pytest.mark.slow
def test_in_a_flow_nothing_is_answered_from_a_cache(play: Callable[..., Any], prefect_api: str) -> None:
    """The same question twice in one flow run is asked twice, so it sees what was kept in between."""

    @flow
    async def two_looks() -> tuple[int, int]:
        before = await recall("fresh", "repository", "cached")
        await remember([Draft(text="fresh")], "repository", "cached")
        after = await recall("fresh", "repository", "cached")
        return len(before), len(after)

    assert play(two_looks) == (0, 1)


def test_a_memory_keeps_the_labels_of_what_it_was_made_from(play: Callable[..., Any]) -> None:
    """What came from a newsletter is known as that when another project recalls or gets it."""
    page = "The maintainers moved every release to the new build farm in Reykjavik last week."

    async def remember_page() -> None:
        context = current()
        assert context is not None
        context.trail.take(page, ("newsletter",), "fetch")
        await remember.fn([Draft(text=page, labels=("page",))], "repository", "labels")
        await set_value.fn("page", page, "repository", "labels")

    async def seen() -> list[frozenset[str]]:
        context = current()
        assert context is not None
        assert await recall.fn("build farm", "repository", "labels", labels=["page"])
        recalled = context.trail.labels_of({"body": page})["body"]
        return [frozenset(recalled), context.trail.seen]

    async def got() -> list[str]:
        context = current()
        assert context is not None
        value = await get_value.fn("page", "repository", "labels")
        return context.trail.labels_of({"body": value})["body"]

    play(remember_page)
    labels, everything = play(seen, project="prj_2")

    assert {"newsletter", "other_memory"} <= labels
    assert {"newsletter", "other_memory"} <= everything
    assert {"newsletter", "other_memory"} <= set(play(got, project="prj_2"))
    assert "memory" in play(seen)[1]
