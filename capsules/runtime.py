"""Where a capsule runs, and what a pod of it is given."""

import os
import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from blocks.settings import load_settings

Kind = Literal["inline", "process", "pod"]
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti)?$")
_DECIMAL = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(quantity: str) -> float:
    """A quantity as Kubernetes writes it (`500m`, `2Gi`) as a number; `ValueError` when it is none."""
    match = _QUANTITY.match(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity; write one such as 500m (CPU) or 512Mi (memory)")
    return float(match[1]) * {**_DECIMAL, **_BINARY}.get(match[2], 1)


def _quantity(value: str) -> str:
    if amount(value) <= 0:
        raise ValueError(f"{value!r} is nothing at all")
    return value


Quantity = Annotated[str, AfterValidator(_quantity)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amounts(_Strict):
    """CPU and memory, as Kubernetes writes them."""

    cpu: Quantity | None = None
    memory: Quantity | None = None


class Resources(_Strict):
    """What a pod is sure to get, and what it may not exceed."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()

    @model_validator(mode="after")
    def _fits(self) -> "Resources":
        for name in ("cpu", "memory"):
            least, most = getattr(self.requests, name), getattr(self.limits, name)
            if least is not None and most is not None and amount(least) > amount(most):
                raise ValueError(f"`requests.{name}` is {least}, more than `limits.{name}`, {most}")
        return self


class Toleration(_Strict):
    """A taint of nodes that the pod bears, as in Kubernetes."""

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: Annotated[int, Field(ge=0)] | None = None  # noqa: N815  # Kubernetes' own spelling

    @model_validator(mode="after")
    def _means_something(self) -> "Toleration":
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("a toleration with `operator: Exists` has no `value`")
        if self.key is None and self.operator == "Equal":
            raise ValueError("a toleration without a `key` has `operator: Exists`")
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            raise ValueError("`tolerationSeconds` is for `effect: NoExecute`")
        return self


class Runtime(_Strict):
    """Where a capsule runs: in the driver's process, in a warm process of its own, or in a pod."""

    kind: Kind = "inline"
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often a node of this capsule is tried when its run fails or dies."""
    resources: Resources = Resources()
    """Of its pod; the work pool's own where nothing is said."""
    tolerations: list[Toleration] = []
    """Of its pod."""
    image: Annotated[str, Field(pattern=r"^[a-z0-9][\w./:@-]*$", max_length=500)] | None = None
    """What its pod runs; the hub's own image unless set. The capsule and the hub must be installed in it."""

    @model_validator(mode="after")
    def _has_a_pod(self) -> "Runtime":
        given = self.model_fields_set & {"resources", "tolerations", "image"}
        if self.kind == "inline" and given:
            raise ValueError(
                f"`{min(given)}` speaks of a pod, and `kind: inline` has none; say `kind: pod` or `process`"
            )
        return self

    def job_variables(self) -> dict[str, Any]:
        """What the base job template of the work pool is filled with, where the manifest says something."""
        found: dict[str, Any] = {}
        if resources := self.resources.model_dump(exclude_none=True):
            found["resources"] = {name: amounts for name, amounts in resources.items() if amounts}
        if self.tolerations:
            found["tolerations"] = [item.model_dump(exclude_none=True) for item in self.tolerations]
        if self.image is not None:
            found["image"] = self.image
        return {name: value for name, value in found.items() if value}


def planned_kind(runtime: Runtime) -> Kind:
    """Where a node of the capsule runs on this hub, which may put into pods what asks for a process."""
    if runtime.kind != "process":
        return runtime.kind
    return _processes_as(os.environ.get("SOMA_PROCESSES_AS"), os.environ.get("SOMA_DATA_DIR"))


@cache
def _processes_as(*_: str | None) -> Literal["process", "pod"]:
    """The setting; reading all settings anew for each of ten thousand nodes would take seconds."""
    return load_settings().processes_as
