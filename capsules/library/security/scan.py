from dataclasses import dataclass, field

from capsules.library.security.committed import by_name, examine_name
from capsules.library.security.dockerfiles import examine_dockerfile, is_dockerfile
from capsules.library.security.python_code import PythonScan
from capsules.library.security.weakness import Weaknesses
from capsules.library.security.workflows import IS_WORKFLOW, examine_workflow
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.places import place_of
from capsules.repository.walk import Walk

_LARGEST_WORKFLOW = 200_000


@dataclass(kw_only=True)
class DeliveryScan:
    """What workflows, Dockerfiles and names of files showed."""

    walk: Walk
    weaknesses: Weaknesses = field(default_factory=Weaknesses)


def scan_python(checkout: Checkout, seconds: float) -> tuple[Walk, PythonScan]:
    """Bandit's checks on every Python file of the commit."""
    walk, scan = Walk(checkout=checkout, wanted=_is_python, seconds=seconds), PythonScan()
    for file, content in walk:
        if not scan.examine(file.path, place_of(file.path), content):
            walk.skip("syntax error" if file.path in scan.broken[-1:] else "not examinable")
    return walk, scan


def scan_delivery(checkout: Checkout, seconds: float) -> DeliveryScan:
    """The checks on workflows, Dockerfiles and names of files."""
    walk = Walk(
        checkout=checkout,
        wanted=_is_delivery,
        refused=lambda file: "binary" if file.binary and not by_name(file.path) else None,
        seconds=seconds,
    )
    scan = DeliveryScan(walk=walk)
    for file, content in walk:
        reason = _examine_delivery(scan, file, content)
        if reason:
            walk.skip(reason)
    return scan


def _examine_delivery(scan: DeliveryScan, file: SourceFile, content: bytes) -> str | None:
    found = examine_name(file.path, content)
    text = content.decode("utf-8", "replace")
    if is_dockerfile(file.path):
        found += examine_dockerfile(file.path, text)
    elif IS_WORKFLOW.search(file.path):
        if len(content) > _LARGEST_WORKFLOW:
            return f"workflow larger than {_LARGEST_WORKFLOW:,} bytes"
        try:
            found += examine_workflow(file.path, text)
        except ValueError:
            return "no readable YAML"
    for weakness in found:
        scan.weaknesses.add(weakness)
    return None


def _is_python(file: SourceFile) -> bool:
    return file.path.lower().endswith((".py", ".pyw"))


def _is_delivery(file: SourceFile) -> bool:
    return bool(is_dockerfile(file.path) or IS_WORKFLOW.search(file.path) or by_name(file.path))
