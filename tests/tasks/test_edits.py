"""Calls that people agreed to with other arguments, under real constitutions and seals."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from blocks.agreement import Vote
from blocks.context import RunContext, running
from blocks.editing import Edit, check_edits, edited_digest
from blocks.errors import ApprovalNeeded, BadInput, PolicyDenied
from tasks.governed import governed_task

TEXT = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: pay, version: 1.0.0}
default: allow
articles:
  - {id: ASK, title: t, stages: [tool.call], actions: [bank.pay], verdict: approve, reason: money moves}
  - id: NEVER
    title: t
    stages: [tool.call]
    when: "tool.arguments.to == 'eve'"
    verdict: deny
    reason: not to eve
"""
ANN = Vote(by="ann", roles=frozenset({"approver"}))
Under = Callable[..., RunContext]


@governed_task(stage="tool.call", action="bank.pay")
def pay(to: str, amount: int, memo: PurePosixPath | None = None) -> str:
    return f"{amount} to {to} ({memo})"


def question(context: RunContext, **arguments: Any) -> tuple[str, Mapping[str, Any]]:
    """The digest that people are asked about, and what they may change."""
    with running(context), pytest.raises(ApprovalNeeded) as needed:
        pay.fn(**arguments)
    return str(needed.value.fields["action_digest"]), needed.value.fields["offered"]


def agreed(asked: str, offered: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """What a context says once ann has agreed to the call with these arguments."""
    check_edits(offered, edits)
    digest = edited_digest(offered, asked, edits)
    edit = Edit(arguments=edits, digest=digest, by=("ann",))
    return {"approved": {digest: (ANN,)}, "edits": {asked: edit}}


def run(under: Under, edits: Mapping[str, Any], again: Mapping[str, Any] | None = None) -> str:
    given = {"to": "bob", "amount": 500}
    asked, offered = question(under(TEXT, project="p", node="n"), **given)
    context = under(TEXT, project="p", node="n", **agreed(asked, offered, edits))
    with running(context):
        return pay.fn(**(again or given))


def test_the_call_that_comes_again_is_the_one_that_was_agreed_to(under: Under, recorded: Any) -> None:
    """Its arguments are replaced, typed as the tool declares them, decided, and told with both digests."""
    assert run(under, {"amount": 5, "memo": "a/b"}) == "5 to bob (a/b)"


def test_only_exactly_that_call_is_replaced(under: Under) -> None:
    """Another call of the same tool is asked about like any."""
    with pytest.raises(ApprovalNeeded):
        run(under, {"amount": 5}, again={"to": "bob", "amount": 501})


def test_no_edit_opens_what_an_article_denies(under: Under) -> None:
    """The edited call is decided anew; people cannot agree past a denial."""
    with pytest.raises(PolicyDenied, match="not to eve"):
        run(under, {"to": "eve"})


def test_the_original_call_stays_closed(under: Under) -> None:
    """A yes to the edited call is none to the one that was asked about: without the edit it asks again."""
    asked, offered = question(under(TEXT, project="p", node="n"), to="bob", amount=500)
    said = agreed(asked, offered, {"amount": 5})
    with (
        running(under(TEXT, project="p", node="n", approved=said["approved"])),
        pytest.raises(ApprovalNeeded),
    ):
        pay.fn("bob", 500)


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ({"amount": "5"}, "amount: '5' is not of type 'integer'"),
        ({"sum": 5}, "there is no argument 'sum' to change; there are amount, memo, to"),
        ({"to": {"$result": {"path": "x"}}}, "names that begin with . are references"),
    ],
)
def test_an_edit_fits_the_signature(under: Under, edits: dict[str, Any], problem: str) -> None:
    """What the tool could not be called with is refused when it is said, not when it comes."""
    _, offered = question(under(TEXT, project="p", node="n"), to="bob", amount=500)

    with pytest.raises(BadInput, match=problem):
        check_edits(offered, edits)


def test_secret_arguments_are_masked_and_not_changed(under: Under) -> None:
    """Nobody agrees to a change of what nobody can be shown."""
    _, offered = question(under(TEXT, project="p", node="n"), to="https://me:hunter22@example.org/", amount=1)

    assert "hunter22" not in str(offered)
    with pytest.raises(BadInput, match="secret"):
        check_edits(offered, {"amount": 2})


def test_an_edit_of_another_tool_is_refused(under: Under) -> None:
    """Where what was agreed to does not make the same call any more, nothing runs."""
    asked, offered = question(under(TEXT, project="p", node="n"), to="bob", amount=500)
    said = agreed(asked, offered, {"amount": 5})
    wrong = Edit(arguments={"amount": 6}, digest=said["edits"][asked].digest, by=("ann",))
    context = under(TEXT, project="p", node="n", approved=said["approved"], edits={asked: wrong})

    with running(context), pytest.raises(PolicyDenied, match="do not make the same call"):
        pay.fn("bob", 500)
