"""What has been spent, and whether one more request fits under the cap."""

from __future__ import annotations

import time

from potstill import recipe
from potstill.models.ledger import BYTES_PER_TOKEN, Counts
from potstill.models.requests import Completion


class Budget:
    """Counts dollars, and holds requests back so that those in flight stay under a cap.

    A request in flight is expected to cost the mean of those answered, or before the first one its whole
    `max_tokens`. Near the cap requests go out one at a time, so that it is passed by at most one request. A price by
    the hour counts from here on.
    """

    def __init__(self, settings: recipe.ServedTeacher, price: recipe.Price | None, counts: Counts) -> None:
        self.priced = price is not None and price != recipe.Price()
        self.price, self.cap = price or recipe.Price(), settings.spend_at_most
        self.charged = counts.dollars(self.price)
        self.began = time.monotonic()
        self.tokens = counts.prompt_tokens + counts.completion_tokens
        self.answered = counts.finishes.get("stop", 0) + counts.finishes.get("length", 0)
        self.per_request = settings.sampling.max_tokens * self.price.completion / 1e6

    @property
    def spent(self) -> float:
        """US dollars, with those of earlier runs on the same ledger."""
        if not self.price.hour:
            return self.charged
        return self.charged + (time.monotonic() - self.began) / 3600 * self.price.hour

    @property
    def spent_up(self) -> bool:
        """Whether the cap is reached."""
        return self.cap is not None and self.spent >= self.cap

    @property
    def note(self) -> str:
        """What progress shows."""
        return f"{self.tokens:,} tokens, ${self.spent:.2f}" if self.priced else f"{self.tokens:,} tokens"

    def fits(self, in_flight: int) -> bool:
        """Return whether one more than the requests in flight stays under the cap; one alone does until it is spent."""
        if self.cap is None:
            return True
        expected = self.charged / self.answered if self.answered else self.per_request
        return self.spent + (in_flight + 1) * expected <= self.cap or (in_flight == 0 and not self.spent_up)

    def charge(self, completion: Completion) -> int:
        """Charge an answer and return its tokens; refused and failed requests cost nothing."""
        if completion.finish not in ("stop", "length"):
            return 0
        prompt, written = completion.prompt_tokens or 0, completion.completion_tokens
        paid = len(completion.raw) / BYTES_PER_TOKEN if written is None else written
        self.charged += (prompt * self.price.prompt + paid * self.price.completion) / 1e6
        self.answered += 1
        tokens = prompt + (written or 0)
        self.tokens += tokens
        return tokens
