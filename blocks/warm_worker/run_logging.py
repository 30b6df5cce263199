"""Prefect's logging in the process of a run: to the run's log on disk, which the worker sends on.

So a run needs no connection and no thread for its log, ends without waiting for it, and what it logged
right before it was killed is not lost with it.
"""

import logging
from pathlib import Path
from typing import Any

from prefect.logging import handlers
from prefect.logging.handlers import PrefectConsoleHandler

from blocks.warm_worker.run_log import RunLog

IN_PREFECT = ("prefect.flow_runs", "prefect.task_runs")
SIZE = "__payload_size__"


def log_through_file(message: dict[str, Any]) -> None:
    """Let this process log to the file that `message` names."""
    log = RunLog(Path(message["log"]["path"]), message["run"], message["log"].get("secrets") or ())

    def keep(line: dict[str, Any]) -> None:
        log.append({name: value for name, value in line.items() if name != SIZE})

    handlers.set_api_log_sink(keep)
    for handler in _console_handlers():
        handler.addFilter(_not_in_prefect)


def _console_handlers() -> list[logging.Handler]:
    """What writes to standard error, which is kept in the run's log as well."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    found = {id(handler): handler for logger in loggers for handler in logger.handlers}
    return [handler for handler in found.values() if isinstance(handler, PrefectConsoleHandler)]


def _not_in_prefect(record: logging.LogRecord) -> bool:
    """Whether the line would be missing in Prefect if it were not written to standard error."""
    return not record.name.startswith(IN_PREFECT)
