"""Running `soma` inside of the test's process, against the gateway of the session."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ui.cli.main import main


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capfdbinary) -> Callable[..., Said]:
    """Run `soma` with these arguments, nobody at the terminal."""

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["soma", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        return Said(code=code, out=out.decode(), err=err.decode())

    return call


@pytest.fixture
def soma(gateway, run, monkeypatch) -> Callable[..., Said]:
    """Run `soma` against the session's gateway."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(gateway.settings.data_dir))
    monkeypatch.setenv("SOMA_GATEWAY_PORT", str(gateway.settings.gateway_port))
    return run
