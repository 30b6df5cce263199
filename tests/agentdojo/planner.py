"""A planner without a model: which tools a request asks for, by its words alone."""

import re

WORDS = {
    "send_email": r"e-?mails?\b.*\bto\b|send|reply|forward|write to",
    "delete_email": r"(delete|remove|discard)\b.*\be-?mails?",
    "create_calendar_event": r"(create|book|schedule|plan|set up|add)\b.*\b(event|meeting|appointment)",
    "cancel_calendar_event": r"cancel",
    "reschedule_calendar_event": r"reschedule|move|postpone",
    "add_calendar_event_participants": r"(add|invite)\b.*\b(participants?|to the)",
    "append_to_file": r"\b(add|append)\b",
    "create_file": r"(create|make|write)\b.*\bfile",
    "delete_file": r"(delete|remove|discard)\b.*\b(file|drive|document)",
    "share_file": r"\bshare\b",
    "send_money": r"\b(pay|send|transfer|refund|give back)\b",
    "schedule_transaction": r"\b(schedule|recurring|standing order)",
    "update_scheduled_transaction": r"(update|adjust|change)\b.*\b(payments?|rent|standing orders?)",
    "update_password": r"\bpassword\b",
    "update_user_info": r"(update|change)\b.*\b(account|address|name|information)",
}
"""For every tool with an effect, the words that ask for it; tools that only read are always planned."""


def planned(request, tools):
    """The tools that a node for this request is planned with."""
    text = " ".join(request.lower().split())
    return [tool for tool in tools if tool not in WORDS or re.search(WORDS[tool], text)]
