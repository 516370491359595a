"""The model card of an export: what the student is, and where everything that made it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from potstill.evaluate.metrics import Summary
from potstill.printed import harmless

_MARKUP = re.compile(r"([\\`*_\[\]#|<>~])")
"""Characters that mean something in Markdown: `_` in `a_b`, `|` in a table."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a base student is called, and what its own card says of it.

    `hub` is its name on the Hub, where it has one. `licence` holds the keys of a card's head as the Hub writes them
    (`license`, and for others than the known ones `license_name` and `license_link`); `languages` are codes such as
    `en`.
    """

    name: str
    hub: str = ""
    licence: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Card:
    """Provenance of a trained student; `measured` is what it scored on held-out problems."""

    name: str
    base: Base
    teacher: str
    problems: str
    seed: int
    examples: int
    tokens_trained: int
    loss: str
    potstill: str
    measured: Summary


def model_card(card: Card, parameters: int, otherwise: str = "") -> str:
    """Return README.md in the Hub's form: a YAML head, then provenance as a table.

    `otherwise` says why transformers 4 does not answer as 5 does, if so.
    """
    import yaml

    base, licence = card.base, card.base.licence
    rows: dict[str, str | int] = {
        "Base model": base.hub or base.name,
        "Licence of the base model": licence.get("license_name") or licence.get("license", ""),
        "Accuracy on held-out problems": _accuracy(card.measured),
        "Teacher": card.teacher,
        "Problems": card.problems,
        "Recipe": card.name,
        "Seed": card.seed,
        "Training examples": card.examples,
        "Tokens trained": card.tokens_trained,
        "Loss": card.loss,
        "Made with potstill": card.potstill,
    }
    version = f" Use transformers 5; version 4 does not do the same: {plain(otherwise)}." if otherwise else ""
    table = "\n".join(f"| {title} | {_cell(value)} |" for title, value in rows.items())
    return (
        f"---\n{yaml.safe_dump(_head(card), sort_keys=False)}---\n\n# {plain(card.name)}\n\n"
        f"A student of {parameters:,} parameters, trained by reasoning distillation. It writes its reasoning first and "
        "its answer after it. It is only as good as the table says, on problems like those it was trained on. "
        f"How it is asked and judged stands in `potstill.json`.{version}\n\n"
        f"| provenance | |\n|---|---|\n{table}\n"
    )


def _head(card: Card) -> dict[str, Any]:
    """Return what the Hub reads: https://huggingface.co/docs/hub/model-cards."""
    base = card.base
    head: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation", **base.licence}
    if base.languages:
        head["language"] = list(base.languages)
    if base.hub:
        head |= {"base_model": base.hub, "base_model_relation": "finetune"}
    head["tags"] = ["potstill", "distillation"]
    if card.measured.scored:
        accuracy = {
            "type": "accuracy", "name": f"pass@1, {_counted(card.measured)}",
            "value": round(card.measured.accuracy.value, 4),
        }  # fmt: skip
        result = {
            "task": {"type": "text-generation"},
            "dataset": {"type": "potstill-held-out", "name": f"held-out problems of {card.problems}"},
            "metrics": [accuracy],
        }
        head["model-index"] = [{"name": card.name, "results": [result]}]
    return head


def _accuracy(measured: Summary) -> str:
    return f"{measured.accuracy.value:.1%} ({_counted(measured)})" if measured.scored else ""


def _counted(measured: Summary) -> str:
    low, high = measured.accuracy.low, measured.accuracy.high
    unscored = f", {measured.unscored} responses could not be judged" if measured.unscored else ""
    return f"95% interval {low:.1%} to {high:.1%}, {measured.problems} problems{unscored}"


def plain(text: str) -> str:
    """Return a text as plain text of Markdown in one line: no link, image, tag, cell or code of its own."""
    return _MARKUP.sub(r"\\\1", harmless(" ".join(text.split())))


def _cell(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else plain(value) or "unknown"
