"""An MCP server of the protocol's own library, for tests: `python wiki.py` speaks on standard input."""

from typing import Any

from mcp.server import MCPServer

PAGES = {"apples": "Apples are round.", "pears": "Pears are not."}


def wiki(description: str = "Find the page on a subject.") -> MCPServer:
    server: Any = MCPServer("wiki")

    @server.tool(description=description)
    def find(subject: str) -> str:
        return PAGES.get(subject, "There is no such page.")

    @server.tool(description="Fail, whatever is asked.")
    def fail() -> str:
        raise ValueError("the wiki is closed")

    @server.tool(description="Tell what of the machine can be seen.")
    def look() -> dict[str, Any]:
        import os
        from pathlib import Path

        return {"environment": dict(os.environ), "folders": sorted(str(path) for path in Path("/").iterdir())}

    return server


if __name__ == "__main__":
    wiki().run("stdio")
