"""The embedded PostgreSQL."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from blocks.engines import postgres
from blocks.engines.folders import FolderRefused, make_folders, make_private
from blocks.settings import Settings, load_settings
from ui.supervisor.log import ChildLog
from ui.supervisor.process import Process


def hub_on(folder: Path) -> Settings:
    settings = load_settings(data_dir=folder)
    make_folders(settings)
    return settings


async def started(settings: Settings) -> Process:
    process = Process(
        postgres.child(settings), ChildLog("postgres", settings.logs_path, None, quiet=True), print
    )
    await process.start()
    return process


async def query(settings: Settings, text: str, database: str = "soma") -> list[asyncpg.Record]:
    connection = await asyncpg.connect(host=str(settings.runtime_path), user="postgres", database=database)
    try:
        return list(await connection.fetch(text))
    finally:
        await connection.close()


def test_is_durable_and_reachable_only_through_its_private_folder(tmp_path: Path) -> None:
    """The server holds both databases, syncs its writes, and listens on no network address."""
    settings = hub_on(tmp_path / "closed" / "hub")
    (tmp_path / "closed").chmod(0o700)

    async def scenario() -> tuple[set[str], dict[str, str]]:
        process = await started(settings)
        try:
            names = {row["datname"] for row in await query(settings, "SELECT datname FROM pg_database")}
            rows = await query(settings, "SELECT name, setting FROM pg_settings")
            return names, {row["name"]: row["setting"] for row in rows}
        finally:
            await process.stop()

    names, options = asyncio.run(scenario())

    assert {"soma", "prefect"} <= names
    assert (options["fsync"], options["listen_addresses"], options["max_connections"]) == ("on", "", "200")
    assert stat.S_IMODE(settings.runtime_path.stat().st_mode) == 0o700


def test_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    """What was committed survives kill -9, and neither stale pid file nor stale socket is in the way."""
    settings = hub_on(tmp_path)

    async def scenario() -> list[int]:
        first = await started(settings)
        await query(settings, "CREATE TABLE kept AS SELECT 7 AS number")
        assert first.pid
        first._stopping = True
        os.kill(first.pid, signal.SIGKILL)
        await first.stop()
        second = await started(settings)
        try:
            return [row["number"] for row in await query(settings, "SELECT number FROM kept")]
        finally:
            await second.stop()

    assert asyncio.run(scenario()) == [7]


def test_ends_a_server_that_outlived_its_supervisor(tmp_path: Path) -> None:
    """A second start on the same folder takes over from a server that is still running there."""
    settings = hub_on(tmp_path)

    async def scenario() -> tuple[int | None, int | None]:
        first = await started(settings)
        first._stopping = True
        former = first.pid
        second = await started(settings)
        try:
            return former, second.pid
        finally:
            await second.stop()
            await first.stop()

    former, present = asyncio.run(scenario())

    assert former != present
    assert former is not None
    assert not Path(f"/proc/{former}").exists()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    """An initialisation that was interrupted leaves nothing that a later start would trip over."""
    settings = hub_on(tmp_path)
    draft = postgres.data_folder(settings).with_name("postgres.new")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("half")

    async def scenario() -> list[asyncpg.Record]:
        process = await started(settings)
        try:
            return await query(settings, "SELECT 1")
        finally:
            await process.stop()

    assert len(asyncio.run(scenario())) == 1
    assert not draft.exists()


def test_is_not_needed_when_both_databases_are_elsewhere(tmp_path: Path) -> None:
    """With two database URLs set no server is started; with one of them it still is."""
    both = load_settings(
        data_dir=tmp_path, database_url="postgresql://a/b", prefect_database_url="postgresql://a/c"
    )
    one = load_settings(data_dir=tmp_path, database_url="postgresql://a/b")

    assert (postgres.needed(both), postgres.needed(one)) == (False, True)


def test_a_platform_without_the_wheel_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no embedded PostgreSQL the error names the setting that points to another."""
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(postgres.PostgresMissing, match="SOMA_DATABASE_URL"):
        postgres.binary("postgres")


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Somebody else may have made the folder first, to read what goes through it; the hub does not use it."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "sockets").symlink_to(tmp_path / "theirs")

    with pytest.raises(FolderRefused, match="sockets"):
        make_private(tmp_path / "sockets")


def test_a_folder_that_cannot_be_made_is_one_readable_error(tmp_path: Path) -> None:
    """A data folder below a file is refused with the setting that names it."""
    (tmp_path / "file").write_text("")

    with pytest.raises(FolderRefused, match="SOMA_DATA_DIR"):
        make_folders(load_settings(data_dir=tmp_path / "file" / "hub"))
