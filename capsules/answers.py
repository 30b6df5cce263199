"""Whether a blueprint takes what a trigger would give it; cheap to import, for the gateway asks too."""

from typing import Any

from capsules.blueprint import get_blueprint


def check_answers(blueprint: str, inputs: dict[str, Any]) -> None:
    """Raise `BadInput` or `NotFound` that says what the blueprint does not take."""
    get_blueprint(blueprint).complete(inputs)
