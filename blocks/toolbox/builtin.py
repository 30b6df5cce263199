"""The tools that come with the hub."""

from blocks.toolbox.context_tools import CONTEXT_TOOLS
from blocks.toolbox.described import Described
from blocks.toolbox.file_tools import FILE_TOOLS
from blocks.toolbox.program_tools import GIT_TOOLS, PROGRAM_TOOLS
from blocks.toolbox.web_tools import WEB_TOOLS

BUILTIN: dict[str, Described] = {
    tool.name: tool for tool in (*FILE_TOOLS, *PROGRAM_TOOLS, *GIT_TOOLS, *WEB_TOOLS, *CONTEXT_TOOLS)
}
"""By name, in the order in which they are shown."""
