import re
from collections import Counter
from dataclasses import dataclass, field

_BOT = re.compile(
    r"\[bot\]|^(dependabot|renovate|github[- ]actions?|pre-commit[- ]ci|greenkeeper|pyup|snyk|weblate|"
    r"allcontributors|semantic-release|codecov|imgbot|mergify|travis|deepsource|stale|release-please)\b"
    r"|[-_ ]bot$",
    re.IGNORECASE,
)
_SHARED_ADDRESSES = re.compile(r"^$|^noreply@|@localhost|@\(none\)|^root@|^unknown", re.IGNORECASE)


@dataclass(kw_only=True)
class Person:
    name: str
    bot: bool
    commits: int = 0
    recent: int = 0
    """Commits in the last 12 months of the history."""
    last: int = 0
    """The time of the newest commit, in seconds since 1970."""


@dataclass
class People:
    """Who wrote commits; one person may have had several addresses or spellings."""

    _by_key: dict[str, Person] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, address: str, when: int, *, recent: bool) -> None:
        person = self._person(name, address.lower())
        person.commits += 1
        person.recent += recent
        person.last = max(person.last, when)

    def _person(self, name: str, address: str) -> Person:
        name = public_name(name)
        key = f"name:{' '.join(name.split()).casefold()}"
        if not _SHARED_ADDRESSES.search(address):
            key = self._keys.setdefault(address, self._keys.get(key, key))
        return self._by_key.setdefault(key, Person(name=name, bot=bool(_BOT.search(name))))

    def humans(self) -> list[Person]:
        people = [person for person in self._by_key.values() if not person.bot]
        return sorted(people, key=lambda person: (-person.recent, -person.commits, person.name))

    def bots(self) -> list[Person]:
        return [person for person in self._by_key.values() if person.bot]


def public_name(name: str) -> str:
    """The name alone: where somebody gave an address for a name, the part before the `@`."""
    return (name.strip().partition("@")[0] if "@" in name else name.strip()) or "(no name)"


def bus_factor(commits: Counter[str]) -> list[str]:
    """The fewest people who together wrote at least half of the commits, the busiest first."""
    half, written, names = sum(commits.values()) / 2, 0, []
    for name, count in commits.most_common():
        if written >= half:
            break
        names.append(name)
        written += count
    return names
