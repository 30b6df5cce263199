"""Approvals that need several people, on the embedded PostgreSQL."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from blocks.errors import Conflict, Forbidden
from blocks.identity import Principal
from blocks.records import agreements, approvals, projects, tenants
from blocks.records.audit import list_records
from blocks.records.database import Database, upgrade
from blocks.records.tables import Approval, Project, now

TWO = {"article": "TWO", "who": ["role:approver"], "quorum": 2, "expires": 3600, "requester": False}
LEAD = {"article": "LEAD", "who": ["user:lea"], "quorum": 1, "expires": 60, "requester": True}


def person(name: str, *roles: str) -> Principal:
    return Principal(tenant="default", name=name, roles=frozenset(roles or {"approver"}))


class Asking:
    """Asks in a project that ann has asked for, and answers."""

    def __init__(self, database: Database, project: Project) -> None:
        self.database = database
        self.project = project

    async def ask(self, *requirements: dict[str, Any], digest: str = "d") -> Approval:
        async with self.database.session() as session:
            return await approvals.ask(
                session,
                self.project,
                node="a",
                question="?",
                details={},
                action_digest=digest,
                requirements=requirements,
                decision="dec_1",
            )

    async def answer(self, approval: Approval, who: Principal, *, yes: bool = True) -> Approval:
        return await approvals.decide_approval(self.database, approval.id, by=who, approved=yes, comment="c")

    async def told(self) -> list[dict[str, Any]]:
        found = await list_records(self.database, tenant="default", kind="approval")
        return [json.loads(line.record) for line in found]


Play = Callable[[Callable[[Asking], Awaitable[Any]]], Any]


@pytest.fixture
def play(postgres_url: str, new_database: Callable[[str], str]) -> Play:
    url = new_database(postgres_url)

    async def whole(scene: Callable[[Asking], Awaitable[Any]]) -> Any:
        await upgrade(url)
        database = Database(url)
        try:
            await tenants.ensure_tenant(database, "default")
            project = await projects.create_project(
                database,
                tenant="default",
                title="P",
                blueprint="b",
                inputs={},
                plan={},
                plan_digest="x",
                nodes=[{"node": "a", "title": "A", "capsule": "a", "version": "1.0.0"}],
                requested_by="ann",
            )
            return await scene(Asking(database, project))
        finally:
            await database.close()

    return lambda scene: asyncio.run(whole(scene))


def test_every_article_gets_its_people(play: Play) -> None:
    """Two approvers and the lead: nobody twice, not who asked, not who is not meant; all of it is audited."""

    async def scene(asking: Asking) -> None:
        asked = await asking.ask(TWO, LEAD)
        assert asked.expires_at is not None
        assert asked.expires_at - now() <= timedelta(seconds=60)
        for who, why in (
            (person("ann"), "ann asked for the project, and article TWO wants others"),
            (person("eve", "viewer"), "needs the role approver or admin"),
        ):
            with pytest.raises(Forbidden, match=why):
                await asking.answer(asked, who)
        assert (await asking.answer(asked, person("ben"))).state == "pending"
        with pytest.raises(Conflict, match=r"ben has answered .* it needs 1 more of role:approver"):
            await asking.answer(asked, person("ben"))
        assert (await asking.answer(asked, person("cleo", "admin"))).state == "pending"
        decided = await asking.answer(asked, person("lea"))
        assert (decided.state, decided.decided_by) == ("approved", "lea")
        agreed = await agreements.agreed_actions(asking.database, asking.project.id)
        assert [vote.by for vote in agreed["d"]] == ["ben", "cleo", "lea"]
        told = await asking.told()
        assert [entry["event"] for entry in told] == ["asked", "voted", "voted", "voted", "approved"]
        assert {entry["digest"] for entry in told} == {"d"}
        assert told[0]["decision"] == "dec_1"
        assert told[1]["by"] == "ben"

    play(scene)


def test_one_no_is_a_no_and_who_is_not_meant_cannot_say_it(play: Play) -> None:
    """A single rejection ends it; somebody whom no article names cannot reject either."""

    async def scene(asking: Asking) -> None:
        asked = await asking.ask(LEAD)
        with pytest.raises(Forbidden, match="this is for user:lea"):
            await asking.answer(asked, person("ben"), yes=False)
        assert (await asking.answer(asked, person("lea"), yes=False)).state == "rejected"
        with pytest.raises(Conflict, match="already rejected by lea"):
            await asking.answer(asked, person("lea"))

    play(scene)


def test_stricter_terms_open_the_question_again(play: Play) -> None:
    """What one agreed to waits for the second when an article now wants two; the first yes still counts."""

    async def scene(asking: Asking) -> None:
        asked = await asking.ask()
        assert (await asking.answer(asked, person("ben"))).state == "approved"
        again = await asking.ask(TWO)
        assert (again.id, again.state) == (asked.id, "pending")
        assert (await asking.answer(asked, person("cleo"))).state == "approved"
        assert (await asking.ask(TWO)).state == "approved"

    play(scene)


def test_a_lone_admin_answers_what_no_article_restricts(play: Play) -> None:
    """The one who asked may answer, with one yes, where nothing else is said."""

    async def scene(asking: Asking) -> None:
        assert (await asking.answer(await asking.ask(), person("ann", "admin"))).state == "approved"

    play(scene)
