"""Runs the wheel's PostgreSQL for other machines: `python -m blocks.engines.postgres_server FOLDER`.

Where a cluster has no PostgreSQL of its own, the hub's image is all that it needs. The user is `postgres`,
its password that of POSTGRES_PASSWORD, without which nothing is started; every connection over the network
needs it.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from blocks.engines.child import die_with_parent
from blocks.engines.postgres import DATABASES, OPTIONS, PostgresFailed, binary
from blocks.errors import SomaError
from blocks.private_files import make_private

PORT = 5432
HBA = "\nhost all all all scram-sha-256\n"
STOP_SECONDS = 25


def main() -> int:
    """Make the databases at the first start, and serve them until SIGTERM."""
    password, folder = os.environ.get("POSTGRES_PASSWORD", ""), Path(sys.argv[1] if sys.argv[1:] else "")
    if not password or not sys.argv[1:]:
        return _failed("usage: POSTGRES_PASSWORD=… python -m blocks.engines.postgres_server FOLDER")
    try:
        if not (folder / "PG_VERSION").exists():
            initialise(folder, password)
        return asyncio.run(_serve(folder))
    except (SomaError, OSError) as error:
        return _failed(str(error))


def initialise(folder: Path, password: str) -> None:
    """Make the cluster and its databases beside the folder, then move them there: whole or not at all."""
    draft = folder.with_name(f"{folder.name}.new")
    subprocess.run(["rm", "-rf", str(draft)], check=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as private:
        secret = Path(private) / "password"
        make_private(secret, f"{password}\n")
        _run(
            str(binary("initdb")),
            *("--pgdata", str(draft), "--username", "postgres", "--pwfile", str(secret)),
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"),
        )
    with (draft / "pg_hba.conf").open("a") as rules:
        rules.write(HBA)
    statements = "".join(f'CREATE DATABASE "{name}"\n' for name in DATABASES)
    _run(str(binary("postgres")), "--single", "-D", str(draft), "postgres", given=statements)
    draft.rename(folder)


async def _serve(folder: Path) -> int:
    """Run the server; SIGTERM becomes the signal at which it ends connections and writes all down."""
    options = {**OPTIONS, "listen_addresses": "*", "port": str(PORT), "unix_socket_directories": "/tmp"}  # noqa: S108  # of its own container
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        str(binary("postgres")),
        *("-D", str(folder)),
        *words,
        preexec_fn=lambda: die_with_parent(signal.SIGINT),
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, process.send_signal, signal.SIGINT)
    return await process.wait()


def _run(*command: str, given: str = "") -> None:
    done = subprocess.run(
        command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode or "ERROR:" in done.stdout:
        said = " | ".join(done.stdout.strip().splitlines()[-8:])
        raise PostgresFailed(f"PostgreSQL could not be set up: {said}")


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
