"""What scripted agents say in a project of the blueprint `software-delivery`."""

from typing import Any

REQUEST = "A package that parses durations such as 1h30m into seconds and says clearly what is wrong."
SPECIFICATION = {
    "title": "Durations",
    "summary": "Parses durations.",
    "package": "durations",
    "interface": "durations.parse(text: str) -> int; ValueError for anything that is no duration.",
    "requirements": [
        {"id": "R1", "text": "1h30m is 5400", "acceptance": "parse('1h30m') == 5400"},
        {"id": "R2", "text": "Nonsense is a ValueError", "acceptance": "parse('x') raises ValueError"},
    ],
    "assumptions": ["Only h, m and s."],
}
RIGHT = """
import re

SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse(text: str) -> int:
    if not re.fullmatch(r"(?:[0-9]+[hms])+", text):
        raise ValueError(f"{text!r} is no duration")
    return sum(int(count) * SECONDS[unit] for count, unit in re.findall(r"([0-9]+)([hms])", text))
"""
WRONG = RIGHT.replace("3600", "360")
TESTS = """
import unittest

import durations


class Parsing(unittest.TestCase):
    def test_hours_and_minutes(self):
        self.assertEqual(durations.parse("1h30m"), 5400)

    def test_nonsense(self):
        with self.assertRaises(ValueError):
            durations.parse("x")
"""
WRITER, DEVELOPER, TESTER = "You write requirements for", "You are a careful Python", "You write the tests of"
MENDER, REVIEWER = "You mend a small", "You review a small"


def script(model: Any, *, code: str, hesitates: float = 0) -> None:
    """What the agents say until the tests have run; the developer's model may take seconds before the end."""
    slow = [model.late(model.text("Well."), hesitates)] if hesitates else []
    model.says(
        model.call("context.tell", text="The package is called durations."),
        model.final(**SPECIFICATION),
        to=WRITER,
    )
    model.says(
        model.call("files.write", path="work/code/durations/__init__.py", content=code),
        model.call("python.run", code="import durations; print(durations.parse('90s'))", folder="work/code"),
        *slow,
        model.final(summary="One module.", decisions=["A regular expression."]),
        to=DEVELOPER,
    )
    model.says(
        model.call("context.read"),
        model.call("files.write", path="work/tests/tests/test_durations.py", content=TESTS),
        model.call("files.write", path="work/code/durations/__init__.py", content="not mine"),
        model.final(summary="Both requirements.", covered=["R1", "R2"]),
        to=TESTER,
    )


def review(model: Any, verdict: str, **more: Any) -> None:
    judged = [{"id": "R1", "met": True, "note": "tested"}, {"id": "R2", "met": True, "note": "tested"}]
    final = {"verdict": verdict, "summary": "Small and right.", "requirements": judged, "findings": []}
    model.says(
        model.call("files.read", path="repository/durations/__init__.py"),
        model.final(**{**final, **more}),
        to=REVIEWER,
    )
