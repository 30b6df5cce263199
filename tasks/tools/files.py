"""The tools on files: governed tasks that reach nothing but the project's workspace."""

import asyncio
from typing import Any

from prefect.cache_policies import NO_CACHE

from blocks.workspace.looking import Listing, Matches, list_folder, search
from blocks.workspace.texts import Piece, Written, delete_file, edit_text, read_text, write_text
from tasks.governed import governed_task
from tasks.tools.places import workspace

OPTIONS: dict[str, Any] = {
    # A file changes, and what a tool answered lies in the trail and in the audit log, not in Prefect's store.
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@governed_task(stage="tool.call", action="files.read", **OPTIONS)
async def read_file(path: str, offset: int = 1, limit: int = 2_000) -> Piece:
    """Lines of a text file."""
    return await asyncio.to_thread(read_text, workspace(), path, offset, limit)


@governed_task(stage="tool.call", action="files.write", **OPTIONS)
async def write_file(path: str, content: str, overwrite: bool = True) -> Written:  # noqa: FBT001, FBT002  # arguments of tools come by name
    """Write a text file as a whole."""
    return await asyncio.to_thread(write_text, workspace(), path, content, overwrite=overwrite)


@governed_task(stage="tool.call", action="files.edit", **OPTIONS)
async def edit_file(path: str, old: str, new: str) -> Written:
    """Replace one exact piece of a text file."""
    return await asyncio.to_thread(edit_text, workspace(), path, old, new)


@governed_task(stage="tool.call", action="files.list", **OPTIONS)
async def list_files(path: str = ".", depth: int = 1, limit: int = 500) -> Listing:
    """The entries of a folder."""
    return await asyncio.to_thread(list_folder, workspace(), path, depth, limit)


@governed_task(stage="tool.call", action="files.search", **OPTIONS)
async def search_files(pattern: str, path: str = ".", glob: str = "*", limit: int = 100) -> Matches:
    """The lines that match a regular expression."""
    return await asyncio.to_thread(search, workspace(), pattern, path, glob, limit)


@governed_task(stage="tool.call", action="files.delete", **OPTIONS)
async def remove_file(path: str) -> str:
    """Delete one file or one empty folder."""
    return await asyncio.to_thread(delete_file, workspace(), path)


FILES: dict[str, Any] = {
    "files.read": read_file,
    "files.write": write_file,
    "files.edit": edit_file,
    "files.list": list_files,
    "files.search": search_files,
    "files.delete": remove_file,
}
"""By the names that manifests use."""
