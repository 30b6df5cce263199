"""The fork server: one warm interpreter that every flow run is forked from.

It has imported Prefect's engine, the hub's flows and the capsules, and has done nothing else: one thread,
no connection, no event loop. It listens on a unix socket for the worker, forks a process for each run,
and tells every listener when a run has ended. It is a process beside the worker, not below it, so that
runs outlive a crashed worker; the kernel ends the runs when the fork server itself dies.
"""

import argparse
import contextlib
import gc
import os
import selectors
import signal
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blocks.engines.slow_imports import skip_slow_imports
from blocks.warm_worker.forking import Open, fork
from blocks.warm_worker.limits import Limits
from blocks.warm_worker.preload import Preloaded, native_threads
from blocks.warm_worker.processes import adopt_orphans
from blocks.warm_worker.renewal import Wear, begin_anew, handed_over
from blocks.warm_worker.runs import Held, Runs
from blocks.warm_worker.wire import Lines, encode

IDLE_SECONDS = 5.0
"""After so long without a request a worn interpreter is replaced, so that no start waits for it."""


class ForkServer:
    """Forks runs on request and reports how they ended."""

    def __init__(self, listener: socket.socket, preloaded: Preloaded, wear: Wear) -> None:
        self.listener = listener
        self.preloaded = preloaded
        self.wear = wear
        self.runs = Runs(self._tell_end)
        self.clients: dict[socket.socket, Lines] = {}
        self.selector = selectors.DefaultSelector()
        self.options: list[str] = []
        """To be passed on when this interpreter is replaced."""
        self.stopping = False
        self._wake, self._woken = os.pipe()

    def serve(self) -> None:
        """Answer requests until a signal ends the server; then end every run."""
        self._listen()
        self.runs.reap()  # whatever ended while this interpreter was loading
        while not self.stopping:
            ready = self.selector.select(self._patience())
            for key, _ in ready:
                self._handle(key.fileobj)
            self.runs.reap()
            self.runs.watch()
            if not ready and self.wear.is_worn:
                self._begin_anew()
        self.runs.end_all()

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
        for held in self.runs.held.values():
            self._hear(held)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _patience(self) -> float | None:
        """How long to wait for requests; the wear is looked at in a pause once anything was forked."""
        pause = IDLE_SECONDS if self.wear.forks else None
        soon = self.runs.patience()
        return min(soon, pause) if soon is not None and pause is not None else soon or pause

    def _hear(self, held: Held) -> None:
        if held.capture:
            self.selector.register(held.capture.pipe, selectors.EVENT_READ, held)

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
        elif isinstance(source, int):
            self._read_output(source)

    def _read_output(self, pipe: int) -> None:
        held: Held = self.selector.get_key(pipe).data
        if held.capture and not held.capture.read():
            self.selector.unregister(pipe)

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
                self.runs.ask_to_stop(run)
            case "list":
                held = {name: held.pid for name, held in self.runs.held.items()}
                self._send(client, {"is": "held", "held": held, "ended": self.runs.ended})
            case "forget":
                self.runs.ended.pop(run, None)

    def _start(self, client: socket.socket, run: str, message: dict[str, Any]) -> None:
        if self.preloaded.is_stale():
            self._begin_anew()  # the client asks again on the next connection
        if run not in self.runs.held:
            self.runs.ended.pop(run, None)
            self.preloaded.refresh()
            self.wear.forks += 1
            self._fork(run, message)
        self._send(client, {"is": "started", "run": run, "pid": self.runs.held[run].pid})

    def _fork(self, run: str, message: dict[str, Any]) -> None:
        pid, capture = fork(message, self._open())
        limits = Limits.of(message)
        held = Held(pid=pid, grace=limits.grace_seconds, memory_mb=limits.memory_mb, capture=capture)
        self.runs.held[run] = held
        self._hear(held)

    def _open(self) -> Open:
        """All that belongs to the fork server and not to a run."""
        captures = [held.capture for held in self.runs.held.values() if held.capture]
        files = [number for capture in captures for number in capture.files()]
        return Open(
            sockets=[self.listener, *self.clients],
            files=[self._wake, self._woken, *files],
            selector=self.selector,
        )

    def _tell_end(self, run: str, held: Held, status: int) -> None:
        """Keep the last that the run said, then tell every client of its end."""
        if held.capture:
            with contextlib.suppress(KeyError):
                self.selector.unregister(held.capture.pipe)
            held.capture.finish()
        told = {"is": "ended", "run": run, "pid": held.pid, "status": status, "reason": held.reason}
        for client in list(self.clients):
            self._send(client, told)

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

    def _begin_anew(self) -> None:
        """Replace this interpreter by a fresh one that knows the changed code; runs go on as its children."""
        state = {"listener": self.listener.fileno(), **self.runs.state()}
        pipes = [held.capture.pipe for held in self.runs.held.values() if held.capture]
        begin_anew(state, [self.listener.fileno(), *pipes], self.options)


def main(arguments: Iterable[str] | None = None) -> None:
    """Listen, load what runs need, and serve: `python -m blocks.warm_worker.fork_server SOCKET`."""
    given = _parser().parse_args(None if arguments is None else list(arguments))
    state = handed_over(given.state) if given.state is not None else None
    listener = socket.socket(fileno=state["listener"]) if state else _open(given.socket)
    adopt_orphans()
    skip_slow_imports()
    preloaded = Preloaded.load(bare=given.bare)
    gc.collect()
    gc.freeze()
    if (threads := native_threads()) > 1:
        print(f"WARNING {threads} threads run in the fork server; runs may hang", flush=True)  # noqa: T201
    wear = Wear(most_forks=given.most_forks, most_growth_mb=given.most_growth)
    wear.begin()
    server = ForkServer(listener, preloaded, wear)
    server.options = ["--most-forks", str(given.most_forks), "--most-growth", str(given.most_growth)]
    server.options += ["--bare"] if given.bare else []
    if state:
        server.runs.go_on(state)
    print(f"ready: {len(preloaded.files)} source files of the hub loaded", flush=True)  # noqa: T201
    server.serve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fork_server")
    parser.add_argument("socket", type=Path, nargs="?")
    parser.add_argument("--bare", action="store_true", help="load Prefect and SOMA_PRELOAD, not the hub")
    parser.add_argument("--most-forks", type=int, default=1000, help="before the interpreter is replaced")
    parser.add_argument("--most-growth", type=int, default=256, help="MB, before it is replaced")
    parser.add_argument("--state", type=int, default=None, help="the open file that a predecessor left")
    return parser


def _open(path: Path | None) -> socket.socket:
    assert path is not None  # argparse makes it so for a first start
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    return listener


if __name__ == "__main__":
    main()
