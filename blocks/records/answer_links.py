"""Links to answer by, as they are kept: whom each was made for, until when, and whether it was used."""

from datetime import timedelta

from sqlalchemy import or_, update
from sqlmodel import col, select

from blocks.audit.entries import entry
from blocks.errors import Conflict, Forbidden
from blocks.identity import Principal
from blocks.records.approvals import bound_to
from blocks.records.audit import append
from blocks.records.constitution_tables import Token
from blocks.records.database import Database
from blocks.records.notice_tables import AnswerLink, RoutePerson
from blocks.records.tables import Approval, now

LASTS = timedelta(hours=24)
"""How long a link can be used; never longer than its question is open."""
SPARE = timedelta(hours=1)
"""A link that has less time left is not sent again."""


async def link_for(database: Database, approval: Approval, person: str) -> AnswerLink:
    """The link of this person for what the question is about now: one that was not used, or a new one."""
    query = select(AnswerLink).where(
        AnswerLink.approval == approval.id,
        AnswerLink.person == person,
        AnswerLink.action_digest == bound_to(approval),
        col(AnswerLink.used_at).is_(None),
        col(AnswerLink.expires_at) > now() + SPARE,
    )
    async with database.session() as session:
        found = (await session.exec(query.limit(1))).first()
        if found is None:
            end = now() + LASTS
            found = AnswerLink(
                tenant=approval.tenant,
                approval=approval.id,
                person=person,
                action_digest=bound_to(approval),
                expires_at=min(end, approval.expires_at or end).replace(microsecond=0),
            )
            session.add(found)
            await session.flush()
            facts = {"approval": approval.id, "person": person, "digest": found.action_digest}
            await append(session, [entry("approval", approval.tenant, event="link", link=found.id, **facts)])
    return found


async def find_link(database: Database, link: str) -> AnswerLink | None:
    async with database.session() as session:
        return await session.get(AnswerLink, link)


async def use_link(database: Database, link: str) -> None:
    """Take the one use of the link; `Conflict` when it was taken."""
    change = update(AnswerLink).where(col(AnswerLink.id) == link, col(AnswerLink.used_at).is_(None))
    async with database.session() as session:
        used = (await session.exec(change.values(used_at=now()).returning(AnswerLink))).scalar_one_or_none()
    if used is None:
        raise Conflict("this link was used already; each answers once")


async def release_link(database: Database, link: str) -> None:
    """Give the use back: the answer was not one that could be taken."""
    async with database.session() as session:
        await session.exec(update(AnswerLink).where(col(AnswerLink.id) == link).values(used_at=None))


async def principal_named(database: Database, tenant: str, person: str) -> Principal:
    """The person with the roles of the tokens that speak for them; `Forbidden` when none does any more."""
    query = select(Token).where(
        Token.tenant == tenant,
        Token.principal == person,
        col(Token.revoked_at).is_(None),
        or_(col(Token.expires_at).is_(None), col(Token.expires_at) > now()),
    )
    async with database.session() as session:
        found = list(await session.exec(query))
    if not found:
        raise Forbidden(f"no token of this hub speaks for {person} any more, so nobody answers as {person}")
    roles = frozenset(role for token in found for role in token.roles)
    return Principal(tenant=tenant, name=person, roles=roles)


async def route_people(database: Database, tenant: str) -> dict[str, RoutePerson]:
    """Whose each route is, by the route's name, as administrators have said."""
    async with database.session() as session:
        found = await session.exec(select(RoutePerson).where(RoutePerson.tenant == tenant))
        return {item.route: item for item in found}


async def say_person(database: Database, said: RoutePerson) -> None:
    """Record whose a route is, with the addresses that it has now."""
    async with database.session() as session:
        await session.merge(said)
        facts = {"route": said.route, "person": said.person, "addresses": said.addresses_sha256}
        record = entry("approval", said.tenant, event="route", by=said.said_by, **facts)
        await session.flush()
        await append(session, [record])


async def forget_person(database: Database, tenant: str, route: str, *, by: str) -> bool:
    """From now on the route's messages carry no links; False when they did not before."""
    async with database.session() as session:
        found = await session.get(RoutePerson, (tenant, route))
        if found is None:
            return False
        await session.delete(found)
        await session.flush()
        await append(session, [entry("approval", tenant, event="route", by=by, route=route, person=None)])
    return True
