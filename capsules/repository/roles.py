"""What a file is there for, told by its path: written here, or taken over, generated, a test, an example."""

import re
from typing import Literal

Role = Literal["source", "test", "example", "vendored", "generated"]

_VENDORED = re.compile(
    r"(^|/)(node_modules|bower_components|jspm_packages|vendor|vendored|_vendor|_vendored|third[-_]?party|"
    r"site-packages|Pods|Carthage|\.yarn|\.venv|extern|externals?)/"
    r"|(^|/)(jquery|bootstrap|d3|angular|react|vue)([-.][\w.]*)?\.(js|css)$",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"\.min\.(js|css|mjs)$|[-_.]bundle\.js$|\.(map|lock|snap)$|_pb2(_grpc)?\.pyi?$|\.pb\.(go|cc|h)$|\.g\.(dart|cs)$"
    r"|\.designer\.cs$|_generated\.\w+$|\.generated\.\w+$|(^|/)zz_generated|(^|/)__generated__/"
    r"|(^|/)(package-lock\.json|pnpm-lock\.yaml|npm-shrinkwrap\.json|go\.sum|Cargo\.lock|configure)$",
    re.IGNORECASE,
)
_TEST = re.compile(
    r"(^|/)(tests?|testing|spec|specs|__tests__|__mocks__|e2e|cypress|testdata|test[-_]data|fixtures|androidTest)/"
    r"|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$"
    r"|[-_.](test|spec|tests|specs)\.\w+$"
    r"|[a-z0-9](Test|Tests|TestCase|Spec|IT)\.(java|kt|kts|scala|cs|groovy|swift|php|m|mm)$",
)
_EXAMPLE = re.compile(r"(^|/)(docs?|examples?|samples?|demos?|tutorials?|benchmarks?|bench)/", re.IGNORECASE)
_MARKER = re.compile(rb"@generated|DO NOT EDIT|do not edit (by hand|manually|this file)|(?i:auto-?generated)")
_MARKER_REACH = 1000
_LONG_LINE = 1000


def role_of(path: str) -> Role:
    """The role that a path speaks for; what is taken over or generated is so even among tests."""
    if _VENDORED.search(path):
        return "vendored"
    if _GENERATED.search(path):
        return "generated"
    if _TEST.search(path):
        return "test"
    return "example" if _EXAMPLE.search(path) else "source"


def looks_generated(content: bytes) -> bool:
    """Whether the text says so itself at its top, or is packed into lines that nobody writes."""
    if _MARKER.search(content[:_MARKER_REACH]):
        return True
    lines = content.count(b"\n") + 1
    return len(content) > _LONG_LINE and len(content) / lines > _LONG_LINE
