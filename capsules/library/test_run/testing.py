"""Running the tests in the sandbox, and reading what they tell."""

import json
import secrets
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.sandbox.running import Ran
from capsules.library.test_run.report import Report
from tasks.tools.sandboxed import run_python

SECONDS = 300
SHOWN = 6_000
PROGRAM = Path(__file__).with_name("inside.py")


async def run_tests(repository: str, commit: str) -> Report:
    """The report on the tests of the folder, which holds this commit."""
    mark = f"report {secrets.token_hex(16)} "
    code = f"{PROGRAM.read_text(encoding='utf-8')}\n\nmain({mark!r})\n"
    ran = await run_python(code=code, folder=repository, seconds=SECONDS)
    return report_of(ran, mark, commit)


def report_of(ran: Ran, mark: str, commit: str) -> Report:
    """What the run tells; a run that was ended, or told nothing, has not passed."""
    output = ran.stderr[-SHOWN:]
    told = _told(ran.stdout, mark)
    if told is None:
        why = ran.note or f"the program ended with exit code {ran.exit_code} before the tests did"
        return Report(passed=False, note=why, output=output or ran.stdout[-SHOWN:], commit=commit)
    try:
        report = Report.model_validate({**told, "output": output, "commit": commit})
    except ValidationError:
        return Report(passed=False, note="what the tests told cannot be read", output=output, commit=commit)
    if report.passed and ran.exit_code != 0:
        note = ran.note or f"the program ended with exit code {ran.exit_code}"
        return report.model_copy(update={"passed": False, "note": note})
    return report


def _told(stdout: str, mark: str) -> dict[str, Any] | None:
    """What stands behind the mark, which must stand there just once."""
    lines = [line for line in stdout.splitlines() if line.startswith(mark)]
    if len(lines) != 1:
        return None
    try:
        found = json.loads(lines[0].removeprefix(mark))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
