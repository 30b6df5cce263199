import hashlib
from collections import Counter
from dataclasses import dataclass, field

from capsules.library.secrets.detectors import Hit, detect, is_allowed
from capsules.library.secrets.judgement import judge
from capsules.repository.analysis import Severity
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.places import Place, place_of
from capsules.repository.walk import Walk

LOCKS = frozenset(
    {
        "brewfile.lock.json",
        "bun.lock",
        "cargo.lock",
        "cartfile.resolved",
        "composer.lock",
        "deno.lock",
        "flake.lock",
        "gemfile.lock",
        "go.sum",
        "gradle.lockfile",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "package.resolved",
        "packages.lock.json",
        "pdm.lock",
        "pipfile.lock",
        "pixi.lock",
        "pnpm-lock.yaml",
        "podfile.lock",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    }
)
_SILENT = (
    ".svg",
    ".map",
    ".po",
    ".pot",
    ".css",
    ".scss",
    ".sum",
    ".csv",
    ".tsv",
    ".geojson",
    ".patch",
    ".diff",
)
_UNQUOTED = (".env", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".s3cfg", ".boto", ".htpasswd", "credentials")
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One suspected secret: where it stands and a short fingerprint, never its value."""

    kind: str
    severity: Severity
    path: str
    place: Place
    line: int
    fingerprint: str


@dataclass(kw_only=True)
class Scan:
    """What was found in a checkout, and what was left out for which reason."""

    walk: Walk
    secrets: list[Secret] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    allowed: int = 0
    """Lines that a `pragma: allowlist secret` comment excuses."""
    unsearched: Counter[str] = field(default_factory=Counter)
    """Lines that are too long or too crowded for the patterns."""


def scan_checkout(checkout: Checkout, seconds: float) -> Scan:
    """Looks through the tracked text files of the commit, one at a time."""
    walk = Walk(checkout=checkout, refused=_refusal, seconds=seconds)
    scan = Scan(walk=walk)
    for file, content in walk:
        _scan_file(scan, file, content.decode("utf-8", "replace"), checkout.name)
    return scan


def fingerprint(value: str, salt: str) -> str:
    """Six hexadecimal digits: enough to tell two secrets apart, too few to try passwords against."""
    return hashlib.sha256(f"{salt}\0{value}".encode("utf-8", "replace")).hexdigest()[:6]


def _refusal(file: SourceFile) -> str | None:
    name = file.path.rpartition("/")[2].lower()
    if file.binary:
        return "binary"
    if name in LOCKS:
        return "lock file"
    return "generated or graphical" if name.endswith(_SILENT) else None


def _scan_file(scan: Scan, file: SourceFile, text: str, salt: str) -> None:
    lines, name = text.splitlines(), _presented(file.path)
    for start in range(0, len(lines), _BATCH):
        if scan.walk.out_of_time:
            scan.walk.skip("time budget spent")
            return
        part = range(start, min(start + _BATCH, len(lines)))
        for hit in detect(name, lines, part, scan.unsearched):
            if is_allowed(name, lines, hit.line):
                scan.allowed += 1
            else:
                _record(scan, hit, file.path, salt)


def _record(scan: Scan, hit: Hit, path: str, salt: str) -> None:
    place = place_of(path)
    verdict = judge(hit, place)
    if verdict.dropped:
        scan.dropped[verdict.dropped] += 1
        return
    secret = Secret(
        kind=hit.kind,
        severity=verdict.severity,
        path=path,
        place=place,
        line=hit.line,
        fingerprint=fingerprint(hit.value, salt),
    )
    scan.secrets.append(secret)


def _presented(path: str) -> str:
    """The name shown to the plugins, which demand quotes unless it ends like a configuration file."""
    name = path.rpartition("/")[2].lower()
    unquoted = name.startswith(_UNQUOTED) or name.endswith((".env", ".sh", "dockerfile")) or ".env." in name
    return f"{name}.ini" if unquoted else name
