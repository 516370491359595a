"""What requests on their way may cost, noted on disk before they are sent: a killed run never learns what came of them.

Only where there is a cap on the money. The note is raised a quarter at a time, so that it is written a few times a run
and not for every request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from potstill.damage import signed, unsigned
from potstill.durable import to_json, write_durably
from potstill.errors import DamageError

STEP = 1.25


@dataclass(frozen=True, slots=True)
class TokenBound:
    """The most tokens that requests can be charged for: of their prompts, and of their completions."""

    prompt: int = 0
    completion: int = 0

    def __add__(self, other: TokenBound) -> TokenBound:
        return TokenBound(self.prompt + other.prompt, self.completion + other.completion)

    def __sub__(self, other: TokenBound) -> TokenBound:
        return TokenBound(self.prompt - other.prompt, self.completion - other.completion)


NOTHING = TokenBound()


class InFlight:
    """The note beside a ledger. `gone` are tokens of requests that were on their way when a run before was ended."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(f"{ledger.stem}-in-flight.json")
        self.gone, self._noted = NOTHING, NOTHING
        if self.path.exists():
            try:
                record = unsigned(json.loads(self.path.read_bytes()), self.path)
                self.gone = TokenBound(*record["gone"]) + TokenBound(*record["flying"])
            except (ValueError, KeyError, TypeError):
                raise DamageError(
                    f"{self.path} is damaged: what may have been paid at a kill is not known; remove it to go on"
                ) from None

    def cover(self, flying: TokenBound) -> None:
        """Note that so much may be on its way, before it is."""
        if flying.prompt > self._noted.prompt or flying.completion > self._noted.completion:
            self._write(TokenBound(int(STEP * flying.prompt), int(STEP * flying.completion)))

    def land(self, lost: TokenBound) -> None:
        """Note at the end what was still on its way, which nobody will hear of."""
        self.gone += lost
        if self.gone == NOTHING:
            self.path.unlink(missing_ok=True)
        else:
            self._write(NOTHING)

    def _write(self, flying: TokenBound) -> None:
        record = {name: [of.prompt, of.completion] for name, of in (("gone", self.gone), ("flying", flying))}
        write_durably(self.path, to_json(signed(record)))
        self._noted = flying
