"""Whether the ports that the hub listens on are free."""

import contextlib
import socket

from blocks.errors import SomaError
from blocks.settings import Settings


class PortBusy(SomaError):
    """A port that the hub needs is in use."""

    exit_code = 2


def require_free_ports(settings: Settings, *, prefect: bool = True) -> None:
    """Raise `PortBusy`, which names each busy port and its setting, unless all are free."""
    wanted = [("the gateway", "SOMA_GATEWAY_PORT", settings.gateway_host, settings.gateway_port)]
    if settings.wizard:
        address = settings.wizard_address
        wanted.append(("the wizard", "SOMA_WIZARD_PORT", address, settings.wizard_port))
    wanted.append(("the worker's health", "SOMA_WORKER_PORT", settings.gateway_host, settings.worker_port))
    host, port = settings.gateway_host, settings.supervisor_port
    wanted.append(("the hub's health", "SOMA_SUPERVISOR_PORT", host, port))
    if prefect:
        wanted.append(("Prefect", "SOMA_PREFECT_PORT", "127.0.0.1", settings.prefect_port))
    busy = [
        f"port {port + settings.port_offset} for {who} ({name}) is in use"
        for who, name, host, port in wanted
        if not is_free(host, port + settings.port_offset)
    ]
    if busy:
        raise PortBusy(f"{'; '.join(busy)}. Stop what uses it, or start with `--port-offset 100`")


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen on `host` and `port`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
