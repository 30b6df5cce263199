"""Runs the tests of the folder that it is started in, and tells how they went.

It is sent into the sandbox as text and stands by itself. What it tells comes behind a mark that the tested
code is not told; code that is out to deceive its own tests can do so all the same, for it runs in the same
process.
"""

import json
import sys
import unittest
from typing import Any

MOST = 30
LONGEST = 1_500


def main(mark: str) -> None:
    """Print the mark and what came of the tests as JSON, on the last line."""
    sys.path.insert(0, "")
    try:
        suite = unittest.defaultTestLoader.discover("tests")
    except ImportError as error:
        found: dict[str, Any] = {"passed": False, "note": f"there is no folder of tests: {error}"}
    else:
        found = told(unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite))
    sys.stdout.write(f"\n{mark}{json.dumps(found)}\n")
    sys.stdout.flush()


def told(result: unittest.TestResult) -> dict[str, Any]:
    """What a report says of a result."""
    problems = [
        {"test": case.id(), "kind": kind, "detail": detail[-LONGEST:]}
        for kind, cases in (("error", result.errors), ("failure", result.failures))
        for case, detail in cases
    ]
    problems += [
        {"test": case.id(), "kind": "failure", "detail": "it passed and was expected to fail"}
        for case in result.unexpectedSuccesses
    ]
    ran = result.testsRun
    return {
        "passed": result.wasSuccessful() and ran > len(result.skipped),
        "ran": ran,
        "skipped": len(result.skipped),
        "problems": problems[:MOST],
        "more": max(0, len(problems) - MOST),
        "note": "" if ran else "there are no tests in the folder `tests`",
    }
