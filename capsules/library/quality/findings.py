"""Out of thousands of remarks the ones that a maintainer would act on."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from capsules.library.quality.complexity import LONG
from capsules.library.quality.duplication import Block
from capsules.library.quality.lint import SYNTAX, Problem
from capsules.repository.analysis import Finding, Severity
from capsules.repository.functions import COMPLEX, Function

_SERIOUS = re.compile(
    r"^(F50\d|F7\d\d|F82[123]|PLE01\d\d|PLE0241|PLE060[45]|PLE1132|PLE1142|PLE1300|PLE1307)$"
)
_STYLE = re.compile(r"^(SIM|UP|RET|PERF|PLW2|E7)")
_FAMILIES = {
    "SIM": "places could be written more simply",
    "UP": "places use older syntax than the supported Python versions need",
    "RET": "functions return in more complicated ways than needed",
    "PERF": "loops do work that Python can do faster",
    "PLW": "overwritten loop variables",
    "E": "comparisons and handlers that the style guide advises against",
}
_PYTHON_2 = re.compile(
    r"`(unicode|basestring|unichr|long|xrange|raw_input|reduce|reload|file|cmp|execfile|buffer|apply|intern|"
    r"WindowsError|__file__)`"
)
_VERY_HARD, _HARD = 50, 25
_WORST_FUNCTIONS, _WORST_FILES, _LARGEST_BLOCKS, _SERIOUS_EACH, _PLACES = 25, 10, 15, 15, 6
_BIG_BLOCK, _SMALL_BLOCK, _MANY_COPIES = 60, 15, 4
_STYLE_MATTERS = 10
_VERY_LOW_INDEX = 10


def is_serious(problem: Problem) -> bool:
    """Whether the code fails when it is reached, rather than may be mistaken."""
    if _PYTHON_2.search(problem.message):
        return False
    return problem.rule == SYNTAX or bool(_SERIOUS.match(problem.rule))


def is_style(problem: Problem) -> bool:
    return bool(_STYLE.match(problem.rule))


def lint_findings(problems: list[Problem]) -> Iterator[Finding]:
    """Serious problems one by one, likely mistakes one finding a rule, questions of style one a family."""
    serious, likely, style = defaultdict(list), defaultdict(list), defaultdict(list)
    for problem in problems:
        if is_serious(problem):
            serious[problem.rule].append(problem)
        elif is_style(problem):
            style[re.sub(r"\d+$", "", problem.rule)].append(problem)
        else:
            likely[problem.rule].append(problem)
    for found in serious.values():
        yield from _serious(found)
    for rule, found in sorted(likely.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        yield _mistake(rule, found)
    for family, found in sorted(style.items()):
        if len(found) >= _STYLE_MATTERS:
            yield _style(family, found)


def _serious(found: list[Problem]) -> Iterator[Finding]:
    for problem in _one_a_place(found)[:_SERIOUS_EACH]:
        yield Finding.of(
            f"ruff.{problem.rule}",
            problem.message,
            path=problem.path,
            line=problem.line,
            title=problem.message,
            severity="high",
            detail="The code fails as soon as this line is reached."
            if problem.rule != SYNTAX
            else "Python cannot read this file.",
            advice="Correct it, or delete the code if nothing reaches it.",
            effort="minutes",
            links=[problem.link] if problem.link else [],
        )


def _one_a_place(found: list[Problem]) -> list[Problem]:
    """The same message in the same file once; of a file that does not parse only the first."""
    first = {
        (problem.path, "" if problem.rule == SYNTAX else problem.message): problem
        for problem in reversed(found)
    }
    return sorted(first.values(), key=lambda problem: (problem.path, problem.line))


def _mistake(rule: str, found: list[Problem]) -> Finding:
    one = found[0] if len(found) == 1 else None
    words = found[0].name.replace("-", " ")
    return Finding.of(
        f"ruff.{rule}",
        path=one.path if one else None,
        line=one.line if one else None,
        title=f"{words.capitalize()}: {_in_files(found)}",
        severity="low",
        detail=f"{found[0].message}: {_places(found)}",
        advice=f"Run `ruff check --select {rule}` and look at each.",
        effort="minutes" if len(found) <= _PLACES else "hours",
        links=[found[0].link] if found[0].link else [],
    )


def _style(family: str, found: list[Problem]) -> Finding:
    rules = Counter(f"{problem.rule} {problem.name}" for problem in found).most_common(_PLACES)
    return Finding.of(
        f"ruff.{family}",
        title=f"{len(found):,} {_FAMILIES.get(family, 'questions of style')}",
        severity="info",
        detail=", ".join(f"{rule} x {number}" for rule, number in rules) + f"; for example {_places(found)}",
        advice=f"Run `ruff check --select {family} --fix` once and review the change.",
    )


def _in_files(found: list[Problem]) -> str:
    files = len({problem.path for problem in found})
    if len(found) == 1:
        return "1 place"
    return f"{len(found):,} places in {files:,} file{'s' if files > 1 else ''}"


def _places(found: list[Problem]) -> str:
    named = [f"{problem.path}:{problem.line}" for problem in found[:_PLACES]]
    more = len(found) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def function_findings(hard: list[tuple[str, Function]]) -> Iterator[Finding]:
    """The hardest functions one by one."""
    for path, function in hard[:_WORST_FUNCTIONS]:
        is_complex = function.complexity > COMPLEX
        yield Finding.of(
            "quality.complex-function" if is_complex else "quality.long-function",
            function.name,
            path=path,
            line=function.line,
            title=f"{function.name} has complexity {function.complexity}"
            if is_complex
            else f"{function.name} is {function.code} code lines long",
            severity=_severity(function),
            detail=f"{function.code} code lines, {function.complexity} paths, "
            f"{function.parameters} parameters; beyond complexity {COMPLEX} or {LONG} lines "
            "a function is hard to test completely.",
            advice="Extract the branches that stand on their own, and test them before and after.",
            effort="days" if function.complexity > _VERY_HARD else "hours",
        )


def _severity(function: Function) -> Severity:
    if function.complexity > _VERY_HARD:
        return "high"
    return "medium" if function.complexity > _HARD else "low"


def index_findings(indices: Iterable[tuple[str, float]]) -> Iterator[Finding]:
    """The files with the lowest maintainability index, the lowest first."""
    for path, index in sorted(indices, key=lambda entry: (entry[1], entry[0]))[:_WORST_FILES]:
        yield Finding.of(
            "quality.maintainability",
            path=path,
            title=f"Maintainability index {index:g} of 100",
            severity="medium" if index < _VERY_LOW_INDEX else "low",
            detail="The index falls with length, branches and the number of operations; below 20 it is low.",
            advice="Split the file by what its parts are for.",
            effort="days",
        )


def block_findings(blocks: list[Block]) -> Iterator[Finding]:
    """The largest copied blocks."""
    for block in [block for block in blocks if block.lines >= _SMALL_BLOCK][:_LARGEST_BLOCKS]:
        first, places = block.places[0], block.places
        named = [f"{place.path}:{place.first}-{place.last}" for place in places[: _PLACES + 1]]
        yield Finding.of(
            "quality.duplicate",
            "\n".join(sorted({place.path for place in places})) + f"\n{block.lines}",
            path=first.path,
            line=first.first,
            title=f"{block.lines} code lines stand in {len(places)} places",
            severity="medium" if block.lines >= _BIG_BLOCK or len(places) > _MANY_COPIES else "low",
            detail=", ".join(named)
            + ("" if len(places) <= _PLACES + 1 else f" and {len(places) - len(named)} more"),
            advice="Move the common part to one place that all of them use.",
        )
