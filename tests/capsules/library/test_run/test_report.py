"""What the run of tests in the sandbox is taken to say."""

import json
import subprocess
import sys

import pytest

from blocks.sandbox.running import Ran
from capsules.library.test_run import testing
from capsules.library.test_run.report import Report, headline

MARK = "report 1234 "
PASSING = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
FAILING = PASSING.replace("pass", "self.fail('no')")
SKIPPING = PASSING.replace("    def", "    @unittest.skip('later')\n    def")
QUITTING = "import os, sys\nsys.stderr.write('Ran 9 tests OK')\nos._exit(0)\n"


def ran(stdout="", *, code=0, note="", stderr="log"):
    return Ran(exit_code=code, ended="exit", stdout=stdout, stderr=stderr, cut=False, note=note)


def report_on(tmp_path, text, *, name="test_it.py"):
    """The report on a folder with this test, run as in the sandbox but outside of it."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / name).write_text(text)
    code = f"{testing.PROGRAM.read_text()}\n\nmain({MARK!r})\n"
    done = subprocess.run(
        [sys.executable, "-B", "-"], input=code, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    return testing.report_of(ran(done.stdout, code=done.returncode, stderr=done.stderr), MARK, "abc")


@pytest.mark.parametrize(
    ("text", "passed", "said"),
    [
        (PASSING, True, "All 1 tests passed."),
        (FAILING, False, "Of 1 tests, 1 failed."),
        (SKIPPING, False, "Of 1 tests, some failed."),
        ("import nowhere\n", False, "Of 1 tests, 1 failed."),
        ("x = 1\n", False, "The tests did not run to their end: there are no tests in the folder `tests`"),
        (QUITTING, False, "before the tests did"),
    ],
)
def test_only_tests_that_ran_and_passed_pass(tmp_path, text, passed, said):
    """Nothing to run, nothing but skipped tests, and a program that ends early are no success."""
    report = report_on(tmp_path, text)

    assert (report.passed, report.commit) == (passed, "abc")
    assert said in headline(report)


def test_a_failure_is_told_with_its_place(tmp_path):
    """Which test, and the end of its traceback."""
    (problem,) = report_on(tmp_path, FAILING).problems

    assert (problem.test, problem.kind) == ("test_it.T.test_a", "failure")
    assert problem.detail.strip().endswith("AssertionError: no")


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (ran("All fine"), "exit code 0 before"),
        (ran("", note="it was ended after 300 s, all the time that it had"), "all the time"),
        (ran(f"{MARK}{{}}\n{MARK}{{}}\n"), "exit code 0 before"),
        (ran(f"{MARK}not json"), "exit code 0 before"),
        (ran(f"{MARK}" + json.dumps({"passed": "perhaps"})), "cannot be read"),
        (ran(f"{MARK}" + json.dumps({"passed": True, "ran": 3}), code=3), "exit code 3"),
    ],
)
def test_what_does_not_tell_it_plainly_has_not_passed(done, said):
    """No mark, two of them, no JSON, a wrong shape, an exit code that says otherwise."""
    report = testing.report_of(done, MARK, "abc")

    assert report.passed is False
    assert said in report.note


def test_there_is_a_sentence_for_each_report():
    """What people and the other steps read of it."""
    assert headline(Report(passed=True, ran=3, commit="c")) == "All 3 tests passed."
