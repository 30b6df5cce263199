"""The constitution that ships with the hub: put in force where a tenant has none, and brought up to date.

It is signed with the hub's own key. Where people have activated a constitution of their own, a newer
shipped one is published and left at that; where they went back from it, it is not put in force again.
"""

import asyncio
import logging

from blocks.constitution.constitution import Constitution
from blocks.constitution.parsed import parsed
from blocks.constitution.signing import sign
from blocks.errors import Conflict
from blocks.identity import Principal
from blocks.keys import SigningKey, trusted_keys
from blocks.records import activations, constitutions
from blocks.records.constitution_tables import ConstitutionVersion
from blocks.records.database import Database
from blocks.settings import Settings
from capsules.environment import SHIPPED_CONSTITUTION

logger = logging.getLogger(__name__)
SOMA = "soma"
"""Who publishes and activates what ships with the hub; no token may bear this name."""


async def ensure_constitution(database: Database, settings: Settings, tenant: str | None = None) -> None:
    """Publish the shipped constitution, and put it in force unless people have put another one there.

    For the hub's own tenant unless another one is named.
    """
    constitution, text = await asyncio.to_thread(_shipped)
    by = Principal(tenant=tenant or settings.tenant, name=SOMA, kind="service")
    signature = sign(constitution, SigningKey.ensure(settings.keys_path))
    try:
        version = await constitutions.publish(
            database,
            tenant=by.tenant,
            text=text,
            signature=signature.signature,
            key=signature.key,
            by=by,
            keys=trusted_keys(settings.keys_path),
        )
    except Conflict:
        logger.warning(
            "the shipped constitution was changed and its version is still %s: what was published under it "
            "stays. Raise metadata.version, or set SOMA_CONSTITUTION=%s to try it as it lies",
            constitution.version,
            SHIPPED_CONSTITUTION,
        )
        return
    await _bring_into_force(database, version, by)


async def _bring_into_force(database: Database, version: ConstitutionVersion, by: Principal) -> None:
    present = await activations.active(database, version.tenant)
    was_there = any(
        step.activation.digest == version.digest and step.activation.state == "done"
        for step in await activations.history(database, version.tenant)
    )
    if was_there or (present and not _supersedes(version, present)):
        return
    over = present.digest if present else None
    if await activations.activate_shipped(database, version=version, over=over, by=by):
        level = logging.WARNING if present else logging.INFO
        before = f", and supersedes {present.version}" if present else ""
        logger.log(level, "the shipped constitution %s is in force%s", version.version, before)


def _supersedes(version: ConstitutionVersion, present: ConstitutionVersion) -> bool:
    """Whether the present one is an older one of the same that the hub itself has published."""
    return (
        present.published_by == SOMA
        and present.name == version.name
        and _numbers(present.version) < _numbers(version.version)
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _shipped() -> tuple[Constitution, str]:
    text = SHIPPED_CONSTITUTION.read_text(encoding="utf-8")
    return parsed(text, str(SHIPPED_CONSTITUTION)), text
