"""The catalogue: which capsules there are, from the library and from installed packages."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.errors import BadInput, NotFound
from capsules.fingerprint import capsule_digest
from capsules.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from capsules.capsule import CapsuleFlow

LIBRARY = "capsules.library"
GROUP = "soma.capsules"
"""Entry points name the package that holds `capsule.yaml`, and `run.py` unless it is an agent."""
AGENTS = "capsules.agent.deployed"
"""The module of the flows of agents."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """One capsule: its manifest, and where its code is."""

    manifest: Manifest
    folder: Path
    package: str
    """The importable package, such as `capsules.library.survey`."""

    @property
    def entrypoint(self) -> str:
        """What a deployment names: a function of code, or the flow that is made of an agent's manifest."""
        module = AGENTS if self.manifest.kind == "Agent" else f"{self.package}.run"
        return f"{module}.{self.manifest.name.replace('-', '_')}"

    @property
    def digest(self) -> str:
        """SHA-256 over the capsule's files, as `sha256:…`."""
        return capsule_digest(self.folder)

    def load(self) -> "CapsuleFlow":
        """Import the capsule's code and return its flow."""
        # Prefect takes seconds to import, which whoever only reads manifests need not wait.
        from capsules.capsule import CapsuleFlow  # noqa: PLC0415

        module, _, name = self.entrypoint.rpartition(".")
        found = getattr(import_module(module), name, None)
        if not isinstance(found, CapsuleFlow):
            raise BadInput(f"{self.entrypoint} is no capsule; decorate the function {name!r} with `@capsule`")
        return found


@cache
def list_capsules() -> tuple[CatalogueEntry, ...]:
    """Every capsule that can be found, by name; a name found twice is an error."""
    found: dict[str, CatalogueEntry] = {}
    for package, folder in _packages():
        entry = CatalogueEntry(
            manifest=read_manifest(folder / "capsule.yaml"), folder=folder, package=package
        )
        name = entry.manifest.name
        if name in found:
            raise BadInput(f"two capsules are named {name!r}: {found[name].package} and {package}")
        found[name] = entry
    return tuple(found[name] for name in sorted(found))


def find_capsule(name: str) -> CatalogueEntry:
    """The capsule of that name, or `NotFound` that lists those there are."""
    for entry in list_capsules():
        if entry.manifest.name == name:
            return entry
    names = ", ".join(entry.manifest.name for entry in list_capsules())
    raise NotFound(f"there is no capsule {name!r}; there are: {names}")


def _packages() -> Iterator[tuple[str, Path]]:
    for manifest in sorted((Path(__file__).parent / "library").glob("*/capsule.yaml")):
        yield f"{LIBRARY}.{manifest.parent.name}", manifest.parent
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        spec = find_spec(point.value)
        if spec is None or not spec.submodule_search_locations:
            raise BadInput(
                f"entry point {point.name!r} of {GROUP} names {point.value!r}, which is no package"
            )
        yield point.value, Path(spec.submodule_search_locations[0])
