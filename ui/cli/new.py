"""`soma new`: from a request to a launched project, question by question, to be taken up again later."""

from typing import Annotated

import typer

from ui.cli.launch import Inputs

Asked = Annotated[str, typer.Argument(metavar="[REQUEST]", help="What you want, in your own words.")]


def new(  # noqa: PLR0917  # typer calls it by name
    request: Asked = "",
    blueprint: Annotated[
        str | None, typer.Option("--blueprint", "-b", help="The blueprint; else the request picks one.")
    ] = None,
    given: Inputs = [],  # noqa: B006  # typer copies it
    title: Annotated[str | None, typer.Option(help="What the project is called.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="SESSION", help="Go on with this one where you left it.")
    ] = None,
    discard: Annotated[str | None, typer.Option(metavar="SESSION", help="Forget this one.")] = None,
    list_mine: Annotated[
        bool, typer.Option("--list", help="List your sessions and do nothing else.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Take what was found in the request without asking.")
    ] = False,
    launch: Annotated[
        bool, typer.Option("--launch", help="Launch without asking once everything is answered.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the project until it ends.")] = False,
) -> None:
    """Answer a blueprint's questions, look at the plan, and launch it; leave at any time and resume later."""
    from blocks.errors import BadInput
    from ui.cli.attend import attend
    from ui.cli.connect import hub
    from ui.cli.interview import Interview
    from ui.cli.launch import read_pairs
    from ui.cli.sessions import show_sessions
    from ui.cli.terminal import console

    screen = console()
    with hub() as client:
        if list_mine:
            show_sessions(client.sessions(), screen)
            return
        if discard is not None:
            client.discard_session(discard)
            typer.echo(f"{discard} is forgotten")
            return
        if resume is None and not request.strip() and blueprint is None:
            raise BadInput("say what you want, or name a blueprint with --blueprint; `soma blueprints list`")
        session = (
            client.session(resume)
            if resume is not None
            else client.new_session(blueprint=blueprint, request=request, title=title)
        )
        interview = Interview(client, session, screen, accept=accept)
        project = interview.lead(read_pairs(given), launch=launch)
        if project is not None:
            screen.print(project.id, markup=False)
            if watch:
                raise typer.Exit(attend(client, project.id, screen, yes=False))
