"""Conditions: what is understood, what is refused at load, and that checker and engine agree."""

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.constitution.checker import check_condition
from blocks.constitution.conditions import compile_condition, context_of
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import parse
from blocks.constitution.stages import STAGES, variables

TOOL = variables("tool.call")
FACTS = {
    "principal": {"tenant": "acme", "name": "ada", "kind": "user", "roles": ["admin", "reader"]},
    "node": {"name": "security", "attempt": 2, "tools": ["bandit.scan", "git.*"], "memory": []},
    "project": {"id": "p1", "workspace": "/srv/p1", "inputs": {"depth": 3}},
    "tool": {"name": "bandit.scan", "arguments": {"limit": 5, "root": "/srv/p1/x", "tags": ["a", "b"]}},
}


def holds(source: str, facts: dict = FACTS) -> bool:
    condition = compile_condition(source, TOOL)
    inquiry = Inquiry(facts)
    return condition.holds(context_of(condition, inquiry), inquiry)


@pytest.mark.parametrize(
    "source",
    [
        "true",
        "tool.name == 'bandit.scan'",
        'tool.name == "bandit.scan" // a comment',
        "tool.name in ['bandit.scan', 'x']",
        "tool.name.startsWith('bandit.') && tool.name.endsWith('scan') && tool.name.contains('.')",
        r"tool.name.matches('^[a-z]+\\.scan$')",
        r"tool.name.matches(r'^[a-z]+\.scan$')",
        "tool.name.upper() == 'BANDIT.SCAN' && ' x '.trim() == 'x' && 'A'.lower() == 'a'",
        "size(tool.name) == 11 && tool.name.size() > 3",
        "tool.arguments.limit > 3",
        "tool.arguments['limit'] == 5",
        "has(tool.arguments.limit) && !has(tool.arguments.other)",
        "!has(tool.arguments.other) || tool.arguments.other == 1",
        "tool.arguments.tags.exists(tag, tag == 'b')",
        "tool.arguments.tags.all(tag, size(tag) == 1)",
        "tool.arguments.tags.exists_one(tag, tag == 'a')",
        "size(tool.arguments.tags.filter(tag, tag != 'a')) == 1",
        "tool.arguments.tags.map(tag, tag + '!') == ['a!', 'b!']",
        "tool.arguments.exists(key, key == 'limit')",
        "principal.roles.exists(role, role in ['admin'])",
        "'admin' in principal.roles",
        "node.attempt * 2 + 1 == 5 && node.attempt - 1 == 1 && node.attempt % 2 == 0 && 7 / 2 == 3",
        "node.attempt < 3 && node.attempt >= 2 && 1.5 < 2.5 && -node.attempt == -2",
        "(node.attempt == 2 ? 'two' : 'other') == 'two'",
        "{'a': 1}['a'] == 1 && {'a': 1}.a == 1",
        "!(tool.name == 'x') && !!true",
        "listed(tool.name, node.tools) && tool.name.like('bandit.*') && like('a', '?')",
        "!paths_outside(tool.arguments, project.workspace)",
        "!has_secret(tool.arguments)",
        "timestamp('2026-01-01T00:00:00Z') + duration('1h') < timestamp('2026-01-01T02:00:00Z')",
        "timestamp('2026-01-01T05:00:00Z').getHours() == 5",
        "int('5') == tool.arguments.limit && string(node.attempt) == '2' && double(2) == 2.0",
        "project.inputs.depth == 3",
        "false || false || true && true",
        "tool.name != 'x' ? true : false",
        "'''many\nlines''' != \"\"\"one\"\"\" && b'a' == b'a' && 0xFF == 255 && 3u > 2u && 1e3 == 1000.0",
    ],
)
def test_what_is_understood_is_evaluated_as_the_engine_would(source):
    """Every construct holds on facts on which it should, and on the engine's own nested variables too."""
    assert holds(source)
    if not any(name in source for name in ("listed", "paths_outside", "has_secret", "upper", "like")):
        assert cel.evaluate(source, FACTS) is True


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("tool.argumens.x == 1", "no field 'argumens' in `tool`; did you mean 'arguments'?"),
        ("toool.name == 'x'", "unknown variable 'toool'; did you mean 'tool'?"),
        ("memory.scope == 'x'", "unknown variable 'memory'"),
        ("tool.name == 5", "string == int can never hold"),
        ("tool.name > 5", "string > int can never hold"),
        ("node.attempt == '2'", "int == string can never hold"),
        ("tool.name in [1, 2]", "string in list(int) can never hold"),
        ("tool.name in 'abc'", "'in' needs a list or a map, not string"),
        ("tool.name", "a condition must be a bool, this is string"),
        ("tool.arguments.force", "a condition must be a bool, this is dyn; compare it: `... == true`"),
        ("tool.arguments.force && true", "'&&' needs a bool, not dyn; compare it: `... == true`"),
        ("!tool.name", "'!' needs a bool, not string"),
        ("tool.name.startswith('x')", "unknown function startswith(); did you mean 'startsWith'?"),
        ("tool.name.startsWith(3)", "no string.startsWith(int): wrong operands"),
        ("tool.name.startsWith()", "no string.startsWith(): wrong operands"),
        ("startsWith(tool.name, 'x')", "no startsWith(string, string): wrong operands"),
        ("node.attempt.size() == 1", "size() is not defined for int"),
        ("has(tool)", "has() takes one field"),
        ("has(tool.nme)", "no field 'nme' in `tool`; did you mean 'name'?"),
        ("tool.name.matches('[')", "not a regular expression"),
        ("tool.name.matches(tool.name)", "matches() takes a pattern written out"),
        ("principal.roles.all(role, role > 3)", "string > int can never hold"),
        ("principal.roles.all(role)", "all() takes a variable and a condition"),
        ("principal.roles.all('x', true)", "the first argument of all() is a variable name"),
        ("principal.roles.all(tool, true)", "'tool' hides a variable of the stage"),
        ("principal.roles.all(_x, true)", "does not begin with '_'"),
        ("tool.name.all(x, true)", "all() needs a list or a map, not string"),
        ("tool.name + 5 == 'x'", "string + int is not defined"),
        ("tool.name.first == 'x'", "string has no field 'first'"),
        ("principal.roles['x'] == 'y'", "list(string)[...] takes int, not string"),
        ("1 < 2 < 3", "bool < int can never hold"),
        ("tool.name == 'x' &&", "expected a value, found the end"),
        ("(tool.name == 'x'", "expected ')', found the end"),
        ("tool.name == 'x' true", "unexpected 'true'"),
        ("tool.name = 'x'", "unexpected character '='"),
        ("tool.name == 'x", 'unexpected character "\'"'),
        (r"tool.name == '\d'", "unknown escape '\\d'"),
        ("true ? 1 : 'a'", "'?:' gives int or string: make them one type"),
        ("9223372036854775809 > 1", "does not fit into 64 bits"),
        ("{1: 2} == {1: 2}", "keys of a map are strings here, not int"),
        ("type(tool.name) == string", "unknown function type()"),
        ("Foo{a: 1}", "unexpected '{'"),
        (f"{'(' * 50}true{')' * 50}", "nested deeper than 40 levels"),
        (" || ".join(["true"] * 200), "too many operators"),
        (f"tool.name == '{'x' * 5000}'", "at most 4000 characters"),
    ],
)
def test_what_is_not_understood_does_not_load(source, problem):
    """A wrong name, field, function, operand or text is an error before anything is decided."""
    with pytest.raises(ConditionError) as caught:
        compile_condition(source, TOOL)

    assert problem in caught.value.message


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_says_who_acts_and_where(stage):
    """The variables that every stage has can be used at every stage."""
    compile_condition(
        "principal.name != '' && project.id != 'x' && node.name != 'x' && capsule.name != 'x' "
        "&& has(task.arguments.x) && time > timestamp('2020-01-01T00:00:00Z')",
        variables(stage),
    )


@pytest.mark.parametrize(
    ("source", "facts", "problem"),
    [
        ("tool.arguments.path == 'x'", {"tool": {"arguments": {}}}, "tool.arguments.path is not given"),
        ("tool.name == 'x'", {}, "tool.name is not given"),
        ("tool.arguments.limit > 3", {"tool": {"arguments": {"limit": "5"}}}, "No such overload"),
        ("tool.arguments.tags[5] == 'x'", FACTS, "index out of bounds"),
        ("node.attempt / 0 == 1", FACTS, "division by zero"),
        ("tool.arguments.tags.exists(tag, tag.x == 1)", FACTS, ""),
        ("listed(tool.name, tool.arguments.limit)", FACTS, ""),
    ],
)
def test_what_cannot_be_evaluated_is_one_kind_of_error(source, facts, problem):
    """A missing fact, a wrong type or an overflow never gives an answer and never another exception."""
    with pytest.raises(ConditionError) as caught:
        holds(source, facts)

    assert problem in caught.value.message


def test_a_fact_of_another_type_than_its_stage_declares_is_an_error():
    """A wrong fact would make `==` silently false, so it is refused."""
    with pytest.raises(ConditionError, match=r"the fact tool\.name is a int, not a str"):
        holds("tool.name == 'x'", {"tool": {"name": 5}})


@pytest.mark.parametrize(
    ("path", "escapes"),
    [
        ("/srv/p1", False),
        ("/srv/p1/a/b", False),
        ("a/b", False),
        ("/srv/p1/../p2", True),
        ("../p2", True),
        ("/srv/p12", True),
        ("/etc/passwd", True),
        ("~/x", True),
        ("a\0b", True),
    ],
)
def test_outside_follows_the_text_of_a_path(path, escapes):
    """`..`, `~`, a longer sibling and an absolute path elsewhere lead out of the folder."""
    facts = {**FACTS, "tool": {"name": "x", "arguments": {"source_path": [path], "text": "/etc/passwd"}}}

    assert holds("paths_outside(tool.arguments, project.workspace)", facts) is escapes


WORDS = st.sampled_from(
    [
        "tool",
        ".",
        "name",
        "arguments",
        "'x'",
        "1",
        "2.5",
        "==",
        "&&",
        "||",
        "!",
        "(",
        ")",
        "[",
        "]",
        "in",
        "has(",
        ",",
        "?",
        ":",
        "-",
        "+",
        "size(",
        "true",
        "null",
        "node",
        "attempt",
        "tools",
        ".exists(t,",
        "{",
        "}",
        "<",
        "b''",
        "9u",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=14))
def test_whatever_loads_is_a_question_with_an_answer(words):
    """Random text is refused cleanly, or it loads and then gives a bool or the one kind of error."""
    source = " ".join(words)
    try:
        condition = compile_condition(source, TOOL)
    except ConditionError:
        return
    try:
        inquiry = Inquiry(FACTS)
        answer = condition.holds(context_of(condition, inquiry), inquiry)
    except ConditionError:
        return

    assert answer is cel.evaluate(source, FACTS)


def test_the_tree_of_a_condition_keeps_precedence():
    """`&&` binds closer than `||`, comparison closer than both, and the type check sees it so."""
    check_condition(parse("true || false && tool.name == 'x'"), TOOL)
    assert holds("true || false && false")
    assert not holds("(true || false) && false")
    assert holds("1 + 2 * 3 == 7 && 2 - 1 - 1 == 0 && 2 - (1 - 1) == 2")
