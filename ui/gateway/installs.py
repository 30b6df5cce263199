"""Notes in the audit log which capsules are installed: once for each name, version and digest."""

import json
import logging

from blocks.errors import SomaError
from blocks.records.audit import list_records
from capsules.catalogue import list_capsules
from ui.gateway.hub import Hub

logger = logging.getLogger("soma.gateway")
MOST = 100_000


async def note_installed(hub: Hub) -> None:
    """Add a record for each capsule of the catalogue that the tenant's chain does not have yet."""
    tenant = hub.settings.tenant
    try:
        rows = await list_records(hub.database, tenant=tenant, kind="capsule", limit=MOST)
        known = {_what(json.loads(row.record)) for row in rows}
        for entry in list_capsules():
            found = {"name": entry.manifest.name, "version": entry.manifest.version, "digest": entry.digest}
            if _what(found) not in known:
                hub.audit.note("capsule", tenant, event="installed", **found)
        await hub.audit.flush()
    except SomaError as error:
        logger.error("the installed capsules were not recorded: %s", error.message)  # noqa: TRY400  # told


def _what(record: dict[str, str]) -> tuple[str | None, ...]:
    return tuple(record.get(name) for name in ("name", "version", "digest"))
