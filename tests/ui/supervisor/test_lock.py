"""One hub for each data folder, and free ports for it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.engines.folders import make_folders
from blocks.settings import load_settings
from ui.supervisor.lock import AlreadyUp, HubLock, info_path, running_hub
from ui.supervisor.ports import PortBusy, require_free_ports

HOLD = """
import os, signal, sys
from pathlib import Path
from blocks.settings import load_settings
from ui.supervisor.lock import HubLock

lock = HubLock(load_settings(data_dir=sys.argv[1]))
lock.acquire()
lock.note("ready")
print("held", flush=True)
signal.pause()
"""


def test_a_second_hub_on_the_same_folder_is_told_where_the_first_is(tmp_path: Path) -> None:
    """The refusal names process and address; when the first is killed -9 its lock is gone with it."""
    settings = load_settings(data_dir=tmp_path)
    make_folders(settings)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        try:
            found = running_hub(settings)
            with pytest.raises(
                AlreadyUp, match=f"pid {holder.pid}, gateway http://127.0.0.1:10000"
            ) as refused:
                HubLock(settings).acquire()
        finally:
            holder.kill()
    HubLock(settings).acquire()

    assert found is not None
    assert (found.pid, found.state) == (holder.pid, "ready")
    assert refused.value.exit_code == 1


def test_no_hub_runs_where_none_was_started(tmp_path: Path) -> None:
    """Looking for a hub makes no folder, and a note left by a killed one does not count."""
    settings = load_settings(data_dir=tmp_path / "hub")
    before = running_hub(settings)
    settings.data_dir.mkdir()
    info_path(settings).write_text(f'{{"pid": {os.getpid()}}}')
    (settings.data_dir / "hub.lock").touch()

    assert (before, running_hub(settings)) == (None, None)


def test_a_lock_is_free_again_after_release(tmp_path: Path) -> None:
    """A hub that was stopped leaves neither lock nor note."""
    settings = load_settings(data_dir=tmp_path)
    lock = HubLock(settings)
    lock.acquire()
    lock.note("ready")
    lock.release()

    assert running_hub(settings) is None
    assert not info_path(settings).exists()


def test_a_busy_port_is_named_with_its_setting() -> None:
    """The message names the port, who wants it, the setting and the way out; the exit code is 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy) as refused:
            require_free_ports(load_settings(gateway_port=port))

    for word in (str(port), "SOMA_GATEWAY_PORT", "--port-offset"):
        assert word in refused.value.message
    assert refused.value.exit_code == 2
