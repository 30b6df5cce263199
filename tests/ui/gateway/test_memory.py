import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from blocks.audit.log import AuditLog
from blocks.constitution.document import parse_constitution
from blocks.constitution.source import ConstitutionSource
from blocks.errors import BadInput, NotFound, Unauthenticated, Unavailable
from blocks.identity import Principal
from blocks.memory.block import Memory, local_memory
from blocks.memory.items import Draft, Selection, Source
from blocks.memory.opening import open_memory
from blocks.records.database import Database, upgrade
from blocks.settings import load_settings
from ui.gateway import memory as routes
from ui.gateway.problems import answer_with_problems

ROOT = "/v1/memory"
NOBODY = "a token nobody has"


class Door:
    """Two tenants, each with a token that is its name."""

    async def principal(self, token: str) -> Principal:
        if token not in {"tenant-a", "tenant-b"}:
            raise Unauthenticated
        return Principal(tenant=token, name=token, roles=frozenset({"admin"}))


ALLOW = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: test, version: "1.0.0"}
default: allow
articles:
  - {id: W, title: t, stages: [memory.write], verdict: deny, when: "memory.scope == 'closed'",
     reason: not here}
  - {id: R, title: t, stages: [memory.read], verdict: deny, when: "memory.scope == 'closed'",
     reason: nor there}
  - {id: S, title: t, stages: [memory.write], verdict: redact, when: has_secret(task.arguments),
     reason: secret}
"""
RECORDED: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Court:
    """A constitution that closes one scope, and a log that keeps its records in a list."""

    constitution: ConstitutionSource
    audit: AuditLog
    database: Database


async def record(rows: list[dict[str, Any]]) -> None:
    RECORDED.extend(rows)


@contextmanager
def serving(folder: Path, redis_url: str, database_url: str) -> Iterator[str]:
    """The memory routes with an embedded memory behind them, on a port of their own."""
    app = FastAPI()
    answer_with_problems(app)
    app.include_router(routes.router)
    app.state.doorkeeper = Door()
    asyncio.run(upgrade(database_url))
    source = ConstitutionSource(parse_constitution(ALLOW, "test.yaml"))
    app.state.hub = Court(source, AuditLog(record), Database(database_url))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    async def run() -> None:
        app.state.memory = await open_memory(load_settings(data_dir=folder, redis_url=redis_url))
        await server.serve([listener])
        await app.state.memory.close()
        await app.state.hub.database.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, valkey_url: str, database_url: str) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("hub"), valkey_url, database_url) as address:
        yield address


def client(url: str, token: str = "tenant-a") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)


def block(url: str, token: str = "tenant-a", scope: str = "tenant") -> Memory:
    return Memory(gateway_url=url, token=token, scope=scope)


def test_remember_recall_and_forget(url: str) -> None:
    """What is posted is recalled with all its parts, and is gone after its deletion."""
    item = {"text": "Deploys happen on Fridays.", "labels": ["habit"], "data": {"n": [1, None]}, "key": "d"}
    with client(url) as http:
        kept = http.post(ROOT, json={"scope": "project:p1", "items": [item]})
        found = http.post(f"{ROOT}/recall", json={"query": "when is a deploy?", "scopes": ["project:p1"]})
        gone = http.delete(f"{ROOT}/{kept.json()['ids'][0]}")
        again = http.delete(f"{ROOT}/{kept.json()['ids'][0]}")

    assert (kept.status_code, found.status_code, gone.status_code, again.status_code) == (201, 200, 204, 404)
    [hit] = found.json()["hits"]
    assert {name: hit["item"][name] for name in item} == item
    assert hit["item"]["id"] == kept.json()["ids"][0]


def test_the_token_decides_the_tenant(url: str) -> None:
    """Neither recall, nor forget, nor deletion, nor a value crosses tenants, and a body cannot name one."""
    with client(url, "tenant-a") as a, client(url, "tenant-b") as b:
        [mine] = a.post(ROOT, json={"scope": "tenant", "items": [{"text": "only for a"}]}).json()["ids"]
        a.put(f"{ROOT}/kv/tenant/secret", json={"value": 1})

        assert b.post(f"{ROOT}/recall", json={"query": "only for a"}).json() == {"hits": []}
        assert b.delete(f"{ROOT}/{mine}").status_code == 404
        assert b.post(f"{ROOT}/forget", json={"ids": [mine]}).json() == {"forgotten": 0}
        assert b.get(f"{ROOT}/kv/tenant/secret").status_code == 404
        assert b.post(f"{ROOT}/recall", json={"query": "x", "tenant": "tenant-a"}).status_code == 422
        assert a.post(f"{ROOT}/forget", json={"ids": [mine]}).json() == {"forgotten": 1}


def test_values(url: str) -> None:
    """A value is put, got, replaced and deleted under any key, slashes and dots included."""
    with client(url) as http:
        for key in ("plain", "a/b/../c", "%2F", "ключ ü?#", "..."):
            place = f"{ROOT}/kv/project:p1/{quote(key, safe='')}"
            assert http.get(place).status_code == 404
            assert http.put(place, json={"value": [key, None]}).status_code == 204
            assert http.get(place).json() == {"value": [key, None]}
            assert http.delete(place).status_code == 204
            assert http.delete(place).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "", {"scope": "tenant", "items": []}, "items"),
        ("POST", "", {"scope": "tenant", "items": [{"text": "x", "txet": "y"}]}, "txet"),
        ("POST", "", {"scope": "Tenant!", "items": [{"text": "x"}]}, "not a memory scope"),
        ("POST", "", {"scope": "tenant", "items": [{"text": ""}]}, "empty"),
        ("POST", "", {"scope": "tenant", "items": [{"text": "x", "expires_at": "2030-01-01"}]}, "expires_at"),
        ("POST", "/recall", {"query": "x", "limit": 1000}, "limit"),
        ("POST", "/recall", {"query": "x", "mode": "magic"}, "mode"),
        ("POST", "/forget", {}, "what to forget"),
        ("POST", "/forget", {"ids": ["7"]}, "UUID"),
        ("DELETE", "/not-an-id", None, "UUID"),
        ("PUT", "/kv/tenant/k", {"value": 1, "seconds": -1}, "cannot live"),
        ("PUT", "/kv/No/k", {"value": 1}, "not a memory scope"),
    ],
)  # fmt: skip
def test_bad_requests_are_problems(url: str, method: str, path: str, body: Any, said: str) -> None:
    """Whatever does not fit is answered with 422 problem+json that names it."""
    with client(url) as http:
        answer = http.request(method, ROOT + path, json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


def test_text_that_cannot_be_encoded_is_a_problem(url: str) -> None:
    """Half of a surrogate pair anywhere in a request is refused, and never breaks a later recall."""
    with client(url) as http:
        for item in (
            '{"text": "\\ud800"}',
            '{"text": "x", "data": ["\\udfff"]}',
            '{"text": "x", "labels": ["\\ud800"]}',
        ):
            body = f'{{"scope": "project:odd", "items": [{item}]}}'
            answer = http.post(ROOT, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422
        assert http.post(f"{ROOT}/recall", json={"query": "x", "scopes": ["project:odd"]}).json() == {
            "hits": []
        }


def test_without_a_token_nothing_is_answered(url: str) -> None:
    """Every route asks for a token first, even when the request is wrong."""
    for method, path in [
        ("POST", ""),
        ("POST", "/recall"),
        ("POST", "/forget"),
        ("DELETE", "/x"),
        ("GET", "/kv/tenant/k"),
    ]:
        with client(url, NOBODY) as http:
            assert http.request(method, ROOT + path, json={}).status_code == 401
        assert httpx.request(method, url + ROOT + path, trust_env=False).status_code == 401


def test_the_block_reaches_the_memory(url: str) -> None:
    """A flow's block remembers, recalls, forgets and keeps values through the gateway."""

    async def scene() -> None:
        memory = block(url, scope="project:block")
        drafts = [
            Draft(text=f"note {n}", data={"n": n, "none": None}, source=Source(node="x")) for n in range(3)
        ]
        ids = await memory.remember(drafts)
        [hit] = await memory.recall("note 2", limit=1)
        assert (hit.item.id, hit.item.data, hit.item.source) == (
            ids[2],
            {"n": 2, "none": None},
            Source(node="x"),
        )
        assert await memory.recall("note", scopes=["project:other"]) == []
        for key in ("..", ".", "k/with slash"):
            await memory.set(key, {"a": key, "b": None}, seconds=60)
            assert await memory.get(key) == {"a": key, "b": None}
            await memory.unset(key)
        with pytest.raises(NotFound, match="k/with slash"):
            await memory.get("k/with slash")
        assert await memory.forget(Selection(scopes=("project:block",))) == 3

    asyncio.run(scene())


def test_the_block_splits_what_is_too_much_for_one_request(url: str) -> None:
    """Many and large memories are kept in several requests, with their ids in order."""

    async def scene() -> None:
        memory = block(url, scope="project:much")
        drafts = [Draft(text=f"n{n}", data="x" * 200_000) for n in range(7)] + [
            Draft(text=f"m{n}") for n in range(70)
        ]
        ids = await memory.remember(drafts)
        assert len(set(ids)) == 77
        [hit] = await memory.recall("m69", limit=1)
        assert hit.item.id == ids[76]

    asyncio.run(scene())


def test_the_block_raises_the_hubs_errors(url: str) -> None:
    """A refusal of the gateway is the hub's own error, with the gateway's words and without the token."""

    async def scene() -> None:
        with pytest.raises(BadInput, match="not a memory scope"):
            await block(url).set("k", 1, scope="No")
        with pytest.raises(BadInput, match="is empty"):
            await block(url).remember([Draft(text=" ")])
        with pytest.raises(Unauthenticated) as refused:
            await block(url, NOBODY).recall("x")
        with pytest.raises(Unavailable, match="does not answer") as away:
            await block("http://127.0.0.1:1", NOBODY).recall("x")
        for error in (refused.value, away.value):
            assert NOBODY not in f"{error!r} {error.fields} {error.__cause__!r}"

    asyncio.run(scene())


def test_proxies_of_the_environment_are_passed_by(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy set for the outer world does not stand between a flow and the gateway on this machine."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert asyncio.run(block(url, scope="project:none").recall("x")) == []


def test_without_a_token_file_the_way_out_is_said(tmp_path: Path) -> None:
    """A flow on a machine without a hub learns which file is missing and what makes it."""
    with pytest.raises(Unavailable, match=r"admin\.token") as caught:
        local_memory(load_settings(data_dir=tmp_path))

    assert "soma up" in caught.value.mend


def test_memories_outlive_the_gateway(tmp_path: Path, valkey_url: str, database_url: str) -> None:
    """What was remembered through one gateway is recalled through the next."""
    with serving(tmp_path, valkey_url, database_url) as url:
        [kept] = asyncio.run(block(url).remember([Draft(text="still here")]))
    with serving(tmp_path, valkey_url, database_url) as url:
        [hit] = asyncio.run(block(url).recall("here"))

    assert hit.item.id == kept


def test_the_constitution_stands_before_every_route(url: str) -> None:
    """Reading from and writing to a closed scope is refused on every route, and nothing is kept."""
    draft = {"scope": "closed", "items": [{"text": "x"}]}
    asked: list[tuple[str, str, Any]] = [
        ("POST", "", draft),
        ("POST", "/recall", {"query": "x", "scopes": ["open", "closed"]}),
        ("POST", "/forget", {"scopes": ["closed"]}),
        ("GET", "/kv/closed/k", None),
        ("PUT", "/kv/closed/k", {"value": 1}),
        ("DELETE", "/kv/closed/k", None),
    ]
    with client(url) as http:
        answers = [http.request(method, ROOT + path, json=body) for method, path, body in asked]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert {answer.json()["type"] for answer in answers} == {"urn:soma:problem:policy-denied"}


def test_secrets_are_masked_and_purges_recorded(url: str) -> None:
    """An article that redacts masks what is kept; what is removed leaves a record of the purge."""
    with client(url) as http:
        body = {"scope": "masked", "items": [{"text": "key AKIA" + "Q3EGRIPZ7XWVLK2M", "data": [1]}]}
        (kept,) = http.post(ROOT, json=body).json()["ids"]
        (hit,) = http.post(f"{ROOT}/recall", json={"query": "key", "scopes": ["masked"]}).json()["hits"]
        http.post(f"{ROOT}/forget", json={"scopes": ["masked"]})

    assert (hit["item"]["id"], hit["item"]["text"]) == (kept, "key [redacted]")
    purges = [row for row in RECORDED if row["kind"] == "memory" and row["scope"] == "masked"]
    assert [(row["event"], row["count"], row["by"]) for row in purges] == [("purged", 1, "tenant-a")]
    decided = {(row["stage"], row["action"]) for row in RECORDED if row["kind"] == "decision"}
    assert {("memory.write", "remember"), ("memory.read", "recall"), ("memory.write", "forget")} <= decided
