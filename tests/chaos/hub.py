"""A real hub for the chaos run: its processes, its records, its gateway and its Prefect."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import toys
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.engines.child import die_with_parent
from blocks.records.database import Database
from blocks.settings import Settings, load_settings
from ui.client import read_token
from ui.supervisor.lock import running_hub

SOMA = Path(sys.executable).with_name("soma")
AWAY = (httpx.HTTPError, OSError)


class ChaosHub:
    """`soma up` on a folder of its own, with the toys installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = toys.install(folder)
        self.effects = folder / "effects.sqlite"
        toys.open_effects(self.effects)
        self.settings: Settings = load_settings(data_dir=folder / "data", port_offset=free_offset())
        self.database = Database(self.settings.database_address, pool_size=2)
        self.http = httpx.AsyncClient(base_url=self.settings.gateway_url, timeout=10)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        roots = [str(self.site), str(Path(__file__).parents[2])]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(roots),
            "SOMA_DATA_DIR": str(self.settings.data_dir),
            "SOMA_PORT_OFFSET": str(self.settings.port_offset),
            "SOMA_CONSTITUTION": str(self.folder / "constitution.yaml"),
            "CHAOS_EFFECTS": str(self.effects),
            "SOMA_WIZARD": "false",  # nobody looks
        }

    async def up(self) -> None:
        """Start the hub and deploy the toys."""
        with (self.folder / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  # it only forks
                [SOMA, "up"],
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509  # one call of the kernel
            )
        await self.until(self._is_ready, 300)
        self.http.headers["Authorization"] = f"Bearer {read_token(self.settings)}"
        await self._deploy()

    async def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise SystemExit(f"the hub did not start: {(self.folder / 'hub.log').read_text()[-2000:]}")
        info = running_hub(self.settings)
        return info is not None and info.state == "ready"

    async def _deploy(self) -> None:
        with temporary_settings({PREFECT_API_URL: self.settings.prefect_api_url}):
            async with get_client() as client:
                for name in toys.BODIES:
                    function = name.replace("-", "_")
                    await client.create_deployment(
                        await client.create_flow_from_name(name),
                        "hub",
                        entrypoint=f"chaos_toys.{function}.run.{function}",
                        work_pool_name=self.settings.work_pool,
                        enforce_parameter_schema=False,
                        pull_steps=[],
                    )

    def down(self) -> int | None:
        """End the hub as Ctrl-C does; its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """The gateway's answer, or None while it is away or cannot do its work."""
        try:
            answer = await self.http.request(method, path, json=body)
        except AWAY:
            return None
        return None if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR else answer

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float) -> bool:
        """Whether the condition came true in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not await condition():
            if loop.time() > end:
                return False
            await asyncio.sleep(0.5)
        return True


def free_offset() -> int:
    """An offset at which all of the hub's ports are free."""
    for offset in range(45100, 50000, 100):
        if all(_free(port + offset) for port in (10000, 10001, 10002, 4200, 8501)):
            return offset
    raise SystemExit("no free ports were found")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
