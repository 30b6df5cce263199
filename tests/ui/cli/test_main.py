import json
import subprocess
import sys

import pytest

from blocks.errors import BadInput
from ui.cli import main as command_line


def soma(*arguments, **environment):
    """Run the console script in a process of its own."""
    code = "from ui.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_help_imports_no_command():
    """`soma --help` lists every command without importing Prefect, FastAPI or a single one of them."""
    code = (
        "import sys\n"
        "from ui.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('prefect', 'fastapi', 'sqlalchemy', 'httpx', 'ui.cli.status')"
        " if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout

    assert said.splitlines()[-1] == "[]"
    for name, _, summary in command_line.COMMANDS:
        assert name in said
        assert summary[:30] in said


@pytest.mark.parametrize("name", [name for name, _, _ in command_line.COMMANDS])
def test_every_command_loads_and_explains_itself(run, name):
    """Each command of the list exists and has a help page."""
    said = run(name, "--help")

    assert said.code == 0, said.err
    assert "--help" in said.out


def test_an_unknown_command_is_exit_2():
    """A typing error is answered with what was probably meant."""
    said = soma("lunch")

    assert said.returncode == 2
    assert "Did you mean 'launch'?" in said.stderr


def test_the_version_is_told():
    """`soma --version` says which one is installed."""
    said = soma("--version")

    assert (said.returncode, said.stdout.split()[0]) == (0, "soma")


def test_an_error_is_one_line_with_its_mend(monkeypatch, run):
    """A hub error is its message and its mend on one line, and the exit code of its class."""

    def fail(**_):
        raise BadInput("line one\nline two", mend="do that")

    monkeypatch.setattr(command_line, "app", fail)

    said = run()
    assert (said.code, said.err) == (2, "error: line one line two (do that)\n")


def test_a_surprise_is_one_line_too(monkeypatch, run):
    """An error nobody expected shows no traceback unless SOMA_DEBUG asks for it."""

    def fail(**_):
        raise RuntimeError("broken")

    monkeypatch.setattr(command_line, "app", fail)
    quiet = run()
    monkeypatch.setenv("SOMA_DEBUG", "1")
    loud = run()

    assert (quiet.code, quiet.err.count("\n")) == (1, 1)
    assert "RuntimeError: broken" in quiet.err
    assert "Traceback" in loud.err


def test_an_interrupt_is_quiet(monkeypatch, run):
    """Ctrl-C ends with 130 and prints nothing."""

    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "app", interrupt)

    assert run() == run()
    assert (run().code, run().err) == (130, "")


def test_a_hub_that_is_not_up_is_told(run, data_dir):
    """Without a hub each command says how to start one, with exit code 1."""
    said = run("status")

    assert said.code == 1
    assert "soma up" in said.err


def test_each_setting_is_shown_with_its_source(run, data_dir, monkeypatch):
    """`soma config show` names the source of each value and masks what is secret."""
    data_dir.mkdir()
    (data_dir / "soma.toml").write_text('max_runs = 3\ntenant = "acme"\n')
    monkeypatch.setenv("SOMA_TENANT", "other")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@somewhere")

    said = run("config", "show")
    told = {entry["name"]: entry for entry in json.loads(run("config", "show", "--json").out)}

    assert "hunter2" not in said.out
    assert "max_runs" in said.out
    assert (told["max_runs"]["value"], told["max_runs"]["source"]) == (3, str(data_dir / "soma.toml"))
    assert (told["tenant"]["value"], told["tenant"]["source"]) == ("other", "SOMA_TENANT")
    assert (told["redis_url"]["value"], told["redis_url"]["source"]) == ("********", "REDIS_URL")
    assert (told["data_dir"]["value"], told["data_dir"]["source"]) == (str(data_dir), "SOMA_DATA_DIR")
    assert told["log_level"]["source"] == "default"


def test_wrong_settings_are_named(run, monkeypatch):
    """A setting that is not valid is named with its variable, before anything else happens."""
    monkeypatch.setenv("SOMA_GATEWAY_PORT", "ninety")

    said = run("config", "show")

    assert said.code == 2
    assert "SOMA_GATEWAY_PORT" in said.err
