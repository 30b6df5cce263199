"""What happens in the process of one flow run, right after it was forked."""

import atexit
import importlib
import os
import random
import signal
import sys
import threading
import traceback
from typing import Any
from uuid import UUID

from prefect._internal import control_listener
from prefect.client.schemas.objects import FlowRun
from prefect.context import refresh_global_settings_context
from prefect.engine import _drive_run_flow_result, handle_engine_signals
from prefect.flow_engine import load_flow, load_flow_run, run_flow
from prefect.logging.loggers import flow_run_logger

from blocks.warm_worker.run_logging import log_through_file

CANCEL_SIGNAL = signal.SIGUSR2


def run_in_child(message: dict[str, Any]) -> int:
    """Execute the flow run that `message` names and return the exit status of the process."""
    signal.signal(CANCEL_SIGNAL, _note_cancellation)
    if message.get("log"):
        log_through_file(message)
    _apply(message.get("environment", {}))
    os.chdir(message.get("folder") or ".")
    random.seed()
    try:
        return _status_of(message)
    finally:
        _finish()


def _note_cancellation(*_: object) -> None:
    """Let Prefect's engine see the SIGTERM that follows as the cancellation that it is."""
    control_listener._set_intent("cancel")  # noqa: SLF001  # what its control channel does, without its socket


def _apply(environment: dict[str, str | None]) -> None:
    changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    for name, value in changed.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if any(name.startswith("PREFECT_") and not name.startswith("PREFECT__") for name in changed):
        refresh_global_settings_context()


def _status_of(message: dict[str, Any]) -> int:
    try:
        if "call" in message:
            return _call(message["call"], message["arguments"])
        _execute(UUID(message["run"]), message.get("flow_run"))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # a flow's error is in Prefect by now; a call's is not
        if "call" in message:
            traceback.print_exc()
        return 1
    return 0


def _call(function: str, arguments: list[str]) -> int:
    module, _, name = function.partition(":")
    status = getattr(importlib.import_module(module), name)(*arguments)
    return int(status or 0)


def _execute(run: UUID, known: dict[str, Any] | None) -> None:
    with handle_engine_signals(run):
        flow_run = FlowRun.model_validate(known) if known else load_flow_run(run)
        logger = flow_run_logger(flow_run=flow_run)
        try:
            flow = load_flow(flow_run)
        except Exception:
            logger.exception("the flow of this run could not be loaded")
            raise
        _drive_run_flow_result(flow, run_flow(flow, flow_run=flow_run))


def _finish() -> None:
    """What the interpreter would do at its end, without taking down its modules one by one."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stdout.flush()
    sys.stderr.flush()
