"""What an answer of a model costs: the prices of its endpoint, else the published ones."""

from decimal import Decimal

from blocks.models.endpoints import Candidate

MILLION = Decimal(1_000_000)


def cost_of(candidate: Candidate, input_tokens: int, output_tokens: int) -> Decimal | None:
    """The money for so many tokens, in the currency of the prices; None when no price is known."""
    given = candidate.endpoint.prices.get(candidate.model) or candidate.endpoint.prices.get("*")
    if given is not None:
        prices = [Decimal(str(given.get(side, 0))) for side in ("input", "output")]
        return (prices[0] * input_tokens + prices[1] * output_tokens) / MILLION
    if candidate.endpoint.url is not None:
        return None  # somebody else's server: the name alone says nothing of its price
    return _published(candidate, input_tokens, output_tokens)


def _published(candidate: Candidate, input_tokens: int, output_tokens: int) -> Decimal | None:
    from genai_prices import Usage, calc_price  # noqa: PLC0415  # a large table that few processes need

    used = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        return calc_price(used, candidate.model, provider_id=candidate.endpoint.provider).total_price
    except LookupError:
        return None
