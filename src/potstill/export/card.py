"""The model card of an export: what the student is, and where everything that made it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from potstill.printed import harmless


@dataclass(frozen=True)
class Card:
    """Provenance of a trained student; every field is shown, an empty one as unknown."""

    name: str
    base_model: str
    teacher: str
    problems: str
    recipe: str
    seed: int
    examples: int
    tokens_trained: int
    loss: str
    potstill: str
    licence: str = ""
    accuracy: str = ""


_TITLES = {
    "base_model": "Base model",
    "teacher": "Teacher",
    "problems": "Problems",
    "recipe": "Recipe",
    "seed": "Seed",
    "examples": "Training examples",
    "tokens_trained": "Tokens trained",
    "loss": "Loss",
    "potstill": "Made with potstill",
    "licence": "Licence of the base model",
    "accuracy": "Accuracy on held-out problems",
}


def model_card(card: Card, parameters: int) -> str:
    """Return README.md in the Hub's form: a YAML head, then provenance as a table."""
    import yaml

    head = yaml.safe_dump(
        {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["potstill", "distillation"]},
        sort_keys=False,
    )
    rows = [(_TITLES[f.name], getattr(card, f.name)) for f in fields(card) if f.name in _TITLES]
    table = "\n".join(f"| {title} | {_cell(value)} |" for title, value in rows)
    return (
        f"---\n{head}---\n\n# {_heading(card.name)}\n\n"
        f"A student of {parameters:,} parameters, trained by reasoning distillation. It writes its reasoning first and "
        "its answer after it. It is only as good as the table says, on problems like those it was trained on.\n\n"
        f"| provenance | |\n|---|---|\n{table}\n"
    )


def _heading(name: str) -> str:
    """Return a name as plain text of Markdown: no link, image, tag or code of its own."""
    return re.sub(r"([\\`*_{}\[\]()#!|<>~])", r"\\\1", harmless(" ".join(name.split())))


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
    return text or "unknown"
