"""Nothing is in force but what was signed by a trusted key and activated, whoever writes where."""

import pytest
import redis

from blocks.constitution.active import read_before
from blocks.constitution.decisions import Action
from blocks.keys import SigningKey, trust

ACTION = Action(stage="task", name="x", facts={})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE constitutions SET text = :text WHERE version = '2.0.0'", "another text"),
        ("UPDATE constitutions SET digest = repeat('0', 64) WHERE version = '2.0.0'", "not there any more"),
        ("UPDATE constitutions SET signature = 'AAAA' WHERE version = '2.0.0'", "is not the key"),
        ("UPDATE constitutions SET key = '0123456789abcdef' WHERE version = '2.0.0'", "does not trust"),
        ("DELETE FROM constitutions WHERE version = '2.0.0'", "not there any more"),
        ("DELETE FROM activations", "names no constitution"),
    ],
)
def test_what_was_tampered_with_in_the_database_is_refused(house, caplog, change, said):
    """Who runs keeps the last valid one, who starts denies all, and both say why; mended, both go on."""
    house.activate("2.0.0")
    running = house.source()
    assert house.in_force(running) == "2.0.0"
    house.sql(change.replace(":text", f"'{house.text_of('2.0.0', 'warn')}'".replace(":", "\\:")))
    house.forget()
    house.until(lambda: running.problem is not None)
    starting = house.source(texts="other")
    decision = starting.current().decide(ACTION)

    assert said in running.problem.message
    assert (house.in_force(running), running.current().default) == ("2.0.0", "allow")
    assert decision.verdict == "deny"
    assert said in decision.articles[0].reason or "no constitution is in force" in decision.articles[0].reason
    assert "the last valid constitution stays in force" in caplog.text
    house.sql("DELETE FROM activations")
    house.sql("DELETE FROM constitutions")
    house.activate("3.0.0")
    house.until(lambda: house.in_force(running) == house.in_force(starting) == "3.0.0")
    assert running.problem is None


def test_a_candidate_signed_by_a_key_that_is_not_trusted_is_refused(house, tmp_path):
    """Until the key is trusted; and when its trust ends, that is told."""
    house.activate("1.0.0")
    source = house.source()
    assert house.in_force(source) == "1.0.0"
    eve = SigningKey.create(tmp_path / "eve.key")
    house.activate("2.0.0", key=eve)
    house.until(lambda: source.problem is not None)
    assert (house.in_force(source), "does not trust" in source.problem.message) == ("1.0.0", True)
    path = trust(house.folder / "keys", eve.public, "eve")
    house.until(lambda: house.in_force(source) == "2.0.0")
    assert source.problem is None
    path.unlink()

    house.until(lambda: source.problem is not None)
    assert house.in_force(source) == "2.0.0"


def test_a_text_that_was_tampered_with_in_valkey_is_not_taken(house, caplog):
    """It is told and thrown away, and the database's is taken."""
    version = house.activate("1.0.0")
    house.forget()
    valkey = redis.Redis.from_url(house.valkey, decode_responses=True)
    key = f"soma:constitution:text:{version.digest}"
    valkey.set(key, house.text_of("1.0.0", "warn"))
    source = house.source()

    assert source.current().default == "allow"
    assert "in Valkey is not the one in the database" in caplog.text
    assert valkey.get(key) == version.text


def test_a_text_that_was_tampered_with_on_disk_is_not_taken(house):
    """Neither as it is, nor when it was read before processes were forked."""
    version = house.activate("1.0.0")
    house.forget()
    folder = house.folder / "texts"
    folder.mkdir()
    (folder / f"{version.digest}.yaml").write_text(house.text_of("1.0.0", "warn"))
    (folder / "junk.yaml").write_bytes(b"\xff")
    read_before(folder)

    assert house.source().current().default == "allow"


def test_a_pointer_that_was_tampered_with_in_valkey_puts_nothing_in_force(house):
    """Neither a version that was never activated, nor one of long ago; it is told, and the truth put back."""
    old = house.activate("1.0.0")
    house.activate("2.0.0")
    source = house.source()
    assert house.in_force(source) == "2.0.0"
    valkey = redis.Redis.from_url(house.valkey, decode_responses=True)
    problems = set()

    def told():
        valkey.set("soma:constitution:acme:in-force", f"{old.digest}:")
        problems.add(source.problem and source.problem.message)
        return any(problem and "Valkey names" in problem for problem in problems)

    house.until(told)
    assert house.in_force(source) == "2.0.0"


def test_a_pointer_that_is_held_fast_delays_and_no_more(house):
    """The database is asked all the same after a while."""
    old = house.activate("1.0.0")
    source = house.source()
    assert house.in_force(source) == "1.0.0"
    valkey = redis.Redis.from_url(house.valkey)
    house.activate("2.0.0")

    def taken():
        valkey.set("soma:constitution:acme:in-force", f"{old.digest}:")
        return house.in_force(source) == "2.0.0"

    house.until(taken)
