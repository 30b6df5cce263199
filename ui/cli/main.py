"""`soma`: the command line. Errors end as one readable line and an exit code, never as a traceback."""

import os
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, ClassVar

import typer

from blocks.errors import SomaError
from ui.cli.lazy import Deferred, LazyGroup

COMMANDS = (
    ("demo", "ui.cli.demo:demo", "Audit a repository from nothing to a report, in one go."),
    ("up", "ui.cli.up:up", "Start the hub and keep it up until Ctrl-C."),
    ("new", "ui.cli.new:new", "Answer a blueprint's questions, look at the plan, and launch it."),
    ("blueprints", "ui.cli.blueprints:app", "List, show and check blueprints; find one for a request."),
    ("launch", "ui.cli.launch:launch", "Plan a project from a blueprint and let it run."),
    ("status", "ui.cli.status:status", "Show the projects, or one project and its nodes."),
    ("projects", "ui.cli.projects:app", "Pause, resume, cancel, rerun and fork projects; set deadlines."),
    ("approvals", "ui.cli.answers:approvals", "List the questions that wait for people."),
    ("approve", "ui.cli.answers:approve", "Say yes to a question."),
    ("reject", "ui.cli.answers:reject", "Say no to a question."),
    ("changes", "ui.cli.answers:changes", "Send what a question is about back, and say what to change."),
    ("notifications", "ui.cli.notifications:app", "Show what people were told and by which routes."),
    ("artifacts", "ui.cli.artifacts:artifacts", "List or fetch what a project delivered."),
    ("logs", "ui.cli.logs:logs", "Read what a project or a part of the hub logged."),
    ("triggers", "ui.cli.triggers:app", "Start blueprints by the clock, by webhooks, or by what happens."),
    ("budgets", "ui.cli.budgets:app", "Show what may be used up and was, and set limits."),
    ("limits", "ui.cli.limits:app", "Show, set and remove concurrency limits."),
    ("capsules", "ui.cli.capsules:app", "List, show, run, validate and make capsules."),
    ("models", "ui.cli.models:app", "Say which models agents are answered by, and try them."),
    ("tools", "ui.cli.tools:app", "Show the tools of agents, try them, and set up MCP servers."),
    (
        "constitution",
        "ui.cli.constitution:app",
        "Write, check, publish, replay and activate constitutions.",
    ),
    ("audit", "ui.cli.audit:app", "Read, verify and export the audit log; prove single decisions."),
    ("login", "ui.cli.login:login", "Sign in, so that the commands after this speak for you."),
    ("logout", "ui.cli.login:logout", "End the session that `soma login` began."),
    ("users", "ui.cli.users:app", "Make, list and change the people who may sign in."),
    ("tenants", "ui.cli.tenants:app", "Make and list the organisations on this hub."),
    ("tokens", "ui.cli.tokens:app", "Make, list and revoke the tokens that people and programs use."),
    ("keys", "ui.cli.keys:app", "Show, make and trust the keys that sign constitutions."),
    ("config", "ui.cli.config:app", "Show the settings and where each comes from."),
    ("doctor", "ui.cli.doctor:doctor", "Say what is wrong with this installation."),
)
"""Name, where the command is, and what it does."""


class Soma(LazyGroup):
    deferred: ClassVar = {name: Deferred(name, target, summary) for name, target, summary in COMMANDS}


app = typer.Typer(
    name="soma", cls=Soma, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"soma {installed_version()}")
        raise typer.Exit


def installed_version() -> str:
    try:
        return version("soma-agent-hub")
    except PackageNotFoundError:
        return "(run from its sources)"


@app.callback()
def soma(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Governed programs of autonomous agents, run as ordinary Prefect flows."""


def main() -> None:
    """The console script."""
    try:
        app(prog_name="soma")
    except SomaError as error:
        fail(explain(error), error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # the last line of defence against a traceback
        fail(f"unexpected {type(error).__name__}: {error} (SOMA_DEBUG=1 shows where)", 1)


def explain(error: SomaError) -> str:
    """What happened and how to mend it, on one line."""
    mend = error.fields.get("mend")
    return f"{error.message} ({mend})" if mend else error.message


def fail(line: str, code: int) -> None:
    if os.environ.get("SOMA_DEBUG"):
        traceback.print_exc()
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(" ".join(line.split()), err=True)
    sys.exit(code)
