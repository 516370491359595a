"""What has been spent, and whether one more request fits under the cap."""

from __future__ import annotations

import time

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.ledger_sums import Counts
from potstill.models.replies.usage import BYTES_PER_TOKEN
from potstill.models.requests import Completion


class CapReachedError(TeacherError):
    """The cap on the money is reached; what was answered is kept."""


class Cap:
    """US dollars that all who are asked in a run may cost together: teacher, judge, whoever else has a ledger there.

    Each keeps its own sum here, so that whoever asks next knows of the others. `most` is None for no cap.
    """

    def __init__(self, most: float | None) -> None:
        self.most = most
        self.spent_by: dict[str, float] = {}

    @property
    def spent(self) -> float:
        """US dollars of all together."""
        return sum(self.spent_by.values())

    def error(self, name: str) -> CapReachedError:
        """Return what is told when it is reached."""
        parts = ", ".join(f"{who} ${sum_:.4f}" for who, sum_ in self.spent_by.items() if sum_)
        whose = f" ({parts})" if len(self.spent_by) > 1 else ""
        return CapReachedError(
            f"{name}: spent ${self.spent:.4f}{whose} of the ${self.most} of spend_at_most; what was answered is kept: "
            "raise spend_at_most and run again to ask the rest, or run with --go-on to go on with what is there"
        )


def most_of(teacher: recipe.Teacher, judge: recipe.Judge | None) -> float | None:
    """Return the US dollars that teacher and judge may cost together: those of a served teacher, else of the judge."""
    own = teacher.spend_at_most if isinstance(teacher, recipe.ServedTeacher) else None
    return judge.spend_at_most if own is None and judge is not None else own


class Budget:
    """Counts dollars, and holds requests back so that those in flight stay under a cap.

    A request in flight is expected to cost the mean of those answered, or before the first one its whole
    `max_tokens`. Near the cap requests go out one at a time, so that it is passed by at most one request. A price by
    the hour counts from here on. `name` is whose sum it is under a `cap` that others share.
    """

    def __init__(
        self, settings: recipe.Endpoint, price: recipe.Price | None, counts: Counts, cap: Cap | None = None,
        name: str = "teacher",
    ) -> None:  # fmt: skip
        self.priced = price is not None and price != recipe.Price()
        self.price, self.cap, self.name = price or recipe.Price(), cap or Cap(settings.spend_at_most), name
        self.charged = counts.dollars(self.price)
        self.began = time.monotonic()
        self.tokens = counts.prompt_tokens + counts.completion_tokens
        self.answered = counts.finishes.get("stop", 0) + counts.finishes.get("length", 0)
        self.per_request = settings.sampling.max_tokens * self.price.completion / 1e6
        self._own()

    @property
    def spent(self) -> float:
        """US dollars of all under the cap, with those of earlier runs on the same ledgers."""
        self._own()
        return self.cap.spent

    @property
    def spent_up(self) -> bool:
        """Whether the cap is reached."""
        return self.cap.most is not None and self.spent >= self.cap.most

    @property
    def note(self) -> str:
        """What progress shows."""
        return f"{self.tokens:,} tokens, ${self.spent:.2f}" if self.priced else f"{self.tokens:,} tokens"

    def fits(self, in_flight: int) -> bool:
        """Return whether one more than the requests in flight stays under the cap; one alone does until it is spent."""
        if self.cap.most is None:
            return True
        expected = self.charged / self.answered if self.answered else self.per_request
        return self.spent + (in_flight + 1) * expected <= self.cap.most or (in_flight == 0 and not self.spent_up)

    def charge(self, completion: Completion) -> int:
        """Charge a reply and return its tokens; requests that no model has replied to cost nothing."""
        prompt, written = completion.prompt_tokens, completion.completion_tokens
        answered = completion.finish in ("stop", "length")
        self.answered += answered
        if prompt is None and written is None and not answered:
            return 0
        paid = len(completion.raw) / BYTES_PER_TOKEN if written is None else written
        self.lose(prompt or 0, paid)
        tokens = (prompt or 0) + (written or 0)
        self.tokens += tokens
        return tokens

    def lose(self, prompt: float, completion: float) -> None:
        """Charge tokens that were paid for, of a reply that is of use or not."""
        self.charged += (prompt * self.price.prompt + completion * self.price.completion) / 1e6
        self._own()

    def _own(self) -> None:
        hours = (time.monotonic() - self.began) / 3600 * self.price.hour
        self.cap.spent_by[self.name] = self.charged + hours
