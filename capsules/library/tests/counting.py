"""How many tests a file declares, told by the words that its language and framework use."""

import re

_TESTS: dict[str, str] = {
    "Python": r"^[ \t]*(?:async[ \t]+)?def[ \t]+test\w*[ \t]*\(",
    "JavaScript": r"^[ \t]*(?:it|test|specify)(?:\.\w+)*[ \t]*[(`]|\bDeno\.test\(",
    "Go": r"^func (?:Test|Fuzz|Example)\w*\(",
    "Java": r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b",
    "Rust": r"#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b",
    "Ruby": r"^[ \t]*(?:it|specify|scenario|test)[ \t]+[\"'{]|^[ \t]*def test_",
    "PHP": r"function[ \t]+test\w*[ \t]*\(|#\[Test\b|@test\b|^[ \t]*(?:it|test)\(",
    "C#": r"\[(?:Fact|Theory|Test|TestMethod|TestCase|TestCaseSource)\b",
    "C": r"^[ \t]*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TEST_CASE|SCENARIO|BOOST_AUTO_TEST_CASE|Test)[ \t]*\(",
    "Swift": r"func[ \t]+test\w*[ \t]*\(|@Test\b",
    "Elixir": r"^[ \t]*(?:test|property)[ \t]+\"",
    "Scala": r"^[ \t]*(?:it|test|they)[ \t]*\(|@Test\b|\"[ \t]+in[ \t]*\{",
    "Dart": r"^[ \t]*test(?:Widgets)?[ \t]*\(",
    "Shell": r"^@test\b|^[ \t]*(?:function[ \t]+)?test_?\w+[ \t]*\(\)",
    "Lua": r"^[ \t]*it[ \t]*\(",
    "Haskell": r"^[ \t]*(?:it|prop|testCase|testProperty)[ \t]+\"",
    "Julia": r"@test\b",
    "R": r"^[ \t]*test_that[ \t]*\(",
    "Perl": r"^[ \t]*(?:ok|is|is_deeply|like|cmp_ok|subtest)[ \t]*[( ]",
    "Zig": r"^[ \t]*test[ \t]+\"",
}
_SAME = {
    "TypeScript": "JavaScript",
    "CoffeeScript": "JavaScript",
    "Vue": "JavaScript",
    "Kotlin": "Java",
    "Groovy": "Java",
    "C++": "C",
    "CUDA": "C",
    "Objective-C": "Swift",
}
_SKIPPED = re.compile(
    r"@(?:pytest\.mark\.(?:skip|xfail)|unittest\.(?:skip|expectedFailure)|Disabled|Ignore)\b|\bpytest\.skip\("
    r"|\b(?:it|test|describe)\.(?:skip|todo)\b|\bx(?:it|describe)\(|\bt\.Skip\w*\(|#\[ignore\b"
)
_INSIDE_SOURCE = {"Rust", "Zig"}
_PATTERNS = {language: re.compile(pattern, re.MULTILINE) for language, pattern in _TESTS.items()}


def count_tests(text: str, language: str | None, *, is_test: bool) -> int:
    """The tests that the text declares; a file that is no test file may hold some in a few languages."""
    pattern = _PATTERNS.get(_SAME.get(language or "", language or ""))
    if pattern is None or not (is_test or language in _INSIDE_SOURCE):
        return 0
    return sum(1 for _ in pattern.finditer(text))


def count_skipped(text: str) -> int:
    """Tests that are declared but not run, or expected to fail."""
    return sum(1 for _ in _SKIPPED.finditer(text))
