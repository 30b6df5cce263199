"""The wizard as one ASGI application: Streamlit's, behind the hub's own door."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App
from streamlit.web.bootstrap import load_config_options

from blocks.settings import Settings
from ui.wizard.door import routes
from ui.wizard.edge import Edge
from ui.wizard.present import settle
from ui.wizard.sign_ins import SignIns

SCRIPT = Path(__file__).with_name("app.py")
OPTIONS = {
    "browser.gatherUsageStats": False,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.maxUploadSize": 1,
    "server.maxMessageSize": 50,
    "server.disconnectedSessionTTL": 600,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.allowedOrigins": [],  # no page around this one may steer it
    "theme.base": "light",
    "theme.primaryColor": "#2f5d8a",
    "theme.backgroundColor": "#ffffff",
    "theme.secondaryBackgroundColor": "#f5f6f8",
    "theme.textColor": "#1f2933",
    "theme.borderColor": "#dfe3e8",
    "theme.baseRadius": "8px",
    "theme.showWidgetBorder": True,
}
"""Streamlit's own options; what a `.streamlit/config.toml` of the folder or the user says does not count."""
logger = logging.getLogger("soma.wizard")


def create_app(settings: Settings) -> App:
    """The wizard of these settings; the gateway may be away and come later."""
    sign_ins = SignIns(settings)
    settle(settings, sign_ins)
    load_config_options(OPTIONS)

    @asynccontextmanager
    async def closing(_app: App) -> AsyncIterator[None]:
        try:
            yield
        finally:
            sign_ins.close()

    return App(
        SCRIPT,
        lifespan=closing,
        routes=routes(settings, sign_ins),
        middleware=[Middleware(Edge, settings=settings, sign_ins=sign_ins)],
        on_script_error=tell_surprise,
    )


def tell_surprise(error: Exception) -> bool:
    """Say what a person can do about a mistake of the wizard's own; the log has the rest."""
    logger.error("a page failed", exc_info=error)
    st.error("This page has failed; that is a mistake of the wizard. Reload it; the wizard's log says more.")
    return True
