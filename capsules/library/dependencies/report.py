from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version

import pygit2

from capsules.library.dependencies.judgement import judge, lock_for
from capsules.library.dependencies.licences import Licence, licence_of
from capsules.library.dependencies.packages import Declared, Ecosystem, Manifest, direct_dependencies
from capsules.library.dependencies.reading import Reading
from capsules.library.dependencies.sbom import MOST_COMPONENTS, SbomInvalid, Subject, root_licence, write_sbom
from capsules.repository.analysis import Analysis, Finding, Metric, Plot, Table
from capsules.repository.checkout import Checkout

WEIGHTS = {"critical": 40, "high": 20, "medium": 8, "low": 3, "info": 0}
UNKNOWN = "not known"
_MOST_ROWS = 300
_MOST_LICENCES = 15

Cell = str | int | float | None


def report_dependencies(checkout: Checkout, reading: Reading) -> Analysis:
    """What the project depends on, what to look at, and its bill of materials."""
    manifests = reading.manifests
    main = _main(manifests)
    licence = root_licence(main.licence if main else None, reading.licence)
    findings = [*judge(manifests, licence), *_own_licence(reading, licence)]
    licences = {
        (manifest.ecosystem, each.name, each.version): licence_of(each, manifest.ecosystem)
        for manifest in manifests
        for each in manifest.locked
    }
    attachments, trouble = _bill(checkout, manifests, main, licence)
    analysis = Analysis(
        capsule="dependencies",
        title="Dependencies",
        score=max(0, 100 - sum(WEIGHTS[each.severity] for each in findings)) if manifests else None,
        headline=_headline(manifests, findings, licences),
        metrics=_metrics(manifests, licences, licence),
        findings=findings,
        tables=_tables(manifests, licences),
        plots=_plots(licences),
        coverage=reading.walk.coverage,
        notes=[*_notes(reading), *trouble],
        tools={name: version(name) for name in ("cyclonedx-python-lib", "packaging", "license-expression")},
        attachments=attachments,
    )
    return analysis.bounded()


Licences = dict[tuple[Ecosystem, str, str], Licence | None]
"""By ecosystem, name and version."""


def _main(manifests: list[Manifest]) -> Manifest | None:
    """The manifest that speaks for the project: the one with a name that lies highest."""
    named = [each for each in manifests if each.name and not each.is_lock]
    return min(named, key=lambda each: each.path.count("/"), default=None)


def _bill(
    checkout: Checkout, manifests: list[Manifest], main: Manifest | None, licence: str | None
) -> tuple[dict[str, str], list[str]]:
    if not manifests:
        return {}, []
    subject = Subject(
        name=(main.name if main else None) or checkout.name,
        version=(main.version if main else None) or checkout.commit[:12],
        commit=checkout.commit,
        committed=_committed(checkout),
        licence=licence,
        library=main.library if main else False,
    )
    try:
        return {"sbom.cdx.json": write_sbom(subject, manifests)}, []
    except SbomInvalid as error:
        return {}, [f"The bill of materials did not pass its schema and was left out: {error}"]


def _committed(checkout: Checkout) -> datetime:
    commit = pygit2.Repository(checkout.root)[checkout.commit].peel(pygit2.Commit)
    return datetime.fromtimestamp(commit.commit_time, UTC)


def _own_licence(reading: Reading, licence: str | None) -> list[Finding]:
    if licence or reading.licence_path or not reading.manifests:
        return []
    return [
        Finding.of(
            "licence-missing",
            title="the project names no licence",
            severity="low",
            detail="Neither a licence file near the root nor a manifest says what users may do.",
            advice="Add a LICENSE file and name its SPDX identifier in the manifest.",
            effort="minutes",
        )
    ]


def _headline(manifests: list[Manifest], findings: list[Finding], licences: Licences) -> str:
    if not manifests:
        return "No manifest or lock file that is known here: nothing to examine."
    direct = sum(1 for _ in direct_dependencies(manifests))
    locked = len(licences)
    serious = [each for each in findings if each.severity in {"critical", "high", "medium"}]
    counted = (
        f"{direct:,} direct dependencies, {locked:,} packages locked"
        if locked
        else (f"{direct:,} direct dependencies, none locked")
    )
    if not serious:
        return f"{counted}; nothing serious to mend."
    first = serious[0]
    where = f" ({first.path})" if first.path else ""
    return f"{counted}; {len(serious)} to mend, first: {first.title}{where}."


def _metrics(manifests: list[Manifest], licences: Licences, licence: str | None) -> list[Metric]:
    direct = list(direct_dependencies(manifests))
    hashed = {
        (each.ecosystem, lock.name, lock.version) for each in manifests for lock in each.locked if lock.hashes
    }
    known = sum(1 for each in licences.values() if each)
    weights = ", ".join(f"{severity} {points}" for severity, points in WEIGHTS.items())
    scopes = Counter(each.scope for _, each in direct)
    return [
        Metric(name="the project's licence", value=licence or UNKNOWN),
        Metric(
            name="direct dependencies",
            value=len(direct),
            note=", ".join(f"{count} {scope}" for scope, count in sorted(scopes.items())),
        ),
        Metric(name="locked packages", value=len(licences)),
        Metric(name="locked with a digest", value=len(hashed)),
        Metric(
            name="licences known",
            value=known,
            note="from lock files that name them and from packages of the same version installed beside the "
            "hub; the others are not known here, and nothing was fetched",
        ),
        Metric(name="points a finding costs", value=weights, note="the score is 100 less these, at least 0"),
    ]


def _tables(manifests: list[Manifest], licences: Licences) -> list[Table]:
    files: list[list[Cell]] = [
        [
            each.path,
            each.ecosystem,
            "lock" if each.is_lock else "library" if each.library else "application",
            len(each.declared),
            len(each.locked),
        ]
        for each in manifests
    ]
    direct = [_row(manifest, each, manifests, licences) for manifest, each in direct_dependencies(manifests)]
    columns = ["package", "asked for", "scope", "locked", "licence", "where"]
    tables = [
        Table(title="Manifests and locks", columns=["file", "kind", "as", "declared", "locked"], rows=files),
        Table(title="Direct dependencies", columns=columns, rows=direct[:_MOST_ROWS]),
    ]
    return [table for table in tables if table.rows]


def _row(manifest: Manifest, each: Declared, manifests: list[Manifest], licences: Licences) -> list[Cell]:
    lock = lock_for(manifest, manifests)
    locked = [found for found in lock.locked if found.name == each.name] if lock else []
    names = {_licence(licences[manifest.ecosystem, found.name, found.version]) for found in locked}
    return [
        each.name,
        each.constraint or each.target or "any",
        each.scope,
        ", ".join(found.version for found in locked[:3]) or None,
        ", ".join(sorted(names)) or UNKNOWN,
        f"{manifest.path}:{each.line}" if each.line else manifest.path,
    ]


def _licence(licence: Licence | None) -> str:
    return licence.name if licence else UNKNOWN


def _plots(licences: Licences) -> list[Plot]:
    counts = Counter(_licence(licence) for licence in licences.values()).most_common(_MOST_LICENCES)
    if not counts:
        return []
    return [
        Plot(
            kind="barh",
            title="Licences of locked packages",
            x_label="packages",
            labels=[name for name, _ in counts],
            series={"packages": [float(count) for _, count in counts]},
        )
    ]


def _notes(reading: Reading) -> list[str]:
    notes = [
        "Nothing was resolved, fetched or run: what is not written in the tree is not known.",
        *reading.walk.notes(),
        *(f"Not read: {each}" for each in reading.broken),
        *(f"{manifest.path} {note}." for manifest in reading.manifests for note in manifest.notes[:5]),
    ]
    if sum(len(each.locked) for each in reading.manifests) > MOST_COMPONENTS:
        notes.append(f"The bill of materials ends at {MOST_COMPONENTS:,} packages.")
    return notes[:50]
