"""`soma tools`: which tools agents can be planned with, and whether they work here."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ui.cli.terminal import columns, console, plain

app = typer.Typer(no_args_is_help=True, help="Show the tools of agents, and set up MCP servers.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Server = Annotated[
    str, typer.Argument(metavar="SERVER", help="The MCP server; `soma tools list` names them.")
]
MARKS = {"ok": ("ok   ", "green"), "off": ("off  ", "dim"), "look": ("look ", "bold yellow")}
FAIL = ("fail ", "bold red")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the tools that come with the hub, and those of the MCP servers that were accepted."""
    from blocks.settings import load_settings
    from blocks.toolbox.builtin import BUILTIN
    from ui.cli.tool_servers import servers

    rows = [
        {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
        for tool in BUILTIN.values()
    ]
    found = servers(load_settings())
    rows += [
        {"name": f"mcp.{name}.{tool}", "description": f"a tool of the MCP server {name}"}
        for name, server in found.items()
        for tool in server.pins
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = columns("name")
    for row in rows:
        table.add_row(Text(plain(row["name"]), "bold"), plain(row["description"]))
    console().print(table)
    for name in [name for name, server in found.items() if not server.pins]:
        console().print(f"mcp.{name}.*: not accepted yet; `soma tools check {name}`", markup=False)


@app.command()
def check(
    server: Annotated[
        str | None, typer.Argument(metavar="SERVER", help="One MCP server; everything unless given.")
    ] = None,
) -> None:
    """Try what tools need on this machine, and ask MCP servers what they tell; exits 1 on a failure."""
    from blocks.errors import NotFound
    from blocks.settings import load_settings
    from ui.cli.tool_servers import of_server, of_this_machine, servers

    settings = load_settings()
    known = servers(settings)
    if server is not None and server not in known:
        raise NotFound(f"there is no MCP server {server!r}; `soma tools list` shows them")
    findings = [] if server else list(of_this_machine(settings))
    chosen = [server] if server else list(known)
    findings += [of_server(settings, name, known[name]) for name in chosen]
    for finding in findings:
        _show(finding, whole=server is not None)
    raise typer.Exit(int(any(finding.state == "fail" for finding in findings)))


@app.command()
def accept(server: Server) -> None:
    """Accept what an MCP server tells of its tools now; from here on it is held to that."""
    from blocks.settings import load_settings
    from ui.cli.tool_servers import take

    before, tools = take(load_settings(), server)
    for word, names in (("new", before.new), ("changed", before.changed), ("gone", before.gone)):
        for name in names:
            console().print(f"{word}: {plain(name)}", markup=False)
    console().print(f"{plain(server)} is held to {len(tools)} tools", markup=False)


@app.command()
def add(
    server: Server,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND...]", help="The program that speaks MCP, and its arguments."),
    ] = None,
    *,
    url: Annotated[str | None, typer.Option("--url", help="Or where it answers over HTTP.")] = None,
    folder: Annotated[
        list[str], typer.Option("--folder", help="A folder that the program can read; repeat.")
    ] = [],  # noqa: B006  # typer copies it
    workspace: Annotated[
        bool, typer.Option("--workspace", help="Let the program read and write the project's workspace.")
    ] = False,
    secrets: Annotated[
        Path | None,
        typer.Option(
            "--secrets", metavar="FILE", help="NAME=VALUE lines: its environment, or its HTTP headers."
        ),
    ] = None,
) -> None:
    """Set up an MCP server: a program, which runs in the sandbox, or an address."""
    from blocks.settings import load_settings
    from ui.cli.tool_servers import add as store
    from ui.cli.tool_servers import words_of

    words = words_of(secrets)
    store(
        load_settings(),
        server,
        command=command or [],
        url=url,
        folders=folder,
        workspace=workspace,
        environment={} if url else words,
        headers=words if url else {},
    )
    console().print(
        f"{plain(server)} is set up; look at it with `soma tools check {plain(server)}`", markup=False
    )


def _show(finding: Any, *, whole: bool) -> None:
    mark, style = MARKS.get(finding.state, FAIL)
    console().print(Text.assemble((mark, style), f"{plain(finding.name)}: ", plain(finding.said)))
    drift = finding.drift
    if drift is None:
        return
    words = {name: word for word in ("new", "changed", "gone") for name in getattr(drift, word)}
    for tool in finding.tools:
        word = words.get(tool.name, "")
        if whole or word:
            told = tool.description if whole else tool.description[:100]
            console().print(f"      {word or 'same':8}{plain(tool.name)}: {plain(told)}", markup=False)
    for name in drift.gone:
        console().print(f"      gone    {plain(name)}", markup=False)
