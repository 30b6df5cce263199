from capsules.capsule import capsule
from capsules.library.survey.report import describe
from capsules.library.survey.result import SurveyResult
from capsules.library.survey.tools import clone_repository, count_files, walk_history


@capsule
async def survey(source: str, workspace: str) -> SurveyResult:
    """Clone the repository into the workspace, and say what it is."""
    cloned = await clone_repository(source, workspace)
    checkout = cloned.checkout
    inventory = await count_files(checkout.root, checkout.commit, checkout.name)
    history = await walk_history(checkout.root, checkout.commit, checkout.name)
    return SurveyResult(checkout=checkout, analysis=describe(checkout, inventory, history, cloned.notes))
