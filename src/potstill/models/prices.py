"""What a served model costs: the recipe's price, else the table of the `genai-prices` package by address and model.

The table comes with the package and nothing is fetched, so that a run can be repeated; `constraints.txt` says of what
day it is. Prices are what the providers publish for short prompts, without discounts for cached ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from potstill.errors import MissingExtraError, TeacherError
from potstill.models.served.proxies import is_loopback
from potstill.recipe import Endpoint, Price, ServedTeacher

PROBE_TOKENS = 1000
"""Tokens of the prompt and of the completion whose price is looked up: below every provider's tier for long prompts."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price and where it is from; `price` is None for a model that nobody has named a price of."""

    price: Price | None
    basis: str


def price_of(endpoint: Endpoint, section: str = "teacher") -> Priced:
    """Return the price of a served model. `section` is where the recipe has it, for messages.

    Raises:
        TeacherError: there is a cap on the money and no price to count it by.
        MissingExtraError: the table has to be asked and is not installed.
    """
    if endpoint.price is not None:
        return Priced(endpoint.price, "the recipe")
    here = all(map(is_loopback, endpoint.addresses))
    found = Priced(None, "a server of this machine") if here else _looked_up(endpoint)
    if found.price is None and endpoint.spend_at_most is not None:
        raise TeacherError(
            f"{section}.spend_at_most needs a price, and there is none for {endpoint.model} at {endpoint.place} "
            f"({found.basis}): write it as {section}.price: {{prompt: ..., completion: ...}}, dollars a million tokens"
        )
    return found


def _looked_up(endpoint: Endpoint) -> Priced:
    try:
        import genai_prices
    except ImportError:
        raise MissingExtraError("the price table", "genai-prices", "served") from None
    basis = f"genai-prices {genai_prices.__version__}"
    by_batch = isinstance(endpoint, ServedTeacher) and endpoint.executor == "batch"
    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=PROBE_TOKENS, output_tokens=PROBE_TOKENS),
            endpoint.model,
            provider_api_url=endpoint.addresses[0],
            price_context={"processing": "batch"} if by_batch else None,
        )
    except LookupError:
        return Priced(None, f"not in {basis}")
    per_million = 1e6 / PROBE_TOKENS
    prompt, completion = (round(float(part) * per_million, 6) for part in (found.input_price, found.output_price))
    return Priced(Price(prompt, completion), f"{basis}, {found.provider.id} {found.model.id}")
