import asyncio
from collections.abc import Mapping
from typing import Any

from prefect.cache_policies import NO_CACHE

from capsules.library.publish.deliverables import Deliverable, write_folder
from tasks.governed import governed_task


def _artifact(arguments: Mapping[str, Any]) -> dict[str, Any]:
    files: Mapping[str, str] = arguments["files"]
    return {
        "artifact": {
            "name": ", ".join(files),
            "path": arguments["folder"],
            "media_type": "inode/directory",
            "size": sum(len(content.encode()) for content in files.values()),
            "destination": arguments["folder"],
        }
    }


@governed_task(
    stage="artifact.publish", action="report.publish", effect=True, facts=_artifact, cache_policy=NO_CACHE
)
async def publish_files(folder: str, files: dict[str, str]) -> list[Deliverable]:
    """Write the files as this folder, all at once or not at all; as text, so that articles can read it."""
    contents = {name: content.encode() for name, content in files.items()}
    return await asyncio.to_thread(write_folder, folder, contents)
