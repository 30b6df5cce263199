"""The report in Prefect's own UI, beside the run that made it."""

import logging
import re
from pathlib import Path

import httpx
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

from capsules.library.publish.deliverables import Deliverables
from capsules.library.publish.text import visible
from capsules.library.synthesis.result import Synthesis

logger = logging.getLogger(__name__)
MOST_MARKDOWN = 200_000


async def show_in_prefect(synthesis: Synthesis, markdown: str, published: Deliverables) -> None:
    """Leave the report, the things to do first and a link with the run; without them it is published too."""
    if FlowRunContext.get() is None:
        return
    key = artifact_key(synthesis.name)
    grade = f"grade {synthesis.grade}, {synthesis.score} of 100" if synthesis.grade else "no score"
    try:
        await acreate_markdown_artifact(
            key=f"{key}-report",
            markdown=_bounded(markdown),
            description=f"{visible(synthesis.name)}: {grade}",
        )
        await acreate_table_artifact(
            key=f"{key}-first",
            table=[_row(synthesis, at) for at in range(len(synthesis.actions))],
            description="What to do first",
        )
        await acreate_link_artifact(
            key=f"{key}-page",
            link=(Path(published.folder) / published.report).as_uri(),
            link_text=published.report,
            description="The report as a page, on the machine that published it",
        )
    except (httpx.HTTPError, PrefectException, ValueError) as error:
        logger.warning("the report is published, but Prefect did not take it as an artifact: %s", error)


def artifact_key(name: str) -> str:
    """A key that Prefect takes: lower case, digits and dashes."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return f"audit-{slug or 'repository'}"


def _row(synthesis: Synthesis, at: int) -> dict[str, str | int]:
    action = synthesis.actions[at]
    where = [
        *action.places[:2],
        *(["…"] if len(action.places) + action.more_places > len(action.places[:2]) else []),
    ]
    return {
        "rank": action.rank,
        "what": visible(action.title),
        "severity": action.severity,
        "area": visible(action.area),
        "effort": action.effort,
        "where": visible(", ".join(where)),
    }


def _bounded(markdown: str) -> str:
    if len(markdown) <= MOST_MARKDOWN:
        return markdown
    cut = markdown[:MOST_MARKDOWN].rsplit("\n## ", 1)[0]
    return f"{cut}\n\nThe rest is in the published report.\n"
