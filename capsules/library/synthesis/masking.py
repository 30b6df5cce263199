from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from blocks.constitution.detectors.secrets import redacted
from capsules.repository.analysis import Analysis

Model = TypeVar("Model", bound=BaseModel)


def masked(model: Model) -> Model:
    """The same with everything that looks like a secret masked: a report must not spread what it found."""
    return type(model).model_validate(redacted(model.model_dump()))


def masked_all(analyses: Mapping[str, Analysis]) -> dict[str, Analysis]:
    return {name: masked(analysis) for name, analysis in analyses.items()}
