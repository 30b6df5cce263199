"""What comes of a body that was let run: its result is decided as well, taken in, and told to the log."""

import hashlib
import logging
import time
from asyncio import CancelledError
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blocks.audit.canonical import canonical_of_plain
from blocks.constitution.decisions import Stage
from blocks.constitution.detectors.secrets import has_secret, redacted
from blocks.errors import PolicyDenied
from blocks.plain import is_exact, plain
from tasks.asking import Outcome, judge, used
from tasks.charging import Charged, set_charged
from tasks.idempotency import CallKey, set_call
from tasks.steps import Steps

if TYPE_CHECKING:
    from tasks.sealing import Seal

logger = logging.getLogger(__name__)

ANSWERS: Mapping[Stage, Stage] = {"tool.call": "tool.result", "model.request": "model.response"}
"""Which stage decides about the result of which."""
LONGEST_KEPT = 16_000
"""Characters of a result's JSON; of a longer one the log keeps the hash alone."""
WITHHELD = "; it has happened, but what it gave is withheld"
NOTHING = object()
"""The result of a body that gave none, or gave it piece by piece."""
_STOPS = (CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)


@dataclass(kw_only=True, eq=False, slots=True)
class Running:
    """A body that was let run, from its decision to its end."""

    seal: "Seal"
    outcome: Outcome
    arguments: Mapping[str, Any]
    begun: float = field(default_factory=time.monotonic)
    charged: Charged | None = None
    """What it is charged, where anything of it is limited."""
    refusal: PolicyDenied | None = None
    """Why its result was withheld, if it was."""
    result: Any = NOTHING
    key: CallKey | None = None
    """What tells this call from others when it is made again."""

    def to_its_end(self) -> "Ending":
        """Tells the log how the body ended, when the block does."""
        return Ending(self)

    def settled(self) -> Steps[None]:
        """Tell what it has cost, once it is at its end; one that never began has cost nothing."""
        if self.charged is not None and self.charged.begun:
            yield from self.charged.settle()
        else:
            self.given_up()

    def given_up(self) -> None:
        """Give back what was reserved: the body will not run."""
        if self.charged is not None:
            self.charged.give_back()

    def received(self, result: Any) -> Any:
        """The result, or what of it may be used; `PolicyDenied` when nothing may."""
        context = self.outcome.context
        if context is None:
            return result
        answer = ANSWERS.get(self.seal.stage)
        given = self._permitted(answer, result) if answer else result
        try:
            for value, labels in self.seal.taken(self.arguments, given):
                context.trail.take(value, labels, self.seal.action)
        except Exception as error:  # what cannot be followed is not handed out
            logger.exception("what %s gave cannot be taken in", self.seal.action)
            self._withhold(f"its result cannot be taken in: {type(error).__name__}", {})
        return given

    def ended(self, error: BaseException | None) -> None:
        """Tell the log how the body ended; raises nothing, for what the body did is done."""
        context, decision = self.outcome.context, self.outcome.decision
        if context is None:
            return
        failed = error is not None and error is not self.refusal
        ending = "completed" if not failed else "cancelled" if isinstance(error, _STOPS) else "failed"
        try:
            context.audit.note(
                "outcome",
                context.tenant,
                decision=decision.id,
                project=context.project,
                node=context.node,
                stage=decision.stage,
                action=decision.action,
                outcome=ending,
                error=type(error).__name__ if failed else None,
                seconds=round(time.monotonic() - self.begun, 6),
                result_sha256=None if failed or self.result is NOTHING else digest_of(self.result),
                budget=used(context),
            )
        except Exception:
            logger.exception("how %s ended could not be recorded", decision.action)

    def _permitted(self, stage: Stage, result: Any) -> Any:
        facts = self.seal.result_facts(self.arguments, result)
        outcome = judge(stage, self.seal.action, facts, self.arguments, brief=_is_long(result))
        if outcome.refusal is not None:
            # Also where an article would ask people: after a yes the effect would happen a second time.
            self._withhold(outcome.refusal.message, outcome.refusal.fields)
        if any(item.verdict == "redact" for item in outcome.decision.articles):
            result = redacted(result)
            if has_secret(plain(result)):
                self._withhold("the result holds a secret that cannot be masked", {})
        return result

    def _withhold(self, message: str, fields: Mapping[str, Any]) -> None:
        said = {key: fields[key] for key in fields if key not in {"action_digest", "requirements"}}
        self.refusal = PolicyDenied(message.rstrip(".") + WITHHELD, **said)
        raise self.refusal


class Ending:
    """The block in which a body runs; quicker than a generator, and every governed call passes it."""

    __slots__ = ("_before", "_outer", "_running")

    def __init__(self, running: Running) -> None:
        self._running = running
        self._before: Charged | None = None
        self._outer: CallKey | None = None

    def __enter__(self) -> Running:
        self._outer = set_call(self._running.key)
        if self._running.charged is not None:
            self._running.charged.begun = True
            self._before = set_charged(self._running.charged)
        return self._running

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        set_call(self._outer)
        if self._running.charged is not None:
            set_charged(self._before)
        self._running.ended(error)


def digest_of(result: Any) -> str | None:
    """SHA-256 over the result's canonical JSON; None for what JSON does not show whole."""
    try:
        if not is_exact(result):
            return None
        return hashlib.sha256(canonical_of_plain(plain(result)).encode()).hexdigest()
    except Exception:  # noqa: BLE001  # a result may be anything; that it has no digest is no failure
        return None


def _is_long(result: Any) -> bool:
    """Whether the result has more than the log keeps; looks no further than it must."""
    left, waiting = LONGEST_KEPT, [result]
    while waiting and left > 0:
        value = waiting.pop()
        if isinstance(value, str | bytes):
            left -= len(value)
        elif isinstance(value, Mapping):
            left -= 8 * len(value)
            waiting.extend(value.values() if left > 0 else ())
        elif isinstance(value, list | tuple | set | frozenset):
            left -= 4 * len(value)
            waiting.extend(value if left > 0 else ())
        elif isinstance(value, int | float | None):
            left -= 4
        else:
            return True  # a model or another object: how long it is, is seen only when it is written out
    return left <= 0
