"""What tests share: a clean environment, and real servers, each started only when a test asks for it.

The embedded servers are the hub's own (`blocks.engines`); Debian's PostgreSQL and Redis are a second opinion.
Every server is tied to pytest by the kernel, so none outlives it, even when pytest is killed.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import IO, Any, NoReturn

import asyncpg
import hypothesis
import pytest
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadFileScheduling

from blocks.engines import postgres, valkey
from blocks.engines import prefect_server as prefect_engine
from blocks.engines.child import Child, die_with_parent
from blocks.engines.folders import make_folders
from blocks.settings import Settings, default_data_dir, load_settings

OURS = ("SOMA_", "PREFECT_", "OTEL_")
ADDRESSES = ("REDIS_URL", "QDRANT_URL")
WHOLE_HUB = "tests/acceptance/"
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # a test that needs a server asks for `prefect_api`
}


hypothesis.settings.register_profile("same-every-time", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same-every-time")


def pytest_configure(config: pytest.Config) -> None:
    """Forget the developer's own hub before anything of ours or of Prefect's is imported by a test."""
    for name in list(os.environ):
        if name.startswith(OURS) or name in ADDRESSES:
            del os.environ[name]
    os.environ.update(QUIET)
    home = Path(tempfile.mkdtemp(prefix="soma-tests-"))
    os.environ["PREFECT_HOME"] = str(home)
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


class TogetherScheduling(LoadFileScheduling):
    """In several processes a file's tests stay together, and those of the whole hub in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return WHOLE_HUB if file.startswith(WHOLE_HUB) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    return TogetherScheduling(config, log)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of this test alone; what the test sets in the environment ends with it."""
    before = dict(os.environ)
    folder = tmp_path / "soma"
    monkeypatch.setenv("SOMA_DATA_DIR", str(folder))
    yield folder
    for name in set(os.environ) - set(before):
        if name.startswith(OURS) or name in ADDRESSES:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def model_server() -> Iterator[Any]:
    """A model that says what the test writes down, over a real socket: `tests/model_server.py`."""
    with beside("model_server").serving() as server:
        yield server


@pytest.fixture
def said() -> Any:
    """What scripted agents say in a project of `software-delivery`: `tests/delivery_script.py`."""
    return beside("delivery_script")


@pytest.fixture(scope="session")
def collector() -> Iterator[Any]:
    """A collector of traces that takes OTLP over HTTP; `spans` are those that have arrived."""
    with beside("collector").collecting() as collecting:
        yield collecting


def beside(name: str) -> Any:
    """The module of this name beside this file, loaded once."""
    if (module := sys.modules.get(name)) is None:
        spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def lay_down() -> Iterator[Callable[..., Path]]:
    """Puts a blueprint into the data folder's `blueprints`, as people do with their own, until the end."""
    made: list[Path] = []
    sample = (Path(__file__).parent / "blueprints" / "survey_well.yaml").read_text()

    def put(text: str = sample, name: str = "survey_well") -> Path:
        file = default_data_dir() / "blueprints" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        made.append(file)
        return file

    yield put
    for file in made:
        file.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings under which the embedded servers of this session run."""
    folder = tmp_path_factory.mktemp("embedded")
    settings = load_settings(data_dir=folder, prefect_port=free_port())
    make_folders(settings)
    yield settings
    shutil.rmtree(settings.runtime_path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(embedded: Settings) -> Iterator[str]:
    """The embedded PostgreSQL: the address of its maintenance database."""
    with running(postgres.child(embedded)):
        yield f"postgresql+asyncpg://postgres@/postgres?host={embedded.runtime_path}"


@pytest.fixture(scope="session")
def database_url(postgres_url: str, embedded: Settings) -> str:
    """One database of the embedded PostgreSQL for the whole session, empty at first."""
    return embedded.database_address


@pytest.fixture(scope="session")
def debian_postgres_url() -> Iterator[str]:
    """Debian's PostgreSQL, over TCP and with a password."""
    programs = debian_postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="soma-debian-postgres-"))
    password, port = secrets.token_urlsafe(12), free_port()
    secret = folder / "password"
    secret.write_text(password)
    hand_over(folder, "postgres")
    data = folder / "data"
    user = as_ordinary_user("postgres")
    initialise = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--pwfile", str(secret)]
    subprocess.run(
        [*user, *initialise, "--auth", "scram-sha-256"], check=True, capture_output=True, cwd=folder
    )
    url = f"postgresql+asyncpg://postgres:{password}@127.0.0.1:{port}/postgres"
    server = Child(
        name="debian-postgres",
        command=(*user, str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)),
        environment=os.environ,
        ready=lambda: answers(url),
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )
    with running(server):
        yield url
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["embedded", "debian"])
def any_postgres_url(request: pytest.FixtureRequest) -> str:
    """The embedded PostgreSQL and then Debian's: the test runs on both."""
    name = {"embedded": "postgres_url", "debian": "debian_postgres_url"}[request.param]
    return str(request.getfixturevalue(name))


@pytest.fixture
def new_database() -> Iterator[Callable[[str], str]]:
    """Makes an empty database on the server of a given URL, and drops it after the test."""
    made: list[tuple[str, str]] = []

    def make(server_url: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        asyncio.run(execute(server_url, f'CREATE DATABASE "{name}"'))
        made.append((server_url, name))
        return make_url(server_url).set(database=name).render_as_string(hide_password=False)

    yield make
    for server_url, name in made:
        asyncio.run(execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def valkey_url(embedded: Settings) -> Iterator[str]:
    """The embedded Valkey."""
    with running(valkey.child(embedded)):
        yield embedded.redis_address


@pytest.fixture(scope="session")
def debian_redis_url() -> Iterator[str]:
    """Debian's Redis, over TCP and with a password."""
    program = shutil.which("redis-server") or missing("redis-server")
    password, port = secrets.token_urlsafe(12), free_port()
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", password, "--save", ""]
    server = Child(
        name="debian-redis",
        command=(program, *options),
        environment=os.environ,
        ready=lambda: valkey.ready(load_settings(redis_url=url)),
        death_signal=signal.SIGTERM,
    )
    with running(server):
        yield url


@pytest.fixture(scope="session")
def prefect_server(postgres_url: str, embedded: Settings) -> Iterator[str]:
    """The API address of one Prefect server for the whole session, on the embedded PostgreSQL."""
    with running(prefect_engine.child(embedded)):
        yield f"{embedded.prefect_url}/api"
        send_what_is_queued()


@pytest.fixture
def prefect_api(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The session's Prefect server, set as the one that this test and its child processes speak to."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield prefect_server


@pytest.fixture(scope="session")
def shut_in() -> None:
    """Leaves a test that needs the sandbox out, and says why, where nothing can be shut in."""
    from blocks.sandbox.probing import why_not

    if problem := asyncio.run(why_not()):
        pytest.skip(problem)


def send_what_is_queued() -> None:
    """Let Prefect's threads in this process send their logs and events while the server still answers."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=10, at_exit=False)


@contextmanager
def running(child: Child) -> Iterator[subprocess.Popen[bytes]]:
    """Start `child`, wait until it is ready and stop it at the end; what it wrote is shown when it fails."""
    if child.before:
        asyncio.run(child.before())
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            child.command,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: die_with_parent(child.death_signal),  # noqa: PLW1509  # one call of the kernel
        )
        try:
            wait_until_ready(child, process, log)
            yield process
        finally:
            stop(process, child.stop_signal)


def wait_until_ready(child: Child, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    deadline = time.monotonic() + 300
    while not asyncio.run(child.ready()):
        if process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        log.seek(0)
        said = log.read()[-4000:].decode(errors="replace")
        pytest.fail(f"{child.name} did not become ready (exit code {process.poll()}):\n{said}", pytrace=False)


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def debian_postgres_programs() -> Path:
    """The folder of Debian's newest PostgreSQL."""
    found = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        missing("postgresql")
    return max(found, key=lambda path: int(path.parts[-3])).parent


def missing(package: str) -> NoReturn:
    """Fail, and never skip, a test whose server is not installed."""
    pytest.fail(f"this test needs Debian's {package}: apt-get install {package}", pytrace=False)


def as_ordinary_user(name: str) -> list[str]:
    """How root starts a program that refuses to be root; empty for anybody else."""
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups"] if os.geteuid() == 0 else []


def hand_over(folder: Path, name: str) -> None:
    """Give `folder` to the user that `as_ordinary_user` starts programs as."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, name, name)


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1), timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def answers(url: str) -> bool:
    try:
        await execute(url, "SELECT 1")
    except (OSError, asyncpg.PostgresError):
        return False
    return True
