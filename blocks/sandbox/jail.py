"""The process that shuts a program in: a program of its own that needs the standard library only.

Three processes: this one, outside; process 1 of the jail, which furnishes it and watches; and the program.
When this one ends, or the hub does, the kernel ends process 1, and with process 1 everything in the jail.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
from pathlib import Path

from blocks.sandbox.calls_denied import deny_calls
from blocks.sandbox.order import Ending, Order, Report
from blocks.sandbox.rooms import lock_up, move_in
from blocks.sandbox.syscalls import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    close_from,
    prctl,
    unshare,
)
from blocks.sandbox.watching import EVERY, Watch

INSIDE = 1000
"""The user that programs are in the jail; outside it is the hub's own user, who owns the workspace."""
APART = (
    *(CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET),
    *(CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP),
)
TELLING = 3
"""Where the program that could not be started says why; closed when it is."""
MB = 1_000_000


def main(order_at: int, report_at: int, lifeline: int) -> None:
    """Run the order that can be read at one descriptor, and report at another one; ends with the lifeline."""
    with os.fdopen(order_at, encoding="utf-8") as file:
        order = Order.from_json(file.read())
    user, group = os.getuid(), os.getgid()
    try:
        unshare(sum(APART))
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1", encoding="ascii")
        child = os.fork()
    except OSError as error:
        _tell(report_at, Report(ended="error", message=f"namespaces: {error.strerror}"))
        return
    if child == 0:
        _first(order, report_at, lifeline)
    _wait(child)


def _tell(report_at: int, report: Report) -> None:
    os.write(report_at, report.as_json().encode())


def _wait(child: int) -> None:
    while True:
        with contextlib.suppress(InterruptedError):
            os.waitpid(child, 0)
            return


def _first(order: Order, report_at: int, lifeline: int) -> None:
    """Process 1 of the jail; when it ends, the kernel ends all others."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != 0:  # a parent outside of the jail is shown as 0; another one is none
        os._exit(1)
    try:
        move_in(order)
        _loopback()
        # Nobody in the jail becomes the root of a namespace of its own.
        Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")
        lock_up()
        prctl(PR_SET_DUMPABLE, 0)
        watch = Watch(order.limits, order.workspace)
        program = _start(order)
        report = _watched(program, watch, lifeline)
    except OSError as error:
        report = Report(ended="error", message=str(error.args[1] if len(error.args) > 1 else error))
    except BaseException as error:  # noqa: BLE001  # nobody else is there to tell it
        report = Report(ended="error", message=f"{type(error).__name__}: {error}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    _tell(report_at, report)
    os._exit(0)


def _loopback() -> None:
    """A network of its own with nobody in it: programs may talk to themselves."""
    flags = struct.pack("16sH14s", b"lo", 0x1 | 0x40, b"")  # up and running
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, flags)


def _start(order: Order) -> int:
    """Start the program; `OSError` when that cannot be done."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, TELLING, inheritable=False)
            _become(order)
        except BaseException as error:  # noqa: BLE001  # the parent tells it
            os.write(TELLING, str(error).encode())
        finally:
            os._exit(127)
    os.close(writing)
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    with os.fdopen(reading, "rb") as file:
        problem = file.read().decode("utf-8", "replace")
    if problem:
        raise OSError(0, problem)
    return child


def _become(order: Order) -> None:
    os.setsid()
    close_from(TELLING + 1)
    for number, limit in _limits(order).items():
        resource.setrlimit(number, (limit, limit))
    os.chdir(order.folder)
    os.umask(0o022)
    for capability in range(64):
        with contextlib.suppress(OSError):  # there are fewer
            prctl(PR_CAPBSET_DROP, capability)
    for name in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and a program would inherit that
        signal.signal(name, signal.SIG_DFL)
    deny_calls()
    os.execvpe(order.command[0], order.command, dict(order.environment))  # noqa: S606  # that is what a jail is for


def _limits(order: Order) -> dict[int, int]:
    limits = order.limits
    return {
        resource.RLIMIT_CPU: int(limits.seconds * 2) + 1,
        resource.RLIMIT_AS: limits.memory_mb * MB * 4,
        resource.RLIMIT_FSIZE: limits.file_mb * MB,
        resource.RLIMIT_NOFILE: 256,
        # More than process 1 allows, which tells why; the kernel stops what is faster than its looks.
        resource.RLIMIT_NPROC: limits.processes * 2 + 10,
        resource.RLIMIT_CORE: 0,
    }


def _watched(program: int, watch: Watch, lifeline: int) -> Report:
    """Wait for the program to end, or end it at a limit or when the hub has gone."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN | select.POLLHUP)
    poll.register(os.pidfd_open(program), select.POLLIN)
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == program:
            return _ended(status)
        if pid:  # somebody whose parent had ended
            continue
        if any(descriptor == lifeline for descriptor, _ in poll.poll(EVERY * 1000)):
            return Report(ended="hub")
        passed: Ending | None = watch.passed()
        if passed:
            return Report(ended=passed)


def _ended(status: int) -> Report:
    if os.WIFSIGNALED(status):
        return Report(ended="signal", code=os.WTERMSIG(status))
    return Report(ended="exit", code=os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
