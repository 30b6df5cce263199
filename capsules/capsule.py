"""`@capsule`: a Python function and its manifest become a Prefect flow that the guard stands before."""

import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError
from prefect.states import Failed
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from blocks.errors import ApprovalNeeded, BadInput, Refusal
from blocks.results import ResultStore
from blocks.settings import load_settings
from capsules.attempt import perform
from capsules.binding import resolve
from capsules.fingerprint import capsule_digest
from capsules.manifest import Manifest, read_manifest

Body = Callable[..., Any]


class CapsuleFlow(Flow[..., Coroutine[Any, Any, Any]]):
    """A Prefect flow whose function asks the constitution before the author's body runs.

    The body is reachable only through the guard: calling the flow, its `.fn`, a copy made by
    `with_options` or a deployment all begin with the decision on `capsule.start`.
    """

    @property
    def manifest(self) -> Manifest:
        manifest: Manifest = vars(self.fn)["__capsule__"]
        return manifest

    def with_options(self, **options: Any) -> "CapsuleFlow":
        changed = super().with_options(**options)
        changed.__class__ = CapsuleFlow
        return changed  # type: ignore[return-value]  # its class was set in the line above

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Fetch what the parameters refer to, then check it against the signature."""
        store = ResultStore(load_settings().results_path)
        values = resolve(parameters, store.fetch)
        model: type[BaseModel] = vars(self.fn)["__inputs__"]
        known = model.model_fields
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ParameterTypeError(f"{self.manifest.name} takes no {', '.join(unknown)}")
        try:
            checked = model.model_validate(values)
        except ValidationError as error:
            raise ParameterTypeError(_readable(self.manifest.name, error)) from None
        return {name: getattr(checked, name) for name in known}


def capsule(body: Body) -> CapsuleFlow:
    """Make the function the capsule whose `capsule.yaml` lies beside its file.

    Its parameters must be the manifest's inputs. It may be sync or async; the flow is async.
    Raises `BadInput` when function and manifest do not fit.
    """
    folder = Path(inspect.getfile(body)).parent
    return capsule_flow(body, read_manifest(folder / "capsule.yaml"), folder)


def capsule_flow(body: Body, manifest: Manifest, folder: Path) -> CapsuleFlow:
    """The flow that runs the body behind the guard; the folder holds all that the capsule is made of."""
    return CapsuleFlow(
        guard_body(body, manifest, capsule_digest(folder)),
        name=manifest.name,
        version=manifest.version,
        description=manifest.summary,
        persist_result=True,
        result_serializer="json",
    )


def guard_body(body: Body, manifest: Manifest, digest: str) -> Body:
    """The function that Prefect gets to run in place of the author's body."""
    signature = inspect.signature(body, eval_str=True)
    _check_signature(signature, manifest)

    async def start(*args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(*args, **kwargs)
        arguments.apply_defaults()
        try:
            return await perform(manifest, digest, body, dict(arguments.arguments))
        except Refusal as refusal:
            if _runs_here(start):
                return refused(refusal)
            raise

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(start, name, getattr(body, name))
    start.__annotations__ = {
        **{name: parameter.annotation for name, parameter in signature.parameters.items()},
        "return": signature.return_annotation,
    }
    vars(start).update(__signature__=signature, __inputs__=_inputs(signature, manifest), __capsule__=manifest)
    return start


def refused(refusal: Refusal) -> State[Any]:
    """The final state of a run that the constitution did not let go on."""
    name = "AwaitingApproval" if isinstance(refusal, ApprovalNeeded) else "PolicyDenied"
    return Failed(name=name, message=refusal.message, data=refusal)


def _runs_here(start: Body) -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow is not None and context.flow.fn is start


def _inputs(signature: inspect.Signature, manifest: Manifest) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (
            Any if parameter.annotation is parameter.empty else parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for name, parameter in signature.parameters.items()
    }
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    return create_model(f"{manifest.name}-inputs", __config__=config, **fields)


def _check_signature(signature: inspect.Signature, manifest: Manifest) -> None:
    declared, taken = set(manifest.inputs), set(signature.parameters)
    if declared != taken:
        raise BadInput(
            f"capsule {manifest.name!r}: the function takes {sorted(taken)}, "
            f"capsule.yaml declares the inputs {sorted(declared)}; make them the same"
        )


def _readable(capsule_name: str, error: ValidationError) -> str:
    lines = [f"{'.'.join(str(step) for step in item['loc'])}: {item['msg']}" for item in error.errors()[:10]]
    return f"the inputs of {capsule_name} are not valid: " + "; ".join(lines)
