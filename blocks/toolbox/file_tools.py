"""The tools on files of the project's workspace, as they are told of."""

from blocks.toolbox.described import Described, flag, takes, text, whole

LONGEST_TEXT = 1_000_000
"""Characters of a file that is written or read at once."""
_PATH = "A path inside of the workspace, such as `src/app.py`."

FILE_TOOLS = (
    Described(
        name="files.read",
        description="Read a text file of the workspace.",
        parameters=takes(
            "path",
            path=text(_PATH),
            offset=whole("The line to begin with, counted from 1.", 1, 10_000_000, 1),
            limit=whole("How many lines to read.", 1, 20_000, 2_000),
        ),
    ),
    Described(
        name="files.write",
        description="Write a text file of the workspace as a whole; folders above it are made.",
        parameters=takes(
            "path",
            "content",
            path=text(_PATH),
            content=text("All of the new text.", longest=LONGEST_TEXT),
            overwrite=flag("Whether a file that is there is replaced.", default=True),
        ),
    ),
    Described(
        name="files.edit",
        description="Replace one exact piece of a text file of the workspace, which must be there just once.",
        parameters=takes(
            "path",
            "old",
            "new",
            path=text(_PATH),
            old=text("The piece as it is.", longest=LONGEST_TEXT, minLength=1),
            new=text("The piece as it shall be.", longest=LONGEST_TEXT),
        ),
    ),
    Described(
        name="files.list",
        description="List the files and folders of a folder of the workspace, with their sizes.",
        parameters=takes(
            path=text("A folder inside of the workspace; the workspace itself unless given.", default="."),
            depth=whole("How many levels to go down.", 1, 20, 1),
            limit=whole("How many entries to list at most.", 1, 5_000, 500),
        ),
    ),
    Described(
        name="files.search",
        description="Find the lines of the workspace's text files that match a regular expression (RE2).",
        parameters=takes(
            "pattern",
            pattern=text("The regular expression.", longest=1_000, minLength=1),
            path=text("The folder to search; the whole workspace unless given.", default="."),
            glob=text("Only files whose path fits this glob, such as `*.py`.", longest=200, default="*"),
            limit=whole("How many lines to give at most.", 1, 1_000, 100),
        ),
    ),
    Described(
        name="files.delete",
        description="Delete one file of the workspace, or one empty folder.",
        parameters=takes("path", path=text(_PATH)),
    ),
)
