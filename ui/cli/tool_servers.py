"""What `soma tools` does: whether tools work on this machine, and what MCP servers tell of theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from prefect.client.orchestration import get_client
from pydantic import SecretStr, ValidationError

from blocks.errors import BadInput, SomaError
from blocks.mcp.block import NAME, ToolServer
from blocks.mcp.pinning import Drift, drift
from blocks.mcp.servers import accept, save_server, server_named, told_by
from blocks.mcp.talking import ServerTool
from blocks.sandbox.probing import why_not
from blocks.sandbox.running import run
from blocks.settings import Settings
from blocks.web.block import NAME as WEB
from blocks.web.block import WebAccess
from blocks.web.rules import rules_of
from ui.cli.prefect_side import with_prefect


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Whether one thing that tools need is there."""

    name: str
    state: str
    """`ok`, `off` (not set up), `look` (a person has to) or `fail`."""
    said: str
    tools: list[ServerTool] = field(default_factory=list)
    drift: Drift | None = None


def servers(settings: Settings) -> dict[str, ToolServer]:
    """The MCP servers by name, as Prefect keeps them."""

    async def work() -> dict[str, ToolServer]:
        async with get_client() as client:
            documents = await client.read_block_documents_by_type(ToolServer.get_block_type_slug())
        names = sorted(str(document.name) for document in documents if not document.is_anonymous)
        return {name: await server_named(name) for name in names}

    return with_prefect(settings, work())


def add(settings: Settings, name: str, **given: Any) -> ToolServer:
    """Make a server; `BadInput` says what of it is wrong."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name of a server: small letters, digits and dashes")
    for secrets in ("headers", "environment"):
        given[secrets] = {key: SecretStr(value) for key, value in given[secrets].items()}
    try:
        made = ToolServer(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}".strip(": ") for item in error.errors()]
        raise BadInput("; ".join(lines)) from None
    with_prefect(settings, save_server(name, made, overwrite=False))
    return made


def take(settings: Settings, name: str) -> tuple[Drift, list[ServerTool]]:
    """Accept what the server tells now; returns how it differs from before."""

    async def work() -> tuple[Drift, list[ServerTool]]:
        server = await server_named(name)
        tools = await told_by(name, server)
        return await accept(name, server, tools), tools

    return with_prefect(settings, work())


def of_this_machine(settings: Settings) -> Iterator[Finding]:
    """What the built-in tools need, as this machine has it."""
    problem = with_prefect(settings, why_not())
    yield Finding(name="sandbox", state="fail" if problem else "ok", said=problem or "programs are shut in")
    if problem is None:
        yield with_prefect(settings, _git(settings))
    yield _web(settings)


def of_server(settings: Settings, name: str, server: ToolServer) -> Finding:
    """Whether the server answers, and tells what it told when it was accepted."""
    if not server.enabled:
        return Finding(name=name, state="off", said="switched off")
    try:
        tools = with_prefect(settings, told_by(name, server))
    except SomaError as error:
        return Finding(name=name, state="fail", said=error.message)
    found = drift(tools, server.pins)
    if not server.pins:
        return Finding(name=name, state="look", said="not accepted yet", tools=tools, drift=found)
    state, said = ("look", "tells otherwise than accepted") if found.any else ("ok", "as accepted")
    return Finding(name=name, state=state, said=said, tools=tools, drift=found)


async def _git(settings: Settings) -> Finding:
    try:
        ran = await run(["git", "--version"], workspace=None, readable=settings.sandbox_paths)
    except SomaError as error:
        return Finding(name="git", state="fail", said=f"{error.message}; install git")
    return Finding(name="git", state="ok" if ran.exit_code == 0 else "fail", said=ran.stdout.strip())


def _web(settings: Settings) -> Finding:
    async def work() -> str:
        try:
            return cast("WebAccess", await WebAccess.aload(WEB)).allow
        except ValueError:  # Prefect's answer when there is none
            return settings.web_allow

    try:
        sites = with_prefect(settings, work())
        rules = rules_of(sites)
    except SomaError as error:
        return Finding(name="web", state="fail", said=error.message)
    if not rules:
        return Finding(name="web", state="off", said="no site may be fetched; SOMA_WEB_ALLOW names some")
    return Finding(name="web", state="ok", said=sites)


def words_of(path: Path | None) -> dict[str, str]:
    """The `NAME=VALUE` lines of a file of secrets."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from None
    pairs = [line.partition("=") for line in lines if line.strip() and not line.startswith("#")]
    if any(not sign for _, sign, _ in pairs):
        raise BadInput(f"{path}: each line is NAME=VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}
