import re
from collections.abc import Iterator
from itertools import groupby

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from capsules.library.dependencies.licences import licence_of, needs_a_look
from capsules.library.dependencies.packages import Declared, Manifest
from capsules.library.dependencies.requirement_lines import pinned_version
from capsules.repository.analysis import Finding
from capsules.repository.places import place_of

_SHOWN = 12
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_LOCKS = {
    "pypi": "a lock file (`uv lock`, `poetry lock` or `pip-compile --generate-hashes`)",
    "npm": "package-lock.json (`npm install`)",
    "cargo": "Cargo.lock",
    "golang": "go.sum (`go mod tidy`)",
    "gem": "Gemfile.lock (`bundle lock`)",
    "composer": "composer.lock",
}
_LOCKED_BY_ITSELF = {"maven"}


def judge(manifests: list[Manifest], own_licence: str | None) -> list[Finding]:
    """What a maintainer should look at in what the project declares and locks."""
    findings: list[Finding] = []
    for manifest in manifests:
        findings += [*_elsewhere(manifest), *_duplicates(manifest)]
        if place_of(manifest.path) == "product":
            findings += [*_unpinned(manifest, manifests), *_unlocked(manifest, manifests)]
        findings += _stale_lock(manifest, manifests)
    return [*findings, *_copyleft(manifests, own_licence), *_conflicting_pins(manifests)]


def lock_for(manifest: Manifest, manifests: list[Manifest]) -> Manifest | None:
    """The lock file beside a manifest or above it, which is where workspaces keep theirs."""
    locks = [
        other
        for other in manifests
        if other.is_lock
        and other.ecosystem == manifest.ecosystem
        and _is_above(other.folder, manifest.folder)
    ]
    return max(locks, key=lambda lock: (len(lock.folder), len(lock.locked)), default=None)


def _is_above(folder: str, other: str) -> bool:
    return not folder or folder == other or other.startswith(f"{folder}/")


def _elsewhere(manifest: Manifest) -> Iterator[Finding]:
    """Dependencies that come past the registry: from git without a commit, or over plain http."""
    for each in manifest.declared:
        if each.origin not in {"git", "url"}:
            continue
        fixed = _COMMIT.search(each.target) is not None
        plain = each.target.startswith(("http://", "git+http://", "git://"))
        where = "from git" if each.origin == "git" else "from an address"
        loose = each.origin == "git" and not fixed
        title = f"{each.name} comes {where}" + (" without a fixed commit" if loose else "")
        yield Finding.of(
            "dependency-unencrypted" if plain else f"dependency-from-{each.origin}",
            each.name,
            path=manifest.path,
            line=each.line,
            title=f"{each.name} is fetched over an unencrypted connection" if plain else title,
            severity="high" if plain else "medium" if loose else "low",
            detail=f"{each.name} from {each.target}",
            advice="Take a released version from the registry, or pin the address to a full commit.",
        )


def _duplicates(manifest: Manifest) -> Iterator[Finding]:
    """The same package twice in one scope of one file with different constraints."""
    ordered = sorted(manifest.declared, key=lambda each: (each.name, each.scope))
    for (name, scope), group in groupby(ordered, key=lambda each: (each.name, each.scope)):
        several = [each for each in group if not each.conditional]
        constraints = sorted({each.constraint or "any version" for each in several})
        if len(several) > 1 and len(constraints) > 1 and scope in {"runtime", "build"}:
            yield Finding.of(
                "dependency-twice",
                name,
                path=manifest.path,
                line=several[-1].line,
                title=f"{name} is declared {len(several)} times with different constraints",
                severity="low",
                detail=f"Asked for as {' and '.join(constraints)}.",
                advice="Keep one of them.",
                effort="minutes",
            )


def _unpinned(manifest: Manifest, manifests: list[Manifest]) -> Iterator[Finding]:
    """An application without a lock gets other versions on every install; a library wants ranges."""
    own = [
        each
        for each in manifest.declared
        if each.scope in {"runtime", "optional"} and each.origin == "registry"
    ]
    if not own or lock_for(manifest, manifests) or manifest.ecosystem == "golang":
        return
    loose = [each for each in own if not (each.constraint if manifest.library else _is_exact(manifest, each))]
    if not loose:
        return
    names = ", ".join(each.name for each in loose[:_SHOWN])
    more = f" and {len(loose) - _SHOWN} more" if len(loose) > _SHOWN else ""
    what = "have no bound at all" if manifest.library else "are not pinned to a version"
    yield Finding.of(
        "dependency-unbounded" if manifest.library else "dependency-unpinned",
        path=manifest.path,
        title=f"{len(loose)} of {len(own)} dependencies {what}",
        severity="info" if manifest.library else "low",
        detail=f"{names}{more}. "
        + (
            "Ranges are right for a library; without a lower bound an old, unsuitable version may be chosen."
            if manifest.library
            else "No lock file stands beside it, so two installs can differ."
        ),
        advice="Give a lower bound for what the code needs."
        if manifest.library
        else "Commit a lock file, or pin the versions with their hashes.",
        effort="minutes",
    )


def _is_exact(manifest: Manifest, each: Declared) -> bool:
    if manifest.ecosystem == "pypi":
        return pinned_version(each.constraint) is not None
    return bool(each.constraint) and each.constraint[0].isdigit()


def _unlocked(manifest: Manifest, manifests: list[Manifest]) -> Iterator[Finding]:
    """An application whose dependencies no lock file fixes."""
    needs = manifest.ecosystem not in _LOCKED_BY_ITSELF and not manifest.is_lock
    runtime = [each for each in manifest.declared if each.scope == "runtime" and each.origin != "path"]
    exact = all(_is_exact(manifest, each) for each in runtime) and manifest.ecosystem == "pypi"
    library = manifest.library and manifest.ecosystem != "golang"
    if not needs or not runtime or exact or library or lock_for(manifest, manifests):
        return
    yield Finding.of(
        "lock-missing",
        path=manifest.path,
        title="no lock file",
        severity="medium",
        detail=f"{manifest.path} asks for {len(runtime)} packages; no lock file fixes what they bring along.",
        advice=f"Commit {_LOCKS.get(manifest.ecosystem, 'a lock file')}.",
        effort="minutes",
    )


def _stale_lock(manifest: Manifest, manifests: list[Manifest]) -> Iterator[Finding]:
    """Declared Python packages that the lock beside them does not have, or has at a forbidden version."""
    lock = lock_for(manifest, manifests)
    if lock is None or lock is manifest or manifest.ecosystem != "pypi" or lock.folder != manifest.folder:
        return
    versions = {each.name: each.version for each in lock.locked}
    asked = [
        each
        for each in manifest.declared
        if each.scope == "runtime" and each.origin == "registry" and not each.conditional
    ]
    if sum(each.name in versions for each in asked) * 2 < len(asked):
        return  # it locks something else
    for each in asked:
        version = versions.get(each.name)
        if version and _allows(each.constraint, version):
            continue
        said = f"{lock.path} has {version}" if version else f"{lock.path} does not have it"
        yield Finding.of(
            "lock-stale",
            each.name,
            path=manifest.path,
            line=each.line,
            title=f"{each.name} is not locked as it is declared",
            severity="medium",
            detail=f"{each.name} {each.constraint or '(any version)'} is asked for; {said}.",
            advice="Make the lock file anew, and check in CI that it fits.",
            effort="minutes",
        )


def _allows(constraint: str, version: str) -> bool:
    """Whether the version fits; constraints in the spelling of other tools are taken as fitting."""
    try:
        return SpecifierSet(constraint).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def _copyleft(manifests: list[Manifest], own: str | None) -> Iterator[Finding]:
    seen: set[str] = set()
    for manifest in manifests:
        for each in manifest.locked if own else []:
            found = licence_of(each, manifest.ecosystem)
            if found is None or each.name in seen or not needs_a_look(own or "", found.name):
                continue
            seen.add(each.name)
            yield Finding.of(
                "licence-copyleft",
                each.name,
                path=manifest.path,
                title=f"{each.name} is under {found.name}, the project under {own}",
                severity="info",
                detail=f"{each.name} {each.version}: {found.name}, by the {found.source}"
                + (" (for development only)" if each.development else ""),
                advice="Check how it is used: linking and shipping it can put the whole under its terms.",
                effort="hours",
            )


def _conflicting_pins(manifests: list[Manifest]) -> Iterator[Finding]:
    """Two files that pin one Python package to different versions for the same purpose."""
    pins: dict[str, dict[str, str]] = {}
    for manifest in manifests:
        if manifest.ecosystem == "pypi" and place_of(manifest.path) == "product":
            for each in manifest.declared:
                version = pinned_version(each.constraint) if not each.conditional else None
                if version and each.scope == "runtime":
                    pins.setdefault(each.name, {}).setdefault(version, manifest.path)
    for name, versions in sorted(pins.items()):
        if len(versions) > 1:
            said = ", ".join(f"{version} in {path}" for version, path in sorted(versions.items()))
            yield Finding.of(
                "pins-conflict",
                name,
                path=next(iter(versions.values())),
                title=f"{name} is pinned to {len(versions)} different versions",
                severity="low",
                detail=f"{said}.",
                advice="Pin it in one place and include that file from the others.",
                effort="minutes",
            )
