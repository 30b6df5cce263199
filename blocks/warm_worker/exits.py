"""What the exit status of a run's process means."""

import contextlib
import signal


def describe_exit(status: int) -> str:
    """What an exit status means, for people."""
    if status >= 0:
        return f"the process of this run ended with status {status}"
    name = ""
    with contextlib.suppress(ValueError):
        name = f" ({signal.Signals(-status).name})"
    hint = ", by somebody or by the system for want of memory" if status == -signal.SIGKILL else ""
    return f"the process of this run was killed by signal {-status}{name}{hint}"
