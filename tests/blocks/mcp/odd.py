"""A server that speaks MCP by hand, and as badly as its argument says."""

import json
import sys
import time
from typing import Any

HOW = sys.argv[1] if len(sys.argv) > 1 else "well"
TOOL = {"name": "find", "description": "Find.", "inputSchema": {"type": "object", "properties": {}}}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(asked: dict[str, Any]) -> None:
    if asked["method"] == "initialize":
        version = "1999-01-01" if HOW == "old" else asked["params"]["protocolVersion"]
        result: dict[str, Any] = {
            "protocolVersion": version,
            "capabilities": {},
            "serverInfo": {"name": "odd"},
        }
    elif asked["method"] == "tools/list":
        page = (asked["params"] or {}).get("cursor")
        result = {"tools": [TOOL]} if page or HOW != "pages" else {"tools": [], "nextCursor": "2"}
        result = {"tools": ["find"]} if HOW == "nameless" else result
    else:
        result = {"content": [{"type": "text", "text": str(received)}]}
    say({"jsonrpc": "2.0", "id": asked["id"], "result": result})


received: list[Any] = []
for line in sys.stdin:
    asked = json.loads(line)
    if "method" not in asked:
        received.append(asked)
        continue
    if "id" not in asked:
        continue
    if HOW == "garbage":
        sys.stdout.write("Welcome to my server!\n")
        sys.stdout.flush()
    elif HOW == "endless":
        sys.stdout.write("x" * 3_000_000)
        sys.stdout.flush()
    elif HOW == "gone":
        sys.exit("no licence")
    elif HOW == "silent":
        time.sleep(60)
    elif HOW == "refusing":
        say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32000, "message": "not today"}})
        continue
    if HOW == "asking":
        say({"jsonrpc": "2.0", "id": "s1", "method": "sampling/createMessage", "params": {"messages": []}})
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "hello"}})
        answer_to_it = json.loads(sys.stdin.readline())
        received.append(answer_to_it if "id" in answer_to_it else json.loads(sys.stdin.readline()))
    answer(asked)
