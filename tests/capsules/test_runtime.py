"""What a manifest may say of the pod that its capsule runs in."""

from typing import Any

import pytest
from pydantic import ValidationError

from capsules.runtime import Runtime, amount, planned_kind


@pytest.mark.parametrize(
    ("quantity", "expected"), [("500m", 0.5), ("2", 2), ("1.5Gi", 1.5 * 2**30), ("64Mi", 2**26), ("3k", 3000)]
)
def test_quantities_are_read_as_kubernetes_does(quantity: str, expected: float):
    """A number and a unit, decimal or binary."""
    assert amount(quantity) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ({"kind": "pod", "resources": {"limits": {"memory": "lots"}}}, "is no quantity"),
        ({"kind": "pod", "resources": {"limits": {"cpu": "0"}}}, "is nothing at all"),
        (
            {"kind": "pod", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "500m"}}},
            "more than `limits.cpu`",
        ),
        ({"kind": "pod", "tolerations": [{"operator": "Equal"}]}, "without a `key`"),
        (
            {"kind": "pod", "tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
            "has no `value`",
        ),
        (
            {"kind": "pod", "tolerations": [{"key": "a", "tolerationSeconds": 5}]},
            "is for `effect: NoExecute`",
        ),
        ({"kind": "inline", "resources": {"limits": {"cpu": "1"}}}, "`kind: inline` has none"),
        ({"kind": "pod", "image": "Not An Image"}, "image"),
        ({"kind": "pod", "privileged": True}, "privileged"),
    ],
)
def test_what_makes_no_sense_is_refused(runtime: dict[str, Any], words: str):
    """Each mistake is named when the manifest is read, not when the pod fails to start."""
    with pytest.raises(ValidationError) as caught:
        Runtime.model_validate(runtime)

    assert words in str(caught.value)


def test_a_manifest_that_says_nothing_leaves_the_pool_as_it_is():
    """No variable is set, so that the installation's own values count."""
    assert Runtime(kind="pod").job_variables() == {}


@pytest.mark.parametrize(
    ("kind", "processes_as", "expected"),
    [
        ("inline", "pod", "inline"),
        ("process", "process", "process"),
        ("process", "pod", "pod"),
        ("pod", "process", "pod"),
    ],
)
def test_an_installation_may_put_processes_into_pods(
    kind: str, processes_as: str, expected: str, monkeypatch: pytest.MonkeyPatch
):
    """What is planned says where the node will run on this hub."""
    monkeypatch.setenv("SOMA_PROCESSES_AS", processes_as)

    assert planned_kind(Runtime.model_validate({"kind": kind})) == expected
