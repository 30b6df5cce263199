"""What an agent reaches at the gateway: the memory that its node was planned with, and the bus."""

import asyncio
import json
import time

import pytest

from blocks.errors import Forbidden, Unauthenticated
from blocks.identity import Mandate, Principal
from blocks.memory.block import memory_of
from blocks.memory.items import Draft, Selection
from blocks.records.audit import list_records
from blocks.records.leases import add_holder
from blocks.records.ledger import give_up_attempt, open_attempt, start_attempt
from blocks.records.projects import create_project, take_over
from blocks.records.tables import Holder, new_id
from blocks.records.tenants import ensure_tenant
from blocks.signing_in.claims import Claim
from blocks.signing_in.passport import Passport
from ui.client import HubClient

SOON = 20.0
"""No promise: what a slow machine may take."""


@pytest.fixture
def at_work(gateway):
    """An agent that may use the memory of its project and of repositories, and the way that it goes there."""
    mandate, token = gateway.agent(memory=frozenset({"project", "repository"}))
    return mandate, memory_of(gateway.settings, token)


def test_an_agent_uses_the_memory_that_it_was_planned_with(gateway, at_work):
    """It keeps, finds and forgets; the audit log says who did it, on whose behalf and for which node."""
    mandate, memory = at_work
    own = f"project:{mandate.project}"

    async def scene():
        await memory.remember([Draft(text="the lexer has no tests")], scope=own)
        await memory.remember([Draft(text="the parser has tests")], scope="repository:shop")
        hits = await memory.recall("which part is untested", scopes=[own])
        gone = await memory.forget(Selection(scopes=(own,)))
        return [hit.item.text for hit in hits], gone

    assert asyncio.run(scene()) == (["the lexer has no tests"], 1)
    kept = gateway.records(lambda database: list_records(database, tenant="default", project=mandate.project))
    told = [json.loads(record.record) for record in kept if record.action == "remember"]
    who = {(said["principal"]["name"], said["principal"]["on_behalf_of"], said["node"]) for said in told}
    assert who == {("survey@x", "ada", "first")}


@pytest.mark.parametrize("scope", ["tenant", "project:prj_other", "project", "user:ada", "repositoryX:shop"])
def test_an_agent_reaches_no_other_memory(at_work, scope):
    """Neither another project's, nor a scope that its node was not planned with, by any of the ways."""
    _, memory = at_work
    for forbidden in (
        lambda: memory.remember([Draft(text="x")], scope=scope),
        lambda: memory.recall("x", scopes=[scope]),
        lambda: memory.recall("x", scopes=["repository:shop", scope]),
        lambda: memory.forget(Selection(scopes=(scope,))),
        lambda: memory.get("x", scope=scope),
        lambda: memory.set("x", 1, scope=scope),
        lambda: memory.unset("x", scope=scope),
    ):
        with pytest.raises(Forbidden):
            asyncio.run(forbidden())


def test_what_names_no_scope_is_everything_and_not_for_agents(at_work):
    """Recalling from all, forgetting by label, and removing by id are for people."""
    _, memory = at_work

    for forbidden in (
        lambda: memory.recall("x", scopes=[]),
        lambda: memory.forget(Selection(labels=("note",))),
    ):
        with pytest.raises(Forbidden):
            asyncio.run(forbidden())


def test_an_agent_is_out_when_its_attempt_is_lost(gateway, at_work):
    """A run that was declared dead and lives on remembers nothing any more."""
    mandate, memory = at_work
    gateway.records(lambda db: give_up_attempt(db, mandate.attempt, "no sign of life", again=True))
    deadline = time.monotonic() + SOON
    while True:
        try:
            asyncio.run(memory.remember([Draft(text="late")], scope="repository:shop"))
        except Unauthenticated:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_agent_does_nothing_in_a_persons_name(gateway, at_work):
    """Whoever it acts for, it approves nothing, launches nothing and makes no tokens."""
    mandate, memory = at_work
    with HubClient(gateway.url, memory.token.get_secret_value()) as agent:
        said = agent.whoami()
        for forbidden in (
            agent.approvals,
            lambda: agent.launch(mandate.project),
            lambda: agent.project(mandate.project),
            lambda: agent.create_token("mine", ["admin"]),
            lambda: agent.create_user("mine", ["admin"]),
            agent.logout,
        ):
            with pytest.raises(Forbidden, match="is an agent"):
                forbidden()

    assert (said.kind, said.roles, said.name) == ("agent", [], "survey@x")


def test_a_principal_without_a_mandate_is_no_agent_of_a_node():
    """An agent that is not an attempt's opens nothing at the gateway."""
    from ui.gateway.roles import check_allowed

    with pytest.raises(Forbidden):
        check_allowed(Principal(tenant="default", name="x", kind="agent"), "POST", "/v1/memory")


def held(gateway):
    """An attempt at work that somebody holds: the mandate of its token, and the holder."""
    node = {"id": "first", "title": "First", "capsule": "survey", "version": "1.0.0"}
    plan = {"nodes": [{**node, "authority": {"memory": ["repository"]}}]}

    async def begin(database):
        await ensure_tenant(database, "default")
        project = await create_project(
            database,
            tenant="default",
            title="Held",
            blueprint="x",
            inputs={},
            plan=plan,
            plan_digest="sha256:0",
            nodes=[{"node": "first", "title": "First", "capsule": "survey", "version": "1.0.0"}],
            requested_by="ada",
        )
        driver = await take_over(database, project.id, driver_run=None)
        opened = await open_attempt(database, project.id, "first", fence=driver.fence, runtime="pod")
        holder = Holder(id=new_id("hld"), kind="run", host="elsewhere", pid=1)
        await add_holder(database, holder, 60)
        return await start_attempt(database, opened.id, flow_run=None, holder=holder.id)

    found = gateway.records(begin)
    mandate = Mandate(
        attempt=found.id, project=found.project, node="first", number=1, generation=1, memory=frozenset()
    )
    return mandate, found.holder


def test_a_run_without_the_key_gets_its_token_from_the_gateway(gateway):
    """Who names the holder of an attempt at work gets the token of that attempt, as far as its plan goes."""
    mandate, holder = held(gateway)
    passport = Passport(
        gateway.settings.keys_path / "none-here",
        Principal(tenant="default", name="anybody", kind="agent"),
        mandate,
        Claim(gateway=gateway.url, attempt=mandate.attempt, holder=holder),
    )
    with HubClient(gateway.url, passport.token()) as agent:
        said = agent.whoami()
    memory = memory_of(gateway.settings, passport.token())
    asyncio.run(memory.remember([Draft(text="seen")], scope="repository:pods"))

    assert (said.kind, said.tenant, said.name) == ("agent", "default", f"survey@{mandate.project}")
    with pytest.raises(Forbidden):
        asyncio.run(memory.remember([Draft(text="seen")], scope="tenant"))
    assert not (gateway.settings.keys_path / "none-here").exists()


def test_nobody_gets_a_token_for_what_he_does_not_hold(gateway):
    """A wrong holder, none, an attempt that is nobody's, and one that was given up: 401, alike."""
    mandate, holder = held(gateway)
    unheld, _ = gateway.agent()
    claims = [(mandate.attempt, "hld_0"), (mandate.attempt, ""), (unheld.attempt, ""), ("att_0", holder)]
    for attempt, given in claims:
        with pytest.raises(Unauthenticated):
            Claim(gateway=gateway.url, attempt=attempt, holder=given).token()
    gateway.records(lambda db: give_up_attempt(db, mandate.attempt, "no sign of life", again=True))

    with pytest.raises(Unauthenticated):
        Claim(gateway=gateway.url, attempt=mandate.attempt, holder=holder).token()
