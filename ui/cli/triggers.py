"""`soma triggers`: what starts blueprints without a person: the clock, webhooks, what happens in the hub."""

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from ui.cli.launch import read_pairs
from ui.cli.terminal import columns, console, cut, plain, word
from ui.wire_triggers import MadeTrigger, Trigger, TriggerDetail

app = typer.Typer(
    no_args_is_help=True, help="Add, list, show, pause, resume, try and remove what starts blueprints."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Name = Annotated[
    str, typer.Argument(metavar="TRIGGER", help="Its name or id; `soma triggers list` shows it.")
]


@app.command()
def add(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it, such as `nightly-audit`.")],
    blueprint: Annotated[str, typer.Option("--blueprint", "-b", help="The blueprint that it starts.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME=VALUE", help="An answer of the blueprint; repeat."),
    ] = None,
    from_event: Annotated[
        list[str] | None,
        typer.Option("--from-event", "-e", metavar="NAME=PATH", help="An answer out of the event; repeat."),
    ] = None,
    cron: Annotated[
        str | None, typer.Option(help="By the clock: `0 3 * * *` is each night at three.")
    ] = None,
    interval: Annotated[str | None, typer.Option(help="By the clock: each `30m`, `6h`, `1d`.")] = None,
    timezone: Annotated[str, typer.Option(help="In which a cron line is meant.")] = "UTC",
    catch_up: Annotated[
        str, typer.Option(help="Of times when nothing could run: `skip` them, the `latest`, or `all`.")
    ] = "latest",
    webhook: Annotated[bool, typer.Option("--webhook", help="By a signed request from outside.")] = False,
    project: Annotated[
        str | None, typer.Option(metavar="BLUEPRINT", help="By the end of a project of it; `*` is any.")
    ] = None,
    states: Annotated[
        list[str] | None, typer.Option("--state", help="With --project: how it ended; default completed.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SCOPE", help="By a memory kept in it; may be a pattern.")
    ] = None,
    bus: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="By a message on the bus; may be a pattern.")
    ] = None,
    condition: Annotated[
        str | None, typer.Option("--if", metavar="CEL", help="Only for events that fulfil it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a trigger; it is at work at once. A webhook's secret is printed this once."""
    from ui.cli.connect import hub
    from ui.cli.typed import typed_answers

    pairs = read_pairs(inputs or [])
    given = {
        "schedule": _schedule(cron, interval, timezone),
        "webhook": {} if webhook else None,
        "project": {"blueprint": project, "states": states or ["completed"]} if project else None,
        "memory": {"scope": memory} if memory else None,
        "bus": {"topic": bus} if bus else None,
    }
    asked: dict[str, Any] = {
        "name": name,
        "blueprint": blueprint,
        "inputs": {**pairs, **_references(from_event or [])},
        "condition": condition,
        "catch_up": catch_up,
        **{kind: source for kind, source in given.items() if source is not None},
    }
    with hub() as client:
        if pairs:
            asked["inputs"] |= typed_answers(client.questions(blueprint), pairs)
        made = client.add_trigger(asked)
        _tell_made(made, client.url, as_json=as_json)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the triggers."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.triggers()
    if as_json:
        typer.echo(json.dumps([trigger.model_dump(mode="json") for trigger in found], indent=2))
        return
    table = columns("name", "kind", "blueprint", "state")
    for trigger in found:
        state = Text("at work", "green") if trigger.active else Text("paused", "yellow")
        table.add_row(
            Text(plain(trigger.name), "bold"), trigger.kind, plain(trigger.blueprint), state, _when(trigger)
        )
    console().print(table)


@app.command()
def show(trigger: Name, as_json: AsJson = False) -> None:
    """Show a trigger with its newest events and what became of them."""
    from ui.cli.connect import hub

    with hub() as client:
        found = client.trigger(trigger)
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json"), indent=2))
    else:
        _show(found)


@app.command()
def remove(trigger: Name) -> None:
    """End a trigger for good; what it has started goes on."""
    from ui.cli.connect import hub

    with hub() as client:
        client.remove_trigger(trigger)
    typer.echo(f"{trigger} is removed")


@app.command()
def pause(trigger: Name) -> None:
    """Let a trigger start nothing until it is resumed."""
    from ui.cli.connect import hub

    with hub() as client:
        typer.echo(f"{client.pause_trigger(trigger).name} is paused")


@app.command()
def resume(trigger: Name) -> None:
    """Let a paused trigger be at work again."""
    from ui.cli.connect import hub

    with hub() as client:
        typer.echo(f"{client.resume_trigger(trigger).name} is at work")


@app.command()
def renew(trigger: Name, as_json: AsJson = False) -> None:
    """Make a new secret for a webhook; the old one is worth nothing from now on."""
    from ui.cli.connect import hub

    with hub() as client:
        _tell_made(client.renew_secret(trigger), client.url, as_json=as_json)


@app.command("test")
def try_out(
    trigger: Name,
    event: Annotated[
        str, typer.Option("--event", metavar="JSON", help="What happened; `@FILE` or `-` reads it.")
    ] = "{}",
) -> None:
    """Hand a trigger an event that is made up; it acts as for a real one."""
    from ui.cli.connect import hub
    from ui.cli.json_argument import json_object

    said = json_object(event, "--event", '{"body": {"repository": "…"}}')
    with hub() as client:
        made = client.try_trigger(trigger, said)
    typer.echo(f"{made.id}: {made.state}" + (f": {plain(made.reason)}" if made.reason else ""))


@app.command()
def publish(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="What it is about, such as `deploy.done`.")],
    data: Annotated[
        str, typer.Option("--data", metavar="JSON", help="What is said; `@FILE` or `-` reads it.")
    ] = "{}",
) -> None:
    """Put a message on the bus, for triggers to hear."""
    from ui.cli.connect import hub
    from ui.cli.json_argument import json_object

    said = json_object(data, "--data", '{"repository": "…"}')
    with hub() as client:
        typer.echo(client.publish_message(topic, said))


def _schedule(cron: str | None, interval: str | None, timezone: str) -> dict[str, Any] | None:
    from blocks.constitution.terms import parse_duration
    from blocks.errors import BadInput

    if cron is None and interval is None:
        return None
    given: dict[str, Any] = {"timezone": timezone} | ({"cron": cron} if cron else {})
    if interval is not None:
        try:
            given["interval"] = parse_duration(interval).total_seconds()
        except ValueError as error:
            raise BadInput(f"--interval: {error}") from None
    return given


def _references(given: list[str]) -> dict[str, Any]:
    from blocks.errors import BadInput

    pairs = [item.partition("=") for item in given]
    if wrong := [name for name, equals, path in pairs if not (name and equals and path)]:
        raise BadInput(f"--from-event takes NAME=PATH, such as repository=body.url, not {wrong[0]!r}")
    return {name: {"$event": path} for name, _, path in pairs}


def _tell_made(made: MadeTrigger, url: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(made.model_dump(mode="json"), indent=2))
        return
    typer.echo(f"{made.id}: {made.name} starts {made.blueprint}: {_when(made)}", err=bool(made.secret))
    if made.secret:
        typer.echo(f"Send events to {url}{made.path}, signed with this secret.", err=True)
        typer.echo("Keep it; it is not shown again:", err=True)
        typer.echo(made.secret)


def _when(trigger: Trigger) -> str:
    """In words, when it starts its blueprint."""
    source = trigger.source
    words = {
        "webhook": "by signed requests",
        "project": f"when a project of {source.get('blueprint') or 'any blueprint'} is "
        + " or ".join(source.get("states") or ()),
        "memory": f"when a memory is kept in {source.get('scope')}",
        "bus": f"by messages on {source.get('topic')}",
        "schedule": f"{source.get('cron') or _each(source)} ({source.get('timezone')}), "
        f"missed runs: {trigger.catch_up}",
    }
    told = words[trigger.kind]
    return plain(f"{told}, if {trigger.condition}" if trigger.condition else told)


def _each(source: dict[str, Any]) -> str:
    return f"every {float(source.get('interval') or 0):g} s"


def _show(found: TriggerDetail) -> None:
    typer.echo(f"{found.id}  {plain(found.name)}  {'at work' if found.active else 'paused'}")
    typer.echo(f"starts {plain(found.blueprint)}: {_when(found)}")
    typer.echo(f"inputs: {plain(json.dumps(found.inputs, ensure_ascii=False))}")
    typer.echo(f"made by {plain(found.created_by)} at {found.created_at:%Y-%m-%d %H:%M} UTC")
    if found.kind == "webhook":
        typer.echo(f"address: /v1/hooks/{found.id}")
    table = columns("at", "state", "project")
    for delivery in found.deliveries:
        what = delivery.reason or delivery.event
        table.add_row(
            f"{delivery.received_at:%m-%d %H:%M:%S}",
            word(delivery.state),
            delivery.project or "-",
            cut(what, 300),
        )
    console().print(table)
