"""The log of a run on disk: what is written to it, what is kept out, and how it is taken."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from blocks.warm_worker import capture, run_log
from blocks.warm_worker.capture import Capture
from blocks.warm_worker.limits import MEGABYTE, over_limit
from blocks.warm_worker.run_log import RunLog, secret_values
from blocks.warm_worker.sending import Sent


def lines(path: Path) -> list[Any]:
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


def captured(path: Path, *pieces: bytes) -> list[Any]:
    """What is kept of an output that comes in these pieces."""
    reading, writing = os.pipe()
    kept = Capture(reading, RunLog(path, "run"))
    for piece in pieces:
        os.write(writing, piece)
        kept.read()
    os.close(writing)
    kept.finish()
    return lines(path)


def test_output_is_kept_line_by_line(tmp_path: Path) -> None:
    """Lines come in pieces, end in either way, or never; colours and blank lines are left out."""
    pieces = (b"on", b"e\ntwo\r\n\n10 %\r20 %\r", b"\x1b[31mred\x1b[0m\n", b"\xff not text\n", b"the last")

    assert captured(tmp_path / "log", *pieces) == [
        "one",
        "two",
        "10 %",
        "20 %",
        "red",
        "� not text",
        "the last",
    ]


def test_no_more_output_is_kept_than_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that prints without end fills no disk; its log says where it was cut."""
    kept = Capture(os.pipe()[0], RunLog(tmp_path / "log", "run"), left=10)
    for _ in range(3):
        kept._take(b"12345678\n")

    assert lines(tmp_path / "log") == ["12345678", "12345678", "[output of this run beyond 8 MB is not kept]"]
    assert capture.MOST_BYTES == 8 * MEGABYTE


def test_a_log_that_nobody_takes_stops_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there is room again it says how many lines it had to drop."""
    monkeypatch.setattr(run_log, "MOST_BYTES", 100_000)
    log = RunLog(tmp_path / "log", "run")
    for _ in range(400):
        log.say("x" * 1000, name="test")
    sent = Sent(path=tmp_path / "log")
    kept, size = sent.batch()
    sent.advance(size)
    log.say("room again", name="test")

    assert len(kept) < 150
    said = [line["message"] for line in sent.batch()[0]]
    assert said == [f"{400 - len(kept)} lines were dropped here: they came too fast", "room again"]


def test_secrets_stay_out_of_a_log(tmp_path: Path) -> None:
    """Neither the value of a variable that is called a secret is in it, nor what looks like one."""
    environment = {"DB_PASSWORD": "tr0ub4dor-and-3", "MODE": "quick", "API_KEY": "short", "TOKEN_X": None}
    log = RunLog(tmp_path / "log", "run", secret_values(environment))
    log.say("connecting as me:tr0ub4dor-and-3 in mode quick", name="test")
    log.say("token = ghp_" + "a1B2c3D4e5F6" * 3, name="test")

    assert lines(tmp_path / "log")[0] == "connecting as me:[redacted] in mode quick"
    assert "ghp_" not in lines(tmp_path / "log")[1]


def test_the_next_worker_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    """What was sent is not sent again, and a line that its writer could not end is passed over."""
    path = tmp_path / "log.jsonl"
    log = RunLog(path, "run")
    log.say("first", name="test")
    sent = Sent.of(path)
    sent.advance(sent.batch()[1])
    log.say("second", name="test")
    with path.open("a") as file:
        file.write('{"cut off')

    again = Sent.of(path)
    found, size = again.batch()
    again.advance(size)

    assert [line["message"] for line in found] == ["second"]
    assert again.batch() == ([], 0)


def test_knows_who_takes_too_much_memory() -> None:
    """This process is over a limit of one megabyte and not over one of a terabyte."""
    assert over_limit({os.getpid(): 1})[os.getpid()] > 1
    assert over_limit({os.getpid(): MEGABYTE}) == {}
