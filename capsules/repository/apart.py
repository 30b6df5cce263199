"""Work on untrusted text in a child process: what hangs, crashes or eats memory costs one file alone."""

import contextlib
import importlib
import json
import os
import resource
import select
import subprocess
import sys
from types import TracebackType
from typing import IO, Any, Self

_MEMORY = 2_000_000_000
_LENGTH = 8


class Apart:
    """A child that calls one function, named by its dotted path, on one text after the other.

    The function takes a name and the content, and returns what JSON can hold.
    """

    def __init__(self, function: str, *, seconds: float = 20) -> None:
        self._function, self._seconds = function, seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def call(self, name: str, content: bytes) -> Any:
        """The function's answer, or None when it failed, crashed or took too long."""
        child = self._child or self._start()
        try:
            _send(child.stdin, [name.encode("utf-8", "backslashreplace"), content])
            answer = self._receive(child)
        except (OSError, EOFError):
            self._end()
            return None
        return json.loads(answer) if answer else None

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}  # noqa: PTH109  # a path for a child
        self._child = subprocess.Popen(
            [sys.executable, "-c", "from capsules.repository.apart import serve; serve()", self._function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        return self._child

    def _receive(self, child: subprocess.Popen[bytes]) -> bytes:
        if child.stdout is None or not select.select([child.stdout], [], [], self._seconds)[0]:
            raise TimeoutError
        return _take(child.stdout)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()


def serve() -> None:
    """What the child does until its input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    module, _, name = sys.argv[1].rpartition(".")
    function = getattr(importlib.import_module(module), name)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(EOFError):
        while True:
            path, content = _take(sys.stdin.buffer), _take(sys.stdin.buffer)
            try:
                answer = json.dumps(function(path.decode(), content)).encode()
            except Exception:  # noqa: BLE001  # any failure of a parser on hostile text means: not measured
                answer = b""
            _send(answers, [answer])


def _send(pipe: IO[bytes] | None, parts: list[bytes]) -> None:
    if pipe is None:
        raise EOFError
    for part in parts:
        pipe.write(len(part).to_bytes(_LENGTH, "big"))
        pipe.write(part)
    pipe.flush()


def _take(pipe: IO[bytes]) -> bytes:
    head = pipe.read(_LENGTH)
    if len(head) < _LENGTH:
        raise EOFError
    return pipe.read(int.from_bytes(head, "big"))
