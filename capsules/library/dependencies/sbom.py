"""The bill of materials: CycloneDX 1.6, checked against the schema before anybody gets it."""

import hashlib
import json
import uuid
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from capsules.library.dependencies.licences import Licence, licence_of, readable
from capsules.library.dependencies.packages import (
    Declared,
    Ecosystem,
    Locked,
    Manifest,
)
from capsules.library.dependencies.requirement_lines import pinned_version

MOST_COMPONENTS = 20_000
_MOST_HASHES = 60
_ALGORITHMS = {
    "md5": HashAlgorithm.MD5,
    "sha1": HashAlgorithm.SHA_1,
    "sha256": HashAlgorithm.SHA_256,
    "sha384": HashAlgorithm.SHA_384,
    "sha512": HashAlgorithm.SHA_512,
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the bill is about."""

    name: str
    version: str
    commit: str
    committed: datetime
    licence: str | None
    library: bool


class SbomInvalid(ValueError):
    """The library's own check found the document against the schema."""


def write_sbom(subject: Subject, manifests: list[Manifest]) -> str:
    """The document as JSON: the same text whenever commit and content are the same."""
    bom = Bom(metadata=BomMetaData(component=_root(subject), timestamp=subject.committed))
    _fill(bom, manifests)
    digest = hashlib.sha256(f"{subject}\0{manifests}".encode("utf-8", "backslashreplace")).hexdigest()
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, digest)
    text = _text(bom)
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise SbomInvalid(str(error)[:300])
    return text


def purl_of(ecosystem: Ecosystem, name: str, version: str | None) -> PackageURL:
    """The package URL; scopes, groups and module paths go into its namespace."""
    separator = ":" if ecosystem == "maven" else "/"
    namespace, _, last = name.rpartition(separator)
    return PackageURL(type=ecosystem, namespace=namespace or None, name=last, version=version or None)


def _root(subject: Subject) -> Component:
    return Component(
        name=subject.name,
        version=subject.version,
        type=ComponentType.LIBRARY if subject.library else ComponentType.APPLICATION,
        bom_ref="root",
        licenses=[LicenseFactory().make_from_string(subject.licence)] if subject.licence else [],
        properties=[Property(name="soma:commit", value=subject.commit)],
    )


def _fill(bom: Bom, manifests: list[Manifest]) -> None:
    components: dict[str, Component] = {}
    named: dict[tuple[Ecosystem, str], Component] = {}
    requires: list[tuple[Component, Ecosystem, tuple[str, ...]]] = []
    for manifest in manifests:
        for each in manifest.locked[: MOST_COMPONENTS - len(components)]:
            made = _locked(each, manifest)
            component = components.setdefault(str(made.bom_ref.value), made)
            named.setdefault((manifest.ecosystem, each.name), component)
            requires.append((component, manifest.ecosystem, each.requires))
    direct = [
        _direct(each, manifest, named, components) for manifest in manifests for each in manifest.declared
    ]
    for component in components.values():
        bom.components.add(component)
    if bom.metadata.component is not None:
        bom.register_dependency(bom.metadata.component, direct)
    for component, ecosystem, names in requires:
        found = [named[ecosystem, name] for name in names if (ecosystem, name) in named]
        bom.register_dependency(component, [each for each in found if each is not component])


def _direct(
    each: Declared,
    manifest: Manifest,
    named: dict[tuple[Ecosystem, str], Component],
    components: dict[str, Component],
) -> Component:
    """The locked component of a declared package, or one without a version when nothing locks it."""
    known = named.get((manifest.ecosystem, each.name))
    if known is not None:
        return known
    version = pinned_version(each.constraint) if manifest.ecosystem == "pypi" else None
    purl = purl_of(manifest.ecosystem, each.name, version)
    component = Component(
        name=each.name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        scope=ComponentScope.OPTIONAL if each.scope != "runtime" else None,
        properties=_properties(
            {"soma:declared": each.constraint or "any version", "soma:file": manifest.path}
        ),
    )
    return components.setdefault(purl.to_string(), component)


def _locked(each: Locked, manifest: Manifest) -> Component:
    purl = purl_of(manifest.ecosystem, each.name, each.version)
    licence = licence_of(each, manifest.ecosystem)
    hashes = [
        HashType(alg=_ALGORITHMS[name], content=digest)
        for name, digest in each.hashes[:_MOST_HASHES]
        if name in _ALGORITHMS
    ]
    return Component(
        name=each.name,
        version=each.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=hashes,
        scope=ComponentScope.OPTIONAL if each.development else None,
        licenses=[LicenseFactory().make_from_string(licence.name)] if licence else [],
        properties=_properties({"soma:file": manifest.path, "soma:licence-source": _source(licence)}),
    )


def _source(licence: Licence | None) -> str:
    return licence.source if licence else "unknown"


def _properties(values: dict[str, str]) -> Iterable[Property]:
    return [Property(name=name, value=value) for name, value in values.items()]


def _text(bom: Bom) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a package without known dependencies is no news
        document = json.loads(JsonV1Dot6(bom).output_as_string())
    return json.dumps(document, indent=1, ensure_ascii=True)


def root_licence(declared: str | None, file: str | None) -> str | None:
    """The project's licence: as its manifest says, else as its licence file reads."""
    return readable(declared) if declared else file
