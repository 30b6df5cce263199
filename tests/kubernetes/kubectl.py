"""`kubectl` in one namespace, and ports of the cluster on this machine."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 300.0


class Kubectl:
    """What a test asks of the cluster."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._forwards: list[subprocess.Popen[bytes]] = []

    def __call__(self, *words: str, given: str | None = None, check: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *words], input=given, capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *words: str) -> list[dict[str, Any]]:
        found = json.loads(self("get", *words, "--output", "json"))
        return found["items"] if found["kind"].endswith("List") else [found]

    def apply(self, *documents: dict[str, Any]) -> None:
        self(
            "apply",
            "--filename",
            "-",
            given=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}),
        )

    def inside(self, part: str, *command: str, given: str | None = None) -> str:
        """What the command writes in the first pod of the part."""
        return self("exec", "--stdin", f"deployment/{part}", "--", *command, given=given)

    def forward(self, service: str, port: int) -> str:
        """An address on this machine that leads to the service, until the end."""
        here = free_port()
        self._forwards.append(
            subprocess.Popen(
                [
                    "kubectl",
                    "--namespace",
                    self.namespace,
                    "port-forward",
                    f"service/{service}",
                    f"{here}:{port}",
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        until(lambda: answers(here), "a forwarded port")
        return f"http://127.0.0.1:{here}"

    def close(self) -> None:
        for process in self._forwards:
            process.terminate()
            process.wait(10)


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE, pause: float = 0.3) -> Any:
    """What was found, once it is there."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:.0f} s"
        time.sleep(pause)
    return result


def say(text: str) -> None:
    """Tell a figure to whoever reads the run; nothing depends on it."""
    sys.__stdout__.write(f"{text}\n")
    sys.__stdout__.flush()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
