"""`python -m ui.wizard`: serve the wizard until told to stop."""

import logging
import sys

import uvicorn

from blocks.errors import SomaError
from blocks.settings import Settings, load_settings
from ui.wizard.server import create_app

GRACE = 1
"""Seconds that open requests may take to end; browsers connect again by themselves."""


def serve(settings: Settings) -> None:
    logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(
        max(logging.WARNING, logging.getLogger().level)
    )  # else each look is told
    uvicorn.run(
        create_app(settings),
        host=settings.wizard_address,
        port=settings.wizard_port + settings.port_offset,
        log_level=settings.log_level.lower(),
        access_log=settings.log_level == "DEBUG",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=50 * 2**20,
    )


if __name__ == "__main__":
    try:
        serve(load_settings())
    except SomaError as error:
        sys.stderr.write(f"error: {error.message}\n")
        sys.exit(error.exit_code)
