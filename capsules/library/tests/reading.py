from collections import Counter
from dataclasses import dataclass, field

from capsules.library.tests.counting import count_skipped, count_tests
from capsules.library.tests.evidence import Evidence, is_interesting, see_configuration, see_name, see_test
from capsules.library.tests.mentions import Module, unmentioned
from capsules.repository.analysis import Coverage
from capsules.repository.apart import Apart
from capsules.repository.checkout import Checkout, SourceFile
from capsules.repository.deadline import Deadline
from capsules.repository.functions import LARGEST
from capsules.repository.languages import kind_of
from capsules.repository.lines import count_lines
from capsules.repository.roles import looks_generated, role_of

_NO_PROGRAM = {"HTML", "CSS", "SCSS", "Less", "Jinja", "Makefile", "Dockerfile", "CMake", "SQL", "Batch"}
_SCRIPTS = {"setup.py", "noxfile.py", "conf.py", "__main__.py"}
_PYTHON_FRAMEWORKS = {"pytest", "unittest", "Django test"}
"""Where none of them is named, test functions are in pytest's style."""
_SMALLEST = 10


@dataclass(kw_only=True)
class TestReading:
    """What the tree says about its tests."""

    files: int = 0
    tests: Counter[str] = field(default_factory=Counter)
    """Tests by language."""
    test_files: int = 0
    skipped_tests: int = 0
    source_lines: int = 0
    test_lines: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    modules: list[Module] = field(default_factory=list)
    unmentioned: list[Module] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


def read_tests(checkout: Checkout, seconds: float) -> TestReading:
    """Go through the tree once; Python is parsed in child processes."""
    reader, deadline, skipped, total = _Reader(checkout), Deadline(seconds), Counter[str](), 0
    with reader.defining, reader.using:
        for file in checkout.files():
            reader.found.files += 1
            see_name(reader.found.evidence, file.path)
            if not _is_wanted(file):
                continue
            total += 1
            reason = "out of time" if deadline.passed else reader.read(file)
            if reason:
                skipped[reason] += 1
    found = reader.finish()
    found.coverage = Coverage(examined=total - skipped.total(), total=total, skipped=dict(skipped))
    return found


def _is_wanted(file: SourceFile) -> bool:
    if file.binary or role_of(file.path) in {"vendored", "generated"}:
        return False
    return is_interesting(file.path) or _is_program(file)


def _is_program(file: SourceFile) -> bool:
    return kind_of(file.language) == "code" and file.language not in _NO_PROGRAM


class _Reader:
    """Takes in one file after the other; what tests mention is compared at the end."""

    def __init__(self, checkout: Checkout) -> None:
        self.found = TestReading()
        self.defining = Apart("capsules.library.tests.mentions.definitions")
        self.using = Apart("capsules.library.tests.mentions.uses")
        self._checkout = checkout
        self._imports, self._names = set[str](), set[str]()
        self._test_files: list[str] = []

    def read(self, file: SourceFile) -> str | None:
        """Take the file in, or say why not."""
        content = self._checkout.read(file.raw, LARGEST)
        if content is None:
            return "larger than 400 kB"
        text = content.decode("utf-8", "replace")
        if is_interesting(file.path):
            see_configuration(self.found.evidence, file.path, text)
        if not _is_program(file):
            return None
        if looks_generated(content):
            return "generated"
        role = role_of(file.path)
        tests = count_tests(text, file.language, is_test=role == "test")
        if tests and file.language:
            self.found.tests[file.language] += tests
        if role == "test":
            self._add_test(file, content, text, tests)
        elif role == "source":
            self._add_source(file, content)
        return None

    def finish(self) -> TestReading:
        if self.found.tests["Python"] and not self.found.evidence.frameworks & _PYTHON_FRAMEWORKS:
            self.found.evidence.frameworks.add("pytest")
        names = " ".join(self._test_files)
        self.found.unmentioned = unmentioned(self.found.modules, self._imports, self._names, names)
        return self.found

    def _add_test(self, file: SourceFile, content: bytes, text: str, tests: int) -> None:
        self.found.test_lines += count_lines(content, file.language).code
        self.found.test_files += bool(tests)
        self.found.skipped_tests += count_skipped(text)
        see_test(self.found.evidence, text, file.language)
        if tests:
            self._test_files.append(file.path.rpartition("/")[2])
        if file.language == "Python" and (used := self.using.call(file.path, content)):
            self._imports.update(used["imports"])
            self._names.update(used["names"])

    def _add_source(self, file: SourceFile, content: bytes) -> None:
        lines = count_lines(content, file.language).code
        self.found.source_lines += lines
        if not file.path.endswith(".py") or file.path.rpartition("/")[2] in _SCRIPTS or lines < _SMALLEST:
            return
        names = self.defining.call(file.path, content)
        if names:
            self.found.modules.append(Module(path=file.path, names=frozenset(names), lines=lines))
