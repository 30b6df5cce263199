"""What `soma doctor` says about a machine, and about parts that do not answer."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from blocks.settings import Settings, load_settings
from ui.cli.main import app
from ui.supervisor import checks
from ui.supervisor.checks import Check, check_machine
from ui.supervisor.live_checks import check_parts

PORTS = ("gateway_port", "wizard_port", "worker_port", "supervisor_port", "prefect_port")


def found(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in check_machine(settings)}


def test_a_sound_machine_has_nothing_that_fails(tmp_path: Path) -> None:
    """On the machine that runs the tests every check without a hub is passed."""
    settings = load_settings(data_dir=tmp_path / "hub", **{name: free_port() for name in PORTS})

    assert [check for check in found(settings).values() if check.state == "fail"] == []
    assert not settings.data_dir.exists()


def test_a_token_that_others_may_read_is_found(tmp_path: Path) -> None:
    """The check says how to mend it and never shows the token."""
    settings = load_settings(data_dir=tmp_path)
    settings.token_path.write_text("not-to-be-seen")
    settings.token_path.chmod(0o644)
    check = found(settings)["token"]

    assert (check.state, check.mend.startswith("chmod 600")) == ("fail", True)
    assert "not-to-be-seen" not in check.detail + check.mend


def test_a_busy_port_is_found(tmp_path: Path) -> None:
    """A port that somebody else holds is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check = found(load_settings(data_dir=tmp_path, gateway_port=port))["ports"]

    assert (check.state, str(port) in check.detail) == ("fail", True)


def test_an_entrypoint_that_is_gone_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment whose function does not exist is named, without importing any flow."""
    monkeypatch.setattr(checks, "_defines", lambda entrypoint: "survey" not in entrypoint)
    check = found(load_settings(data_dir=tmp_path))["deployments"]

    assert (check.state, check.detail) == ("fail", "cannot be found: capsules.library.survey.run.survey")


def test_a_check_that_breaks_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error in one check does not hide the others."""

    def broken(_: Settings) -> Check:
        raise RuntimeError("surprise")

    monkeypatch.setattr(checks, "CHECKS", (broken, checks.python))

    assert {name: check.state for name, check in found(load_settings(data_dir=tmp_path)).items()} == {
        "broken": "fail",
        "python": "ok",
    }


def test_servers_elsewhere_that_do_not_answer_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the settings point to is asked even while the hub is down; its address's password stays hidden."""
    nowhere = free_port()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{nowhere}/api")
    settings = load_settings(
        data_dir=tmp_path,
        database_url=f"postgresql://somebody:hidden@127.0.0.1:{nowhere}/soma",
        redis_url=f"redis://:hidden@127.0.0.1:{nowhere}/0",
    )
    parts = asyncio.run(check_parts(settings))

    assert {part.name for part in parts if part.state == "fail"} == {
        "database",
        "valkey",
        "prefect",
        "work pool",
        "deployed",
    }
    assert "hidden" not in repr(parts)


def test_json_is_for_programs_and_the_exit_code_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`soma doctor --json` prints one object a check and exits 1 when one of them fails."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(tmp_path))
    for name in PORTS:
        monkeypatch.setenv(f"SOMA_{name.upper()}", str(free_port()))
    well = CliRunner().invoke(app, ["doctor", "--json"])
    (tmp_path / "admin.token").touch(mode=0o666)
    (tmp_path / "admin.token").chmod(0o666)
    ill = CliRunner().invoke(app, ["doctor", "--json"])

    assert (well.exit_code, ill.exit_code) == (0, 1)
    assert [check["name"] for check in json.loads(ill.output) if check["state"] == "fail"] == ["token"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
