from pydantic import BaseModel

from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout


class SurveyResult(BaseModel):
    """The working copy that every other capsule reads, and what is known of it."""

    checkout: Checkout
    analysis: Analysis
