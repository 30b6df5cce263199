"""The fork server: one warm interpreter that every flow run is forked from.

It has imported Prefect's engine, the hub's flows and the capsules, and has done nothing else: one thread,
no connection, no event loop. It listens on a unix socket for the worker, forks a process for each run,
and tells every listener when a run has ended. It is a process beside the worker, not below it, so that
runs outlive a crashed worker; the kernel ends the runs when the fork server itself dies.
"""

import argparse
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blocks.engines.child import die_with_parent
from blocks.engines.slow_imports import skip_slow_imports
from blocks.warm_worker.preload import Preloaded, native_threads
from blocks.warm_worker.wire import Lines, encode

GRACE_SECONDS = 10.0
LAST_SECONDS = 1.5
CANCEL_SIGNAL = signal.SIGUSR2
"""Tells a run that the SIGTERM behind it is a cancellation, not a crash (see `blocks.warm_worker.run`)."""


class ForkServer:
    """Forks runs on request and reports how they ended."""

    def __init__(self, listener: socket.socket, preloaded: Preloaded, held: dict[str, int]) -> None:
        self.listener = listener
        self.preloaded = preloaded
        self.held = held
        """Run id -> process id."""
        self.ended: dict[str, int] = {}
        """Run id -> exit status, until a worker has taken note of it."""
        self.deadlines: dict[str, float] = {}
        """When a run that was asked to stop is killed."""
        self.clients: dict[socket.socket, Lines] = {}
        self.selector = selectors.DefaultSelector()
        self.options: list[str] = []
        """To be passed on when this interpreter is replaced."""
        self.stopping = False
        self._wake, self._woken = os.pipe()

    def serve(self) -> None:
        """Answer requests until a signal ends the server; then end every run."""
        self._listen()
        while not self.stopping:
            for key, _ in self.selector.select(self._patience()):
                self._handle(key.fileobj)
            self._reap()
            self._kill_late()
        self._end_all()

    def _end_all(self) -> None:
        """Let every run report its end to Prefect, for a short while."""
        end = time.monotonic() + LAST_SECONDS
        for pid in self.held.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while self.held and time.monotonic() < end:
            time.sleep(0.05)
            self._reap()
        for run in list(self.held):
            self._signal_group(run, signal.SIGKILL)

    def _listen(self) -> None:
        for number in (self._wake, self._woken):
            os.set_blocking(number, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        self.listener.setblocking(False)  # noqa: FBT003
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self._wake, selectors.EVENT_READ)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _patience(self) -> float | None:
        return max(0.0, min(self.deadlines.values()) - time.monotonic()) if self.deadlines else None

    def _handle(self, source: Any) -> None:
        if source is self.listener:
            client, _ = self.listener.accept()
            self.clients[client] = Lines()
            self.selector.register(client, selectors.EVENT_READ)
        elif source == self._wake:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        elif source in self.clients:
            self._read(source)

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        for message in self.clients[client].feed(data):
            self._obey(client, message)

    def _obey(self, client: socket.socket, message: dict[str, Any]) -> None:
        run = str(message.get("run", ""))
        match message["do"]:
            case "start":
                self._start(client, run, message)
            case "stop":
                self._ask_to_stop(run, float(message.get("seconds", GRACE_SECONDS)))
            case "list":
                self._send(client, {"is": "held", "held": self.held, "ended": self.ended})
            case "forget":
                self.ended.pop(run, None)

    def _start(self, client: socket.socket, run: str, message: dict[str, Any]) -> None:
        if self.preloaded.is_stale():
            self._begin_anew(client, message)
        if run not in self.held:
            self.ended.pop(run, None)
            self.preloaded.refresh()
            self.held[run] = self._fork(message)
        self._send(client, {"is": "started", "run": run, "pid": self.held[run]})

    def _fork(self, message: dict[str, Any]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            self._become_run()
            from blocks.warm_worker.run import run_in_child  # noqa: PLC0415  # Prefect stays out of this file

            status = run_in_child(message)
        finally:
            os._exit(status)

    def _become_run(self) -> None:
        """Let go of all that belongs to the fork server."""
        die_with_parent(signal.SIGKILL)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        for open_socket in (self.listener, *self.clients):
            open_socket.close()
        for number in (self._wake, self._woken):
            os.close(number)

    def _ask_to_stop(self, run: str, seconds: float) -> None:
        pid = self.held.get(run)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, CANCEL_SIGNAL)
            os.kill(pid, signal.SIGTERM)
        self.deadlines.setdefault(run, time.monotonic() + seconds)

    def _kill_late(self) -> None:
        now = time.monotonic()
        for run in [run for run, deadline in self.deadlines.items() if deadline <= now]:
            del self.deadlines[run]
            self._signal_group(run, signal.SIGKILL)

    def _signal_group(self, run: str, number: signal.Signals) -> None:
        if run in self.held:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.held[run], number)

    def _reap(self) -> None:
        """Take note of each run that has ended, and end what it started and left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for run in [run for run, held in self.held.items() if held == pid]:
                self._signal_group(run, signal.SIGKILL)
                del self.held[run]
                self.deadlines.pop(run, None)
                self.ended[run] = os.waitstatus_to_exitcode(status)
                self._broadcast({"is": "ended", "run": run, "pid": pid, "status": self.ended[run]})

    def _broadcast(self, message: dict[str, Any]) -> None:
        for client in list(self.clients):
            self._send(client, message)

    def _send(self, client: socket.socket, message: dict[str, Any]) -> None:
        try:
            client.sendall(encode(message))
        except OSError:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        if client in self.clients:
            del self.clients[client]
            self.selector.unregister(client)
            client.close()

    def _begin_anew(self, client: socket.socket, message: dict[str, Any]) -> None:
        """Replace this interpreter by a fresh one that knows the changed code; runs go on as its children."""
        self._send(client, {"is": "renewing", "run": message["run"]})
        os.set_inheritable(self.listener.fileno(), True)  # noqa: FBT003
        state = json.dumps({"listener": self.listener.fileno(), "held": self.held, "ended": self.ended})
        module = ["-m", "blocks.warm_worker.fork_server", "--state", state, *self.options]
        os.execv(sys.executable, [sys.executable, *module])  # noqa: S606  # ourselves again


def main(arguments: Iterable[str] | None = None) -> None:
    """Listen, load what runs need, and serve: `python -m blocks.warm_worker.fork_server SOCKET`."""
    parser = argparse.ArgumentParser(prog="fork_server")
    parser.add_argument("socket", type=Path, nargs="?")
    parser.add_argument("--bare", action="store_true", help="load Prefect and SOMA_PRELOAD, not the hub")
    parser.add_argument("--state", type=json.loads, default=None)
    given = parser.parse_args(None if arguments is None else list(arguments))
    listener = _open(given.socket, given.state)
    skip_slow_imports()
    preloaded = Preloaded.load(bare=given.bare)
    gc.collect()
    gc.freeze()
    if (threads := native_threads()) > 1:
        print(f"WARNING {threads} threads run in the fork server; runs may hang", flush=True)  # noqa: T201
    held = given.state["held"] if given.state else {}
    server = ForkServer(listener, preloaded, held)
    server.options = ["--bare"] if given.bare else []
    server.ended = given.state["ended"] if given.state else {}
    print(f"ready: {len(preloaded.files)} source files of the hub loaded", flush=True)  # noqa: T201
    server.serve()


def _open(path: Path | None, state: dict[str, Any] | None) -> socket.socket:
    if state:
        return socket.socket(fileno=state["listener"])
    assert path is not None  # argparse makes it so for a first start
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    return listener


if __name__ == "__main__":
    main()
