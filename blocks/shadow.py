"""What a constitution in shadow mode would have said, beside the verdict that counts."""

import logging
from typing import Any

from blocks.constitution.decisions import Action
from blocks.constitution.source import ConstitutionSource

logger = logging.getLogger(__name__)


def shadow_verdict(source: ConstitutionSource, action: Action) -> dict[str, Any]:
    """`{"shadow": …}` for the record, or nothing; it blocks nothing, whatever becomes of it."""
    try:
        candidate = source.shadow()
        if candidate is None:
            return {}
        said = candidate.decide(action)
        articles = [
            {"article": item.article, "verdict": item.verdict, "reason": item.reason}
            for item in said.articles
        ]
    except Exception:
        logger.exception("the constitution in shadow mode could not be asked about %s", action.name)
        return {}
    return {"shadow": {"constitution": said.constitution, "verdict": said.verdict, "articles": articles}}
