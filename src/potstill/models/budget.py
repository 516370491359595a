"""What has been spent, and whether one more request fits under the cap."""

from __future__ import annotations

import asyncio

from potstill import recipe
from potstill.models.ledger import BYTES_PER_TOKEN, Counts
from potstill.models.requests import Completion


class Budget:
    """Counts dollars, and holds requests back so that those in flight stay under `spend_at_most`.

    A request in flight is expected to cost the mean of those answered, or before the first one its whole
    `max_tokens`. Near the cap requests go out one at a time, so that it is passed by at most one request.
    """

    def __init__(self, settings: recipe.ServedTeacher, counts: Counts) -> None:
        self.price, self.cap = settings.price, settings.spend_at_most
        self.spent = counts.dollars(settings.price)
        self.tokens = counts.prompt_tokens + counts.completion_tokens
        self.answered = counts.finishes.get("stop", 0) + counts.finishes.get("length", 0)
        self.most_per_request = settings.sampling.max_tokens * settings.price.completion / 1e6
        self.in_flight = 0
        self.changed = asyncio.Condition()

    @property
    def spent_up(self) -> bool:
        """Whether the cap is reached."""
        return self.cap is not None and self.spent >= self.cap

    @property
    def note(self) -> str:
        """What progress shows."""
        dollars = f", ${self.spent:.2f}" if self.price != recipe.Price() else ""
        return f"{self.tokens:,} tokens{dollars}"

    async def admit(self) -> bool:
        """Wait until a request fits; return False when the money is spent."""
        if self.cap is not None:
            async with self.changed:
                await self.changed.wait_for(lambda: self.spent_up or self._fits())
        if self.spent_up:
            return False
        self.in_flight += 1
        return True

    async def settle(self, completion: Completion | None) -> None:
        """Take a request out of flight and charge what came back, None for nothing."""
        self.in_flight -= 1
        if completion is not None and completion.finish in ("stop", "length"):
            prompt, written = completion.prompt_tokens or 0, completion.completion_tokens
            charged = len(completion.raw) / BYTES_PER_TOKEN if written is None else written
            self.spent += (prompt * self.price.prompt + charged * self.price.completion) / 1e6
            self.tokens += prompt + (written or 0)
            self.answered += 1
        if self.cap is not None:
            async with self.changed:
                self.changed.notify_all()

    def _fits(self) -> bool:
        if self.cap is None or self.in_flight == 0:
            return True
        expected = self.spent / self.answered if self.answered else self.most_per_request
        return self.spent + (self.in_flight + 1) * expected <= self.cap
