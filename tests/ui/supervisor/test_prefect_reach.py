"""Prefect's API asks nobody who they are, so nobody else's machine may reach it."""

import socket

from blocks.engines import prefect_server as engine
from blocks.settings import load_settings
from ui.supervisor.live_checks import _addresses, _reached_from_outside


def test_prefect_listens_on_the_loopback_whatever_the_environment_says(tmp_path, monkeypatch):
    """A variable that somebody has set for another Prefect does not open the hub's."""
    monkeypatch.setenv("PREFECT_SERVER_API_HOST", "0.0.0.0")
    child = engine.child(load_settings(data_dir=tmp_path))

    assert child.environment["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def test_the_running_server_is_reached_on_the_loopback_alone(prefect_server, embedded):
    """On no other address of this machine does anything answer on its port."""
    with socket.create_connection(("127.0.0.1", embedded.prefect_port), timeout=5):
        pass

    assert _reached_from_outside(embedded) is None


def test_a_server_that_the_network_reaches_is_found(tmp_path):
    """What listens on every address is told with the address that it answered on."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        settings = load_settings(data_dir=tmp_path, prefect_port=server.getsockname()[1])
        found = _reached_from_outside(settings)

    addresses = [address for address in _addresses() if "." in address]
    assert found == (addresses[0] if addresses else None)
