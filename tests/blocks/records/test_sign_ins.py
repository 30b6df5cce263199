"""Sessions: a refresh token is good once, and tries are counted before anything is looked at."""

import asyncio
from datetime import timedelta

import pytest

from blocks.errors import Conflict, NotFound, TooManyTries
from blocks.identity import Principal
from blocks.records import sign_in_tries
from blocks.records.sign_in_tries import count_try, forgive
from blocks.records.sign_ins import (
    SessionOver,
    begin_session,
    end_session,
    list_sessions,
    live_session,
    refresh_session,
)
from blocks.records.tables import now
from blocks.records.tokens import create_token, valid_tokens
from blocks.records.user_tables import SignIn
from blocks.records.users import change_user, create_user, find_user, replace_password

BY = Principal(tenant="default", name="boss")


async def a_user(database, name):
    viewer = frozenset({"viewer"})
    return await create_user(
        database, tenant="default", name=name, roles=viewer, password="hash", one_time=True, by=BY
    )


async def later(database, session, **fields):
    async with database.session() as opened:
        row = await opened.get_one(SignIn, session)
        for name, value in fields.items():
            setattr(row, name, value)
        opened.add(row)


def test_each_refresh_gives_the_next(run):
    """The chain goes on; at no time does an older token open anything that it should not."""

    async def scene(database):
        first = await begin_session(database, await a_user(database, "chain"))
        second = await refresh_session(database, first.secret)
        third = await refresh_session(database, second.secret)
        with pytest.raises(SessionOver):
            await refresh_session(database, first.secret)  # two steps behind
        with pytest.raises(SessionOver):
            await refresh_session(database, "somar_made-up")
        return {first.session.id, second.session.id, third.session.id}, [
            item.secret for item in (first, second, third)
        ]

    ids, secrets = run(scene)

    assert len(ids) == 1
    assert len(set(secrets)) == 3


def test_an_answer_that_was_lost_may_be_asked_for_again(run):
    """Shortly after, the token before is still taken, also by two at once; both go on."""

    async def scene(database):
        first = await begin_session(database, await a_user(database, "lost"))
        both = await asyncio.gather(*(refresh_session(database, first.secret) for _ in range(2)))
        return [await refresh_session(database, item.secret) for item in both]

    assert len(run(scene)) == 2


def test_a_token_that_comes_back_later_ends_the_session(run):
    """It is in two hands: whoever stole it, neither goes on."""

    async def scene(database):
        first = await begin_session(database, await a_user(database, "stolen"))
        second = await refresh_session(database, first.secret)
        await later(database, first.session.id, rotated_at=now() - timedelta(minutes=1))
        for secret in (first.secret, second.secret):
            with pytest.raises(SessionOver):
                await refresh_session(database, secret)
        return await live_session(database, first.session.id)

    assert run(scene) is None


def test_what_ends_a_session_ends_it_for_good(run):
    """Its time, signing out, a new password, and being disabled; the user's tokens end with the last."""

    async def scene(database):
        user = await a_user(database, "ends")
        over, out, changed, disabled = [await begin_session(database, user) for _ in range(4)]
        token = await create_token(database, name="ends", roles=frozenset({"viewer"}), by=BY)
        await later(database, over.session.id, expires_at=now() - timedelta(seconds=1))
        await end_session(database, out.session.id, tenant="default", user="ends", by="ends")
        await replace_password(database, user, "new", session_kept=disabled.session.id)
        left = [item.id for item in await list_sessions(database, tenant="default", user="ends")]
        await change_user(database, "ends", tenant="default", by=BY, disabled=True)
        await change_user(database, "ends", tenant="default", by=BY, disabled=False)
        for item in (over, out, changed, disabled):
            assert await live_session(database, item.session.id) is None
            with pytest.raises(SessionOver):
                await refresh_session(database, item.secret)
        with pytest.raises(NotFound):
            await end_session(database, over.session.id, tenant="default", user="other", by="other")
        return left == [disabled.session.id], token.token.sha256 in await valid_tokens(database)

    assert run(scene) == (True, False)


def test_a_password_for_one_time_is_replaced_once(run):
    """Of two who use it at once, one gets to choose the next."""

    async def scene(database):
        user = await a_user(database, "once")
        done = await asyncio.gather(*(replace_password(database, user, f"new {n}") for n in range(5)))
        with pytest.raises(Conflict):
            await a_user(database, "once")
        found = await find_user(database, "default", "once")
        return sorted(done), found.one_time_until, found.password

    done, until, password = run(scene)

    assert done == [False] * 4 + [True]
    assert until is None
    assert password.startswith("new ")


def test_tries_are_bounded_however_many_come_at_once(run):
    """The free ones pass, the next ones wait; whoever succeeds begins anew, and others are not touched."""

    async def attempt(database, what):
        try:
            await count_try(database, what, free=3)
        except TooManyTries as error:
            return error.retry_after
        return 0

    async def scene(database):
        waits = await asyncio.gather(*(attempt(database, "user default/ada") for _ in range(12)))
        other = await attempt(database, "user default/ben")
        await forgive(database, "user default/ada")
        return waits, other, await attempt(database, "user default/ada")

    waits, other, after = run(scene)

    assert sum(wait == 0 for wait in waits) == 4  # three for free, and the one that the wait follows
    assert max(waits) <= 60
    assert (other, after) == (0, 0)


def test_the_wait_doubles_and_ends(run, monkeypatch):
    """Each failure after a wait makes the next one longer, and after a quiet time there is none."""
    waits = []

    async def scene(database):
        clock = [now()]
        monkeypatch.setattr(sign_in_tries, "now", lambda: clock[-1])
        for _ in range(9):
            await count_try(database, "user default/eve", free=2)
            try:
                await count_try(database, "user default/eve", free=2)
            except TooManyTries as error:
                waits.append(error.retry_after)
                clock.append(clock[-1] + timedelta(seconds=error.retry_after + 1))
        clock.append(clock[-1] + timedelta(hours=1))
        for _ in range(2):
            await count_try(database, "user default/eve", free=2)

    run(scene)

    assert waits == sorted(waits)
    assert waits[-1] == 60
