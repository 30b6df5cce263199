"""Constitutions: checked, published, activated, confirmed, rolled back and compared."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from blocks.constitution.comparing import compare
from blocks.constitution.constitution import Constitution
from blocks.constitution.examples import check_examples
from blocks.errors import Conflict, NotFound
from blocks.keys import PublicKey, trusted_keys
from blocks.plain import plain
from blocks.records import activations
from blocks.records.constitution_tables import Activation, ConstitutionVersion
from blocks.records.constitutions import get_version, list_versions, publish
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.reading import apart, checked, named, read
from ui.wire_constitutions import (
    ActivationAsked,
    Checked,
    FullVersion,
    Reason,
    Signed,
    Step,
    Tested,
    Text,
    Version,
)

router = APIRouter(prefix="/v1/constitutions", tags=["constitutions"])
Ref = Annotated[str, Query(min_length=1, max_length=200)]


@router.get("")
async def find_versions(hub: CurrentHub, principal: CurrentPrincipal) -> list[Version]:
    """Every published version and how it stands, the newest first."""
    found = await list_versions(hub.database, principal.tenant)
    standings = await activations.standings(hub.database, principal.tenant)
    return [_version(version, standings) for version in found]


@router.post("", status_code=201)
async def publish_version(signed: Signed, hub: CurrentHub, principal: CurrentPrincipal) -> Version:
    """Keep a signed document as a version that never changes; it is not in force by that."""
    await read(signed.text)  # a slow document is slow where that harms nobody
    version = await publish(
        hub.database,
        tenant=principal.tenant,
        text=signed.text,
        signature=signed.signature,
        key=signed.key,
        by=principal,
        keys=_keys(hub),
    )
    return _version(version, await activations.standings(hub.database, principal.tenant))


@router.post("/validate")
async def validate(document: Text) -> Checked:
    """Check a document; what is wrong comes as a problem that lists every mistake with its line."""
    found = await checked(document.text)
    return Checked(
        name=found.name,
        version=found.version,
        digest=found.digest,
        articles=len(found.articles),
        warnings=list(found.warnings),
    )


@router.post("/test")
async def test(document: Text) -> Tested:
    """Run the examples of all articles against the whole document."""
    found = await checked(document.text)
    return Tested(
        name=found.name,
        version=found.version,
        digest=found.digest,
        examples=examples_in(found),
        failed=await apart(lambda: check_examples(found)),
    )


@router.get("/history")
async def show_history(hub: CurrentHub, principal: CurrentPrincipal) -> list[Step]:
    """Every activation and rollback, the newest first."""
    return [
        _step(found.activation, found.version)
        for found in await activations.history(hub.database, principal.tenant)
    ]


@router.get("/diff")
async def show_difference(
    one: Ref, other: Ref, hub: CurrentHub, principal: CurrentPrincipal
) -> dict[str, Any]:
    """What differs in words, and which examples of either the two decide differently."""
    before = await named(hub, principal.tenant, one)
    after = await named(hub, principal.tenant, other)
    found: dict[str, Any] = plain(await apart(lambda: compare(before, after)))
    return found


@router.post("/rollback")
async def roll_back(given: Reason, hub: CurrentHub, principal: CurrentPrincipal) -> Step:
    """Put the version in force again that was so before the present one."""
    _check_versions_count(hub)
    step = await activations.rollback(
        hub.database, tenant=principal.tenant, by=principal, keys=_keys(hub), reason=given.reason
    )
    return await _told(hub, step)


@router.post("/activations/{activation}/confirm")
async def confirm(activation: int, hub: CurrentHub, principal: CurrentPrincipal) -> Step:
    """The second person's yes: what waited is in force."""
    _check_versions_count(hub)
    step = await activations.confirm(
        hub.database, activation, tenant=principal.tenant, by=principal, keys=_keys(hub)
    )
    return await _told(hub, step)


@router.post("/activations/{activation}/withdraw")
async def withdraw(activation: int, hub: CurrentHub, principal: CurrentPrincipal) -> Step:
    """Let an activation that waits be forgotten."""
    step = await activations.withdraw(hub.database, activation, tenant=principal.tenant, by=principal)
    return await _told(hub, step)


@router.post("/{ref}/activate")
async def activate(ref: str, asked: ActivationAsked, hub: CurrentHub, principal: CurrentPrincipal) -> Step:
    """Put a version in force; where no replay of it was looked at, it waits for a second person."""
    _check_versions_count(hub)
    step = await activations.request_activation(
        hub.database,
        tenant=principal.tenant,
        ref=ref,
        by=principal,
        keys=_keys(hub),
        replay=asked.replay,
        reason=asked.reason,
    )
    return await _told(hub, step)


@router.get("/{ref}")
async def show_version(ref: str, hub: CurrentHub, principal: CurrentPrincipal) -> FullVersion:
    """One version with its document; `active` names the one in force."""
    if ref == "active":
        _check_versions_count(hub)
        found = await activations.active(hub.database, principal.tenant)
        if found is None:
            raise NotFound("no published constitution is active", mend="activate one, see /v1/constitutions")
    else:
        found = await get_version(hub.database, principal.tenant, ref)
    standings = await activations.standings(hub.database, principal.tenant)
    told = _version(found, standings).model_dump()
    return FullVersion(**told, text=found.text, signature=found.signature)


def _check_versions_count(hub: Hub) -> None:
    """Raise `Conflict` where the hub obeys a file instead of its versions."""
    if hub.constitution.path is not None:
        raise Conflict(
            "this hub obeys the file that SOMA_CONSTITUTION names, and none of its published versions",
            mend="take the setting away and start the hub again",
        )


def examples_in(constitution: Constitution) -> int:
    return sum(len(article.get("tests", [])) for article in constitution.document.get("articles", []))


def _keys(hub: Hub) -> dict[str, PublicKey]:
    return dict(trusted_keys(hub.settings.keys_path))


def _version(version: ConstitutionVersion, standings: Any) -> Version:
    told = Version.model_validate(version)
    return told.model_copy(update={"standing": standings.get(version.digest, "published")})


async def _told(hub: Hub, step: Activation) -> Step:
    hub.constitution.of(step.tenant).nudge()
    return _step(step, await get_version(hub.database, step.tenant, step.digest))


def _step(step: Activation, version: ConstitutionVersion) -> Step:
    named_too = {"name": version.name, "version": version.version}
    return Step.model_validate(step).model_copy(update=named_too)
