"""`soma constitution`: write, check, publish, replay and activate the rules that the hub obeys."""

import typer

from ui.cli import constitution_files as files
from ui.cli import constitution_life as life
from ui.cli import constitution_replay as time_travel

app = typer.Typer(no_args_is_help=True, help="Write, check, publish, replay and activate constitutions.")

app.command()(files.validate)
app.command("test")(files.run_examples)
app.command()(files.explain)
app.command()(files.diff)
app.command()(files.sign)
app.command()(life.publish)
app.command()(time_travel.replay)
app.command()(time_travel.shadow)
app.command()(life.activate)
app.command()(life.confirm)
app.command()(life.withdraw)
app.command()(life.rollback)
app.command()(life.show)
app.command()(life.history)
