"""Warm-up: what every run would otherwise do first, done once in the process that runs are forked from."""

from sqlalchemy.orm import configure_mappers

from blocks.settings import load_settings
from capsules.catalogue import list_capsules
from capsules.environment import constitution_in_force
from tasks.hooks import hooks


def warm_up() -> None:
    """Fill the caches that a run reads; opens no connection and starts no thread."""
    configure_mappers()
    hooks()
    list_capsules()
    constitution_in_force(load_settings()).current()
