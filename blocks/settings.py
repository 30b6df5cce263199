"""What the hub is configured with: one class, read at the edge and passed in.

Building it touches nothing: no folder is made, no log configured, no connection opened.
Order of precedence: explicit argument, environment (`SOMA_…`), `soma.toml` in the data folder, default.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from blocks.errors import BadInput

Port = Annotated[int, Field(ge=1, le=65535)]
Folder = Annotated[Path, BeforeValidator(lambda value: Path(value).expanduser().absolute())]


def default_data_dir() -> Path:
    """`SOMA_DATA_DIR`, else `~/.soma`."""
    return Path(os.environ.get("SOMA_DATA_DIR") or Path.home() / ".soma").expanduser().absolute()


class Settings(BaseSettings):
    """Every setting of the hub; each may be set as `SOMA_NAME` in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="SOMA_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        toml_file=None,
    )

    data_dir: Folder = Field(default_factory=default_data_dir)
    """The folder that holds everything the embedded hub keeps."""
    deliverables_dir: Folder | None = None
    """Where deliverables are published; `deliverables` in the data folder unless set."""
    database_url: SecretStr | None = None
    """The hub's own PostgreSQL; the embedded one unless set."""
    prefect_database_url: SecretStr | None = None
    """Prefect's PostgreSQL; a second database on the embedded server unless set."""
    redis_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("SOMA_REDIS_URL", "REDIS_URL")
    )
    """Redis or Valkey; the embedded Valkey unless set."""
    qdrant_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("SOMA_QDRANT_URL", "QDRANT_URL")
    )
    """A Qdrant server for memory; the embedded engine behind the gateway unless set."""
    gateway_host: str = "127.0.0.1"
    """The address that the gateway listens on."""
    gateway_port: Port = 10000
    gateway_internal_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = None
    """Where the hub's own processes on other machines reach the gateway; on this machine unless set."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/[^\s]*)?$")] | None = None
    """Where people reach the gateway, such as `https://hub.example.org`; links to answer by begin with it."""
    prefect_port: Port = 4200
    wizard: bool = True
    """Whether `soma up` serves the wizard, the hub's pages for people."""
    wizard_host: str | None = None
    """The address that the wizard listens on; the gateway's unless set."""
    wizard_port: Port = 8501
    wizard_public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = None
    """Where people reach the wizard, such as `https://wizard.example.org`, if that is not its own address."""
    worker_port: Port = 10001
    """Where the embedded worker answers `/health`, `/ready` and `/metrics`, on the gateway's address."""
    supervisor_port: Port = 10002
    """Where `soma up` answers the same for all processes that it has started."""
    port_offset: Annotated[int, Field(ge=0, le=50000)] = 0
    """Added to all of these ports, so that several hubs fit on one machine."""
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = "default"
    """The tenant of runs that nobody's token speaks for, such as schedules."""
    work_pool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = "soma"
    """The Prefect work pool that the hub's deployments run on."""
    pod_work_pool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] | None = None
    """The Prefect work pool of type `kubernetes` in which capsules run as pods; without one, none does."""
    pod_template: Folder | None = None
    """The base job template that this pool is given, a JSON file; unset, the pool stays as people made it."""
    processes_as: Literal["process", "pod"] = "process"
    """What capsules that ask for a process of their own become: a process of the warm worker, or a pod."""
    max_runs: Annotated[int, Field(ge=1, le=1000)] = 8
    """How many flow runs the embedded worker holds at once, drivers apart."""
    max_drivers: Annotated[int, Field(ge=1, le=1000)] = 16
    """How many runs that drive projects, and wait for other runs, it holds besides."""
    run_memory_mb: Annotated[int, Field(ge=0)] = 4096
    """The memory that one run may take with all it starts, unless its deployment says otherwise; 0 is any."""
    cancel_grace_seconds: Annotated[float, Field(ge=0, le=600)] = 8.0
    """What a cancelled run has to end by itself before it is killed."""
    recycle_forks: Annotated[int, Field(ge=1)] = 1000
    """After so many runs the fork server replaces its interpreter, in a pause, without ending runs."""
    recycle_growth_mb: Annotated[int, Field(ge=16)] = 256
    """By how much the fork server's memory may have grown before it does the same."""
    worker_memory_mb: Annotated[int, Field(ge=0)] = 1024
    """The embedded worker that takes more is started anew, without ending runs; 0 is any."""
    lease_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0
    """How long a process that gives no sign of life keeps its work before others are given it."""
    max_inline: Annotated[int, Field(ge=1, le=1000)] = 16
    """How many nodes of one project may be at work in its driver's own process at once."""
    cancel_seconds: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long what is at work for a cancelled project may take to clean up before it is left behind."""
    constitution: Folder | None = None
    """A constitution file that is in force as it lies there, unsigned; for development. Unset, each tenant's
    activated version is in force."""
    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = "local"
    """What articles see as `environment.name`, such as `staging` or `production`."""
    keys_dir: Folder | None = None
    """Where the hub's signing key and the trusted public keys lie; `keys` in the data folder unless set."""
    model: str = ""
    """The model of all agents that no ModelAccess block has one for; several with commas, tried in order."""
    model_provider: Literal["openai", "anthropic", "ollama"] = "openai"
    """How that model is spoken to; `openai` is also whatever is compatible with it."""
    model_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/[^\s]*)?$")] | None = None
    """Where it answers, such as `http://127.0.0.1:11434/v1`; the provider's own address unless set."""
    model_key: SecretStr | None = None
    """Its API key; every process of the hub can read it, which a key in a ModelAccess block is safe from."""
    sandbox_memory_mb: Annotated[int, Field(ge=64)] = 1024
    """The memory that a program in the sandbox may take with all it starts."""
    sandbox_folders: Annotated[str, Field(pattern=r"^(/[^:]*(:/[^:]*)*)?$")] = ""
    """Folders, with colons between them, that programs in the sandbox can read besides the system."""
    web_allow: str = ""
    """The sites that `web.fetch` may ask, with commas between them: `docs.python.org, *.example.org`, or
    `host:port`; no site if empty. An address inside of a private network needs its host and port by name."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        data_dir = init_settings.init_kwargs.get("data_dir")  # type: ignore[attr-defined]  # InitSettingsSource keeps its arguments there
        folder = Path(data_dir).expanduser() if data_dir else default_data_dir()
        file = TomlConfigSettingsSource(settings_cls, toml_file=folder / "soma.toml")
        return init_settings, env_settings, file

    @property
    def deliverables_path(self) -> Path:
        return self.deliverables_dir or self.data_dir / "deliverables"

    @property
    def workspaces_path(self) -> Path:
        """Where projects keep their working files, one folder a project."""
        return self.data_dir / "workspaces"

    @property
    def results_path(self) -> Path:
        """Where node results and Prefect's persisted results lie."""
        return self.data_dir / "results"

    @property
    def keys_path(self) -> Path:
        """The hub's own Ed25519 key, and in `trusted/` the public keys that may sign constitutions."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def logs_path(self) -> Path:
        return self.data_dir / "logs"

    @property
    def sandbox_paths(self) -> tuple[Path, ...]:
        """What programs in the sandbox can read besides the system."""
        return tuple(Path(folder) for folder in self.sandbox_folders.split(":") if folder)

    @property
    def run_logs_path(self) -> Path:
        """Where the logs of runs lie until Prefect has them."""
        return self.logs_path / "runs"

    @property
    def token_path(self) -> Path:
        """The local admin token, mode 0600."""
        return self.data_dir / "admin.token"

    @property
    def runtime_path(self) -> Path:
        """The short folder for unix sockets (their paths may have 107 bytes at most)."""
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"soma-{os.getuid()}-{digest}"

    @property
    def database_address(self) -> str:
        """The SQLAlchemy URL of the hub's records."""
        if self.database_url:
            return as_asyncpg(self.database_url.get_secret_value())
        return f"postgresql+asyncpg://postgres@/soma?host={self.runtime_path}"

    @property
    def prefect_database_address(self) -> str:
        """The SQLAlchemy URL of Prefect's own database."""
        if self.prefect_database_url:
            return as_asyncpg(self.prefect_database_url.get_secret_value())
        return f"postgresql+asyncpg://postgres:@/prefect?host={self.runtime_path}"

    @property
    def redis_address(self) -> str:
        """The URL that `redis.from_url` takes."""
        if self.redis_url:
            return self.redis_url.get_secret_value()
        return f"unix://{self.runtime_path}/valkey.sock"

    @property
    def gateway_url(self) -> str:
        """Where the hub's own processes reach the gateway."""
        if self.gateway_internal_url:
            return self.gateway_internal_url
        host = "127.0.0.1" if self.gateway_host in {"0.0.0.0", "::"} else self.gateway_host  # noqa: S104  # compares, does not bind
        return f"http://{host}:{self.gateway_port + self.port_offset}"

    @property
    def people_url(self) -> str:
        """What links for people begin with."""
        return (self.public_url or self.gateway_url).rstrip("/")

    @property
    def wizard_address(self) -> str:
        """The address that the wizard listens on."""
        return self.wizard_host or self.gateway_host

    @property
    def wizard_url(self) -> str:
        """Where the wizard answers on its own machine."""
        host = "127.0.0.1" if self.wizard_address in {"0.0.0.0", "::"} else self.wizard_address  # noqa: S104  # compares, does not bind
        return f"http://{host}:{self.wizard_port + self.port_offset}"

    @property
    def prefect_url(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port + self.port_offset}"

    @property
    def prefect_api_url(self) -> str:
        """`PREFECT_API_URL` of the environment, else the embedded server's."""
        return os.environ.get("PREFECT_API_URL") or f"{self.prefect_url}/api"


def as_asyncpg(url: str) -> str:
    """A PostgreSQL URL with the driver that the hub uses."""
    scheme, separator, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+asyncpg"} or not separator:
        raise BadInput(
            f"a database URL starts with 'postgresql://', not with {scheme!r}",
            mend="set SOMA_DATABASE_URL to postgresql://USER:PASSWORD@HOST/DATABASE",
        )
    return f"postgresql+asyncpg://{rest}"


def load_settings(**given: Any) -> Settings:
    """The settings, or a `BadInput` that names each wrong one and where it comes from."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise BadInput("settings are not valid: " + "; ".join(lines), problems=lines) from None


def _place(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    return name if name.isupper() else f"SOMA_{name.upper()}"
