"""The settings and the sign-ins of this wizard's process, for pages, which Streamlit runs as scripts."""

from dataclasses import dataclass

from blocks.settings import Settings
from ui.wizard.sign_ins import SignIns


@dataclass
class Present:
    """What every page of the process shares."""

    settings: Settings | None = None
    sign_ins: SignIns | None = None


PRESENT = Present()


def settle(settings: Settings, sign_ins: SignIns) -> None:
    """Say what the pages of this process work with; done once, before the first page is asked for."""
    PRESENT.settings, PRESENT.sign_ins = settings, sign_ins


def settings() -> Settings:
    assert PRESENT.settings is not None, "the server settles this before it serves"
    return PRESENT.settings


def sign_ins() -> SignIns:
    assert PRESENT.sign_ins is not None, "the server settles this before it serves"
    return PRESENT.sign_ins
