"""`python -m ui.gateway`: serve the gateway until told to stop."""

import sys

import uvicorn

from blocks.errors import SomaError
from blocks.settings import Settings, load_settings
from ui.gateway.app import create_app

GRACE = 3
"""Seconds that open requests, event streams among them, may take to end."""


def serve(settings: Settings) -> None:
    uvicorn.run(
        create_app(settings),
        host=settings.gateway_host,
        port=settings.gateway_port + settings.port_offset,
        log_level=settings.log_level.lower(),
        access_log=settings.log_level == "DEBUG",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )


if __name__ == "__main__":
    try:
        serve(load_settings())
    except SomaError as error:
        sys.stderr.write(f"error: {error.message}\n")
        sys.exit(error.exit_code)
