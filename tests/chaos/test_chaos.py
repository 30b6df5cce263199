"""A hub whose processes are killed at random loses nothing and does nothing twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parent / "chaos.py"


@pytest.mark.slow
def test_a_short_storm_leaves_nothing_twice_and_nothing_lost() -> None:
    """Every project ends as it would have, and ledger, effects, questions, audit and memory agree on it."""
    words = [sys.executable, CHAOS, "--kills", "12", "--longest", "4", "--seed", "20"]
    environment = {**os.environ, "PYTHONPATH": str(CHAOS.parents[2])}
    done = subprocess.run(words, capture_output=True, text=True, timeout=840, env=environment)

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "looked at" in done.stdout
