"""Where tools work: in the folder of the project that is running."""

from pathlib import Path

from blocks.context import current
from blocks.errors import Forbidden


def workspace() -> Path:
    """The folder of the running project, or `Forbidden`: outside of a project tools have no place to work."""
    context = current()
    found = str(context.project_facts.get("workspace") or "") if context else ""
    if not found:
        raise Forbidden("this tool works in a project's folder, and there is no project here")
    return Path(found)
