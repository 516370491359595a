"""The gate before training: shows one row with its segments and refuses rows that would train the wrong thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from potstill import recipe
from potstill.errors import AuditError
from potstill.train.loss import by_segment, coefficients, collate
from potstill.train.render import TRAINED, Segment
from potstill.train.segments import TokenRow, Unfit, trained

MAX_LENGTH = "train.max_length"
ROWS_COLLATED = 64
"""Rows whose collated mask is compared with their segments; the collator treats all rows alike."""


def audit(
    rows: Sequence[TokenRow],
    dropped: Mapping[str, int],
    tokenizer: Any,  # noqa: ANN401
    loss: recipe.Loss,
) -> str:
    """Return one rendered row with its segments, as text; `dropped` counts the examples without a row by reason.

    The rows themselves are checked as they are made (`check_row`), their number once they are (`check_number`), and
    templates that strip a part are refused earlier, by `render`.

    Raises AuditError on: a mask that covers nothing, no trained EOS, and a mask that differs from the segments (as one
    derived from the pad id would).
    """
    if loss.alpha == 0 and loss.beta == 0:
        raise AuditError("the mask covers nothing: train.loss.alpha and train.loss.beta are both 0")
    if loss.beta == 0:
        raise AuditError("no trained EOS: train.loss.beta is 0, so the student would never learn to answer and stop")
    for row in rows[:ROWS_COLLATED]:
        check_mask(row, _collated(row, loss), loss, int(tokenizer.pad_token_id))
    return describe(rows, dropped, tokenizer)


def check_number(rows: int, dropped: Mapping[str, int], limit: str = MAX_LENGTH) -> None:
    """Raise AuditError where no row is left.

    `limit` is what bounds the length of rows: the recipe's `train.max_length`, or the student.
    """
    if rows:
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items()) or "there were no examples"
    advice = ""
    if Unfit.OVER_LENGTH in dropped:
        longer = "raise train.max_length" if limit == MAX_LENGTH else f"{limit} holds no more, take another student"
        advice = f"; {longer}, or train on shorter traces"
    raise AuditError(f"no row is left to train on: {reasons}{advice}")


def check_row(row: TokenRow, tokenizer: Any, stops: Sequence[int]) -> None:  # noqa: ANN401
    """Raise AuditError unless the row trains an answer and then an EOS at which generation stops."""
    where = f"example {row.example + 1}"
    positions = trained(row)
    if not positions:
        raise AuditError(f"{where}: the mask covers nothing")
    if Segment.ANSWER not in row.segments:
        raise AuditError(f"{where}: the answer segment is empty")
    last = row.ids[positions[-1]]
    if row.segments[positions[-1]] != Segment.FORMAT or last not in {*stops, tokenizer.eos_token_id}:
        raise AuditError(f"{where}: no trained EOS; the last trained token is {_name(tokenizer, last)}")
    if last not in stops:
        known = ", ".join(_name(tokenizer, stop) for stop in stops) or "none"
        raise AuditError(
            f"{where}: its EOS {_name(tokenizer, last)} is not among the generation config's eos_token_id ({known}), "
            "so generation would not stop there; add it to generation_config.json"
        )


def _collated(row: TokenRow, loss: recipe.Loss) -> list[int]:
    """Return the positions of a row whose tokens the collated batch really trains."""
    batch = collate([row], by_segment([row], coefficients([row], loss).scale), pad=0)
    return [int(place) + 1 for place in batch.places]


def check_mask(row: TokenRow, covered: Sequence[int], loss: recipe.Loss, pad: int) -> None:
    """Raise AuditError where the positions that a batch trains are not those that the row's segments call for."""
    scale = coefficients([row], loss).scale
    if not scale[Segment.FORMAT] > 0:
        raise AuditError(f"train.loss: {loss.kind} gives end marks and EOS no weight: the student would never stop")
    wanted = {position for position in trained(row) if row.weight * scale[Segment(row.segments[position])] > 0}
    missing, extra = sorted(wanted - set(covered)), sorted(set(covered) - wanted)
    if missing and not extra and all(row.ids[position] == pad for position in missing):
        raise AuditError(
            f"example {row.example + 1}: the mask derives from the pad id {pad}: it leaves out {len(missing)} trained "
            "tokens that only look like padding (pad equals EOS)"
        )
    if missing or extra:
        raise AuditError(
            f"example {row.example + 1}: the mask differs from the segments at positions {(missing + extra)[:5]}"
        )


def describe(rows: Sequence[TokenRow], dropped: Mapping[str, int], tokenizer: Any) -> str:  # noqa: ANN401
    """Return the first row as text, one line a segment, and what was dropped."""
    row = rows[0]
    counts = Counter(Segment(code) for code in row.segments)
    parts = ", ".join(f"{counts[segment]} {segment.name.lower()}" for segment in Segment if counts[segment])
    lines = [f"{len(rows)} rows; example {row.example + 1} has {len(row)} tokens: {parts}"]
    start = 0
    for code, group in groupby(row.segments):
        end = start + len(list(group))
        weight = "trained" if code in TRAINED else "no loss"
        lines.append(f"  {Segment(code).name.lower():<9} {weight}  {tokenizer.decode(row.ids[start:end])!r}")
        start = end
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        lines.append(f"  pad equals EOS ({_name(tokenizer, tokenizer.eos_token_id)}): EOS is trained all the same")
    lines += [f"  dropped: {count} {reason}" for reason, count in dropped.items()]
    return "\n".join(lines)


def _name(tokenizer: Any, token: int) -> str:  # noqa: ANN401
    return f"{tokenizer.convert_ids_to_tokens(token)!r} (id {token})"
