"""What part of a project a file belongs to, told by its path alone."""

import re
from typing import Literal

Place = Literal["product", "test", "example", "documentation", "vendored"]

_FOLDERS: dict[Place, str] = {
    "vendored": "vendor vendors vendored _vendor node_modules third_party third-party bower_components",
    "test": "test tests testing testdata test_data test-data fixture fixtures __fixtures__ spec specs "
    "__tests__ __mocks__ mocks e2e integration_tests unittests unit testsuite smoke t",
    "example": "example examples sample samples demo demos tutorial tutorials",
    "documentation": "doc docs documentation javadoc",
}
_NAMES: dict[Place, str] = {
    "test": r"^(?:test_.*|.*_tests?|.*[.-](?:test|spec)|conftest|tests?)\.[a-z0-9]+$"
    r"|^.+Tests?\.(?:java|kt|cs|swift|php)$",
    "example": r"(?i)(?:\.|-|_)(?:example|sample|template|dist|tmpl|tpl)s?(?:\.[a-z0-9]+)?$",
    "documentation": r"(?i)\.(?:md|markdown|mdx|rst|adoc|tex)$|^(?:readme|changelog|history)",
    "vendored": r"\.min\.(?:js|css)$|\.bundle\.js$",
}
_BY_FOLDER = {word: place for place, words in _FOLDERS.items() for word in words.split()}
_BY_NAME = [(place, re.compile(pattern)) for place, pattern in _NAMES.items()]


def place_of(path: str) -> Place:
    """Where a file stands: tests, examples, documentation and vendored code are judged more mildly."""
    *folders, name = path.split("/")
    for folder in folders:
        if folder.lower() in _BY_FOLDER:
            return _BY_FOLDER[folder.lower()]
    return next((place for place, pattern in _BY_NAME if pattern.search(name)), "product")
