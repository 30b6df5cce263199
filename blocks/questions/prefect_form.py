"""A question as Prefect's UI shows it: a run that lies paused, with a form to answer by."""

import json
from typing import Any

from blocks.records.approvals import bound_to
from blocks.records.tables import Approval

DEPLOYMENT = "approval/hub"
KEY = "approval"
KEYSET = {name: f"{KEY}-{name}" for name in ("description", "response", "schema")}
"""Where Prefect keeps what belongs to the form, beside the run."""
SCHEMA: dict[str, Any] = {
    "title": "Answer",
    "type": "object",
    "properties": {
        "verdict": {
            "title": "Verdict",
            "description": "Approve it, reject it, or send it back with what is to be changed.",
            "type": "string",
            "enum": ["approve", "reject", "changes"],
            "position": 0,
        },
        "comment": {
            "title": "Comment",
            "description": "Why; with `changes`, what is to be changed.",
            "type": "string",
            "maxLength": 4000,
            "default": "",
            "position": 1,
        },
        "arguments": {
            "title": "Other arguments",
            "description": "With `approve`: those to be taken instead of the ones that were asked about.",
            "anyOf": [{"type": "object"}, {"type": "null"}],
            "default": None,
            "position": 2,
        },
    },
    "required": ["verdict"],
    "additionalProperties": False,
}
LONGEST = 8_000


def paused_run(approval: Approval) -> dict[str, Any]:
    """The run to be made for a question; it lies paused and starts a process only when it is resumed."""
    details: dict[str, Any] = {
        "pause_key": KEY,
        "pause_reschedule": True,
        "run_input_keyset": KEYSET,
    }
    if approval.expires_at is not None:
        details["pause_timeout"] = approval.expires_at.isoformat()
    return {
        "name": f"asks: {' '.join(approval.question.split())[:120]}",
        "parameters": {"approval_id": approval.id, "digest": bound_to(approval)},
        "idempotency_key": f"{approval.id}/{approval.expires_at:%Y%m%d%H%M%S}/{bound_to(approval)[-16:]}",
        "tags": [f"project:{approval.project}", f"node:{approval.node}", "approval"],
        "state": {
            "type": "PAUSED",
            "name": "Suspended",
            "message": "It waits for a person; resume it to answer.",
            "state_details": details,
        },
    }


def description(approval: Approval) -> str:
    """What people need to judge the question; as code, for its words may come from strangers."""
    shown = json.dumps(approval.details, indent=2, ensure_ascii=False)[:LONGEST].replace("```", "'''")
    asked = approval.question.replace("```", "'''")
    return (
        f"Asked in project {approval.project}, node {approval.node}, for {approval.requested_by}:\n\n"
        f"```\n{asked}\n```\n\n```json\n{shown}\n```\n\n"
        f"The answer is bound to `{bound_to(approval)}`, and counts as nobody's in particular: where certain "
        f"people are to agree, answer with `soma approve {approval.id}`."
    )
