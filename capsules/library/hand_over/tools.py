import asyncio
from collections.abc import Mapping
from typing import Any

from prefect.cache_policies import NO_CACHE

from blocks.errors import BadInput, Forbidden
from capsules.library.hand_over.bundle import BUNDLE, COPY, FOLDER, read_bundle, read_held
from capsules.library.publish.deliverables import Deliverable, write_folder
from tasks.governed import governed_task
from tasks.tools.git import ENVIRONMENT
from tasks.tools.places import workspace
from tasks.tools.sandboxed import isolated, shut_in

SECONDS = 120
SCRIPT = f"""
here=../{FOLDER}
[ "$(git symbolic-ref HEAD)" = refs/heads/main ] || {{ echo "the repository is not on main" >&2; exit 1; }}
rm -rf "$here"
mkdir "$here"
git bundle create --quiet "$here/{BUNDLE}" HEAD main
git clone --quiet --bare "$here/{BUNDLE}" "$here/{COPY}"
"""


def _artifact(arguments: Mapping[str, Any]) -> dict[str, Any]:
    names = [*arguments["files"], BUNDLE]
    return {
        "artifact": {
            "name": ", ".join(names),
            "path": arguments["folder"],
            "media_type": "inode/directory",
            "size": sum(len(text.encode()) for text in arguments["files"].values()),
            "destination": arguments["folder"],
        }
    }


@governed_task(**isolated("repository.bundle"))
async def bundle_repository(repository: str) -> str:
    """Write the branch `main` with its history as one file into the workspace; returns its folder."""
    given = {**ENVIRONMENT, "GIT_ALLOW_PROTOCOL": "file"}
    ran = await shut_in(["/bin/sh", "-ec", SCRIPT], repository, SECONDS, environment=given)
    if ran.exit_code != 0:
        raise BadInput(f"git could not bundle the repository: {(ran.stderr or ran.note).strip()[-500:]}")
    return FOLDER


@governed_task(
    stage="artifact.publish",
    action="repository.publish",
    effect=True,
    facts=_artifact,
    cache_policy=NO_CACHE,
)
async def publish_repository(folder: str, files: dict[str, str], texts: dict[str, str]) -> list[Deliverable]:
    """Write these files and the bundle as this folder, all at once or not at all.

    `texts` are all those that the bundle holds, so that articles can read them. An article that masks
    something in them masks nothing in the bundle, so then nothing is published.
    """
    root = workspace()
    held, bundle = await asyncio.gather(
        asyncio.to_thread(read_held, root), asyncio.to_thread(read_bundle, root)
    )
    changed = [name for name in {**held.texts, **texts} if held.texts.get(name) != texts.get(name)]
    if changed:
        raise Forbidden(
            f"the repository holds what an article masks, as a secret: {', '.join(sorted(changed)[:10])}",
            mend="have it taken out of the code; what was committed before stays in the history",
        )
    contents = {name: text.encode() for name, text in files.items()} | {BUNDLE: bundle}
    return await asyncio.to_thread(write_folder, folder, contents)
