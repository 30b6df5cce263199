import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from capsules.library.survey.licence import find_licence
from capsules.repository.analysis import Coverage
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.deadline import Deadline
from capsules.repository.languages import kind_of
from capsules.repository.lines import Lines, count_lines
from capsules.repository.roles import Role, looks_generated, role_of

LARGEST = 15
_LFS = b"version https://git-lfs.github.com/spec"


@dataclass(kw_only=True)
class Inventory:
    """What lies in the tree; lines are counted in files that people write here."""

    files: int = 0
    size: int = 0
    binaries: int = 0
    large_files: int = 0
    """Pointers to files that are kept outside of the repository."""
    roles: Counter[Role] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    """Files by language."""
    lines: dict[str, Lines] = field(default_factory=lambda: defaultdict(Lines))
    largest: list[tuple[int, str, bool]] = field(default_factory=list)
    """Size, path and whether it is binary; a heap while it is being filled."""
    licences: dict[str, str | None] = field(default_factory=dict)
    """Licence files by path, with the licence that the text speaks of."""
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def code(self) -> Lines:
        """The lines in programming languages."""
        return sum((lines for name, lines in self.lines.items() if kind_of(name) == "code"), Lines())


def take_inventory(checkout: Checkout, seconds: float) -> Inventory:
    """Go through the tree once, holding one file at a time."""
    inventory, deadline = Inventory(), Deadline(seconds)
    skipped: Counter[str] = Counter()
    for file in checkout.files():
        _weigh(inventory, file)
        reason = "out of time" if deadline.passed else _count_lines(inventory, checkout, file)
        if reason:
            skipped[reason] += 1
    inventory.largest.sort(key=lambda entry: (-entry[0], entry[1]))
    inventory.coverage = Coverage(
        examined=inventory.files - skipped.total(), total=inventory.files, skipped=dict(skipped)
    )
    return inventory


def _weigh(inventory: Inventory, file: SourceFile) -> None:
    inventory.files += 1
    inventory.size += file.size
    inventory.binaries += file.binary
    inventory.roles[role_of(file.path)] += 1
    entry = (file.size, file.path, file.binary)
    if len(inventory.largest) < LARGEST:
        heapq.heappush(inventory.largest, entry)
    else:
        heapq.heappushpop(inventory.largest, entry)


def _count_lines(inventory: Inventory, checkout: Checkout, file: SourceFile) -> str | None:
    """Count the file's lines, or say why it has none to count."""
    if file.binary:
        return "binary"
    role = role_of(file.path)
    if role in {"vendored", "generated"}:
        return role
    content = checkout.read(file.raw)
    if content is None:
        return "larger than 2 MB"
    if content.startswith(_LFS):
        inventory.large_files += 1
    found, name = find_licence(file.path, content)
    if found:
        inventory.licences[file.path] = name
    if file.language is None:
        return "unknown language"
    if looks_generated(content):
        return "generated"
    inventory.languages[file.language] += 1
    inventory.lines[file.language] += count_lines(content, file.language)
    return None
