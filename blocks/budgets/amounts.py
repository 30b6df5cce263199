"""What budgets are counted in: exact millionths, whatever is counted."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation

from blocks.errors import BadInput

KINDS = ("tokens", "money", "tool_calls", "seconds")
WORDS: Mapping[str, str] = {
    "tokens": "tokens",
    "money": "of money",
    "tool_calls": "tool calls",
    "seconds": "seconds",
}
UNIT = 1_000_000
MOST = 10**12
"""No limit and no charge is larger; with it every sum fits into 64 bits."""

Amounts = Mapping[str, int]
"""Millionths by kind."""
Number = int | float | str | Decimal


def exact(value: Number) -> int:
    """The amount in millionths; a finer one is rounded up, and what is no amount is `BadInput`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value * UNIT
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise BadInput(f"{value!r} is no amount; write a number such as 20 or 0.5") from None
    if not found.is_finite() or not 0 <= found <= MOST:
        raise BadInput(f"{value} is no amount between 0 and {MOST}")
    return int((found * UNIT).to_integral_value(rounding=ROUND_CEILING))


def written(amount: int) -> str:
    """The millionths as people write the amount: `2`, `0.5`."""
    text = f"{Decimal(amount) / UNIT:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def kind_of(name: str) -> str:
    """The kind of this name, or `BadInput` that names them all."""
    if name not in KINDS:
        raise BadInput(f"there is no budget of {name!r}; there is {', '.join(KINDS)}")
    return name


def amounts_of(costs: Mapping[str, Number]) -> dict[str, int]:
    """Exact amounts by kind; what costs nothing is left out."""
    found = {kind_of(name): exact(value) for name, value in costs.items()}
    return {kind: amount for kind, amount in found.items() if amount}
