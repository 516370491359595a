"""What has been spent, and whether one more request fits under the cap."""

from __future__ import annotations

import time
from collections.abc import Iterable

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.in_flight import NOTHING, InFlight, TokenBound
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
        self.reserved, self.in_flight = 0.0, 0
        """What requests in flight may cost at most, of all together, and how many they are."""

    @property
    def spent(self) -> float:
        """US dollars of all together."""
        return sum(self.spent_by.values())

    def error(self, name: str, wanted: float = 0.0) -> CapReachedError:
        """Return what is told when it is reached; `wanted` is what the next request may cost."""
        beyond = f", and the next request may cost ${wanted:.4f}" if self.most and self.spent < self.most else ""
        parts = ", ".join(f"{who} ${sum_:.4f}" for who, sum_ in self.spent_by.items() if sum_)
        whose = f" ({parts})" if len(self.spent_by) > 1 else ""
        return CapReachedError(
            f"{name}: spent ${self.spent:.4f}{whose} of the ${self.most} of spend_at_most{beyond}; "
            "what was answered is kept: raise spend_at_most and run again to ask the rest, or run with --go-on "
            "to go on with what is there"
        )


def most_of(teacher: recipe.Teacher, judge: recipe.Judge | None) -> float | None:
    """Return the US dollars that teacher and judge may cost together: those of a served teacher, else of the judge."""
    own = teacher.spend_at_most if isinstance(teacher, recipe.ServedTeacher) else None
    return judge.spend_at_most if own is None and judge is not None else own


class Budget:
    """Counts dollars, and holds requests back so that those in flight stay under a cap.

    A request in flight may cost all of its `max_tokens`, and as many tokens for its prompt as that has bytes: it is
    sent only where that fits under the cap too, so that the cap is never passed by a server that keeps to `max_tokens`.
    One without a limit is expected to cost the mean of those answered, and may pass it. A price by the hour counts from
    here on, until no more is sent. `name` is whose sum it is under a `cap` that others share; `note` keeps on disk
    what is in flight.
    """

    def __init__(
        self, settings: recipe.Endpoint, price: recipe.Price | None, counts: Counts, cap: Cap | None = None,
        name: str = "teacher", note: InFlight | None = None,
    ) -> None:  # fmt: skip
        self.priced = price is not None and price != recipe.Price()
        self.price, self.cap, self.name = price or recipe.Price(), cap or Cap(settings.spend_at_most), name
        self.charged = counts.dollars(self.price)
        self.began = time.monotonic()
        self.tokens = counts.prompt_tokens + counts.completion_tokens
        self.answered = counts.finishes.get("stop", 0) + counts.finishes.get("length", 0)
        self.per_request = settings.sampling.max_tokens * self.price.completion / 1e6
        self.wanted = 0.0
        """What a request may cost that did not fit though nothing was in flight."""
        self._flying, self._note = NOTHING, note
        self._held: dict[str, tuple[TokenBound, float]] = {}
        if note is not None and note.gone != NOTHING:
            self.cap.spent_by[f"{name}, at most, in flight when it was ended"] = self.dollars(note.gone)
        self._own()

    @property
    def spent(self) -> float:
        """US dollars of all under the cap, with those of earlier runs on the same ledgers."""
        self._own()
        return self.cap.spent

    @property
    def spent_up(self) -> bool:
        """Whether the cap is reached."""
        return self.cap.most is not None and (self.spent >= self.cap.most or self.wanted > 0)

    def error(self, model: str) -> CapReachedError:
        """Return what is told when the cap is reached."""
        return self.cap.error(model, self.wanted)

    @property
    def note(self) -> str:
        """What progress shows."""
        return f"{self.tokens:,} tokens, ${self.spent:.2f}" if self.priced else f"{self.tokens:,} tokens"

    def dollars(self, tokens: TokenBound) -> float:
        """Return what so many tokens cost."""
        return (tokens.prompt * self.price.prompt + tokens.completion * self.price.completion) / 1e6

    def reserve(self, key: str, payload: int, most_tokens: int | None) -> bool:
        """Count a request of so many bytes and at most so many tokens as in flight, if what it may cost fits.

        One that is in flight already is not counted twice. Where nothing is in flight and it does not fit all the same,
        the cap is reached.
        """
        if self.cap.most is None:
            return True
        bound = TokenBound(payload, most_tokens or 0)
        expected = self.charged / self.answered if self.answered else self.per_request
        worst = expected if most_tokens is None else self.dollars(bound)
        self.release(key)
        if self.spent_up:
            return False
        if self.spent + self.cap.reserved + worst > self.cap.most:
            if self.cap.in_flight:
                return False
            if most_tokens is not None:
                self.wanted = worst
                return False
        self._held[key] = bound, worst
        self.cap.reserved += worst
        self.cap.in_flight += 1
        self._flying += bound
        if self._note is not None:
            self._note.cover(self._flying)
        return True

    def end(self, lost: Iterable[str]) -> None:
        """Note that no more is asked, and which requests are still on their way: nobody will hear of them."""
        if self._note is not None:
            self._note.land(sum((self._held[key][0] for key in lost if key in self._held), NOTHING))
        for key in list(self._held):
            self.release(key)

    def release(self, key: str) -> None:
        """Count a request as in flight no more."""
        if key not in self._held:
            return
        bound, worst = self._held.pop(key)
        self._flying -= bound
        self.cap.in_flight -= 1
        self.cap.reserved = self.cap.reserved - worst if self.cap.in_flight else 0.0

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
