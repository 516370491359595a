"""Reward models trained from labels: the body of a student with a new head of two labels, and rows of labelled steps.

A label is a distribution over `wrong` and `right` at the position where the model is read (`verify.layouts`). It is
learnt as any other stored distribution is: what is descended, sum p log(p / q), is the cross-entropy with the soft
target less the entropy of the target, which no weight changes. The mean is over the labelled steps of the whole
optimiser step; a step without a label carries no loss.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from potstill.errors import AuditError, StudentError
from potstill.models.flops import ModelShape
from potstill.models.local.loading import first_line, libraries
from potstill.recipe import Kl, Loss, Scorer, Train
from potstill.records import Label, content_key
from potstill.train import students
from potstill.train.divergence import Learning, TopK
from potstill.train.fitness import head_of
from potstill.train.render import Segment
from potstill.train.segments import TokenRow
from potstill.verify.layouts import LARGEST, Laid, Layout

Kind = Literal["process", "outcome"]
LABELS = {0: "wrong", 1: "right"}
_AUTO = {"process": "AutoModelForTokenClassification", "outcome": "AutoModelForSequenceClassification"}
_LEARNT = Kl(model="labels", reasoning=0.0, answer=1.0, top_k=len(LABELS), precision="fp32")
SHOWN = 3
"""Solutions of the audit."""


def load(folder: Path, kind: Kind) -> tuple[Any, Any]:
    """Return (model in fp32, tokenizer): the body of the student of a folder under a head that is zero.

    Raises:
        StudentError: transformers has no classifier of this family, or it has further weights.
    """
    import torch

    student, tokenizer = students.load(folder)
    config = type(student.config).from_dict(student.config.to_dict())
    config.num_labels, config.pad_token_id = len(LABELS), int(tokenizer.pad_token_id)
    config.id2label, config.label2id = dict(LABELS), {name: number for number, name in LABELS.items()}
    try:
        with torch.random.fork_rng(devices=[]):
            model = getattr(libraries(), _AUTO[kind]).from_config(config, dtype=torch.float32)
        model.base_model.load_state_dict(student.base_model.state_dict())
    except (ValueError, RuntimeError, TypeError) as error:
        raise StudentError(
            f"student {folder}: {type(student).__name__} cannot become a reward model ({first_line(error)}); begin the "
            "scorer as another student"
        ) from error
    head = head_of(model)
    if not isinstance(head, torch.nn.Linear):
        raise StudentError(f"student {folder}: {type(model).__name__} has no linear head for labels")
    with torch.no_grad():
        for weight in head.parameters():
            weight.zero_()
    placed = {id(weight) for part in (model.base_model, head) for weight in part.parameters()}
    if any(id(weight) not in placed for weight in model.parameters()):
        raise StudentError(f"student {folder}: {type(model).__name__} has weights beside its body and its head")
    return model.eval(), tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Rows with what is known at their ends, and why other solutions are not among them."""

    rows: tuple[TokenRow, ...]
    shares: tuple[tuple[float, ...], ...]
    """Of each row, the label at each of its trained positions."""
    dropped: Counter[str]
    steps: int
    """Steps of the solutions that have a row, labelled or not."""

    @property
    def labelled(self) -> int:
        """Steps that carry loss."""
        return sum(map(len, self.shares))

    def learning(self, shape: ModelShape) -> Learning:
        """Return the labels as distributions that are learnt; `shape` is that of the model."""
        digest = content_key("labels", [list(row) for row in self.shares])
        return Learning(kl=_LEARNT, digest=digest, shape=shape, stored=[distribution(row) for row in self.shares])


def distribution(shares: Sequence[float]) -> TopK:
    """Return labels as distributions over (wrong, right), with nothing beside them."""
    import torch

    right = torch.tensor(shares, dtype=torch.float64)
    return TopK(
        ids=torch.arange(len(LABELS)).repeat(len(shares), 1), logs=torch.stack([1 - right, right], 1).log(),
        tail=torch.full((len(shares),), -torch.inf, dtype=torch.float64),
    )  # fmt: skip


def settings_of(train: Train) -> Train:
    """Return how a scorer is trained: the mean over all labelled steps of the optimiser step."""
    return dataclasses.replace(train, loss=Loss(), look=None)


def rows_of(labels: Iterable[Label], scorer: Scorer, tokenizer: Any, longest: int) -> LabelledRows:  # noqa: ANN401
    """Return a row for each solution that has a label, laid out as the finished model will read it.

    `longest` is what a row may have of tokens; a longer solution is left out whole, never cut.

    Raises:
        AuditError: the separator has no tokens.
    """
    limit = int(tokenizer.model_max_length)
    layout = Layout(tokenizer, min(longest, limit if limit < LARGEST else longest))
    separator = layout.ids(scorer.separator)
    if scorer.kind == "process" and not separator:
        raise AuditError(f"the separator {scorer.separator!r} has no tokens in the vocabulary of the student")
    rows: list[TokenRow] = []
    shares: list[tuple[float, ...]] = []
    dropped: Counter[str] = Counter()
    steps = 0
    for number, solution in enumerate(_solutions(labels)):
        if all(label.share is None for label in solution):
            dropped["no step has a label"] += 1
            continue
        laid = _laid(solution, scorer, layout, separator, int(tokenizer.pad_token_id))
        if laid.row.refused:
            over = "reads" in laid.row.refused
            dropped["over max_length tokens" if over else "text contains a control token"] += 1
            continue
        known = {end: label.share for end, label in zip(laid.ends, solution, strict=True) if label.share is not None}
        rows.append(_row(laid, known, number))
        shares.append(tuple(known.values()))
        steps += len(solution)
    return LabelledRows(rows=tuple(rows), shares=tuple(shares), dropped=dropped, steps=steps)


def _laid(solution: Sequence[Label], scorer: Scorer, layout: Layout, separator: Sequence[int], pad: int) -> Laid:
    question, texts = solution[0].question, [label.text for label in solution]
    if scorer.kind == "process":
        return layout.process(question, texts, separator)
    return layout.outcome(question, texts[0], pad)


def _row(laid: Laid, ends: Iterable[int], number: int) -> TokenRow:
    """Return a row whose trained positions come one behind those that carry labels: where a loss looks for its state.

    The last token stands twice; nothing reads the second.
    """
    ids = (*laid.row.ids, laid.row.ids[-1])
    segments = bytearray([Segment.PROMPT] * len(ids))
    for end in ends:
        segments[end + 1] = Segment.ANSWER
    return TokenRow(ids, bytes(segments), number)


def _solutions(labels: Iterable[Label]) -> Iterator[list[Label]]:
    """Yield the labels of one solution after the other."""
    count = 0

    def key(label: Label) -> int:
        nonlocal count
        count += label.step == 0
        return count

    for _, solution in groupby(labels, key=key):
        yield list(solution)


def audit(found: LabelledRows, scorer: Scorer, tokenizer: Any, where: str) -> str:  # noqa: ANN401
    """Return what is trained on in lines: the labelled share, both classes, and the first rows with their ends shown.

    Raises:
        AuditError: no row, or labels of one kind only; `where` is the key of the labels.
    """
    shares = [share for row in found.shares for share in row]
    if not shares:
        reasons = ", ".join(f"{count} {reason}" for reason, count in found.dropped.most_common()) or "no solutions"
        raise AuditError(f"{where}: no labelled solution is left to train on: {reasons}")
    right, wrong = math.fsum(shares), math.fsum(1 - share for share in shares)
    if min(right, wrong) == 0 or min(shares) == max(shares):
        only = "right" if wrong == 0 else "wrong" if right == 0 else f"right with a share of {shares[0]:g}"
        raise AuditError(
            f"{where}: every label says {only}, and a scorer learns from both: label solutions with mistakes and "
            "solutions without, such as samples of an arm"
        )
    lines = [
        f"{len(found.rows):,} solutions, {len(shares):,} of {found.steps:,} steps labelled "
        f"({len(shares) / found.steps:.1%}), {right:,.1f} right and {wrong:,.1f} wrong",
        *(f"left out: {count:,} {reason}" for reason, count in found.dropped.most_common()),
    ]
    size = len(tokenizer(scorer.separator, add_special_tokens=False)["input_ids"]) if scorer.kind == "process" else 1
    for row, labels in list(zip(found.rows, found.shares, strict=True))[:SHOWN]:
        begin = 0
        ends = [place - 1 for place, code in enumerate(row.segments) if code == Segment.ANSWER]
        for end, share in zip(ends, labels, strict=True):
            text = tokenizer.decode(row.ids[begin : end + 1 - size])
            mark = tokenizer.decode(row.ids[end + 1 - size : end + 1])
            lines.append(f"  {share:5.2f} at {mark!r} behind {text!r}")
            begin = end + 1
    return "\n".join(lines)
