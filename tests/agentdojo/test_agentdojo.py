"""The guard under AgentDojo's attacks; `make agentdojo` replays all of them."""

import subprocess
import sys
from pathlib import Path

import pytest

FIGURES = Path(__file__).parent / "figures.py"


@pytest.mark.slow
def test_attacks_are_stopped_and_tasks_get_through_as_the_docs_say():
    """Every user task has the docs' answer, and every eleventh attack is stopped in every setting."""
    run = subprocess.run([sys.executable, FIGURES, "--sample"], capture_output=True, text=True, timeout=300)

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("AgentDojo v1.2.2")
