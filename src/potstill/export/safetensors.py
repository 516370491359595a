"""Export as a plain Hugging Face checkpoint, reloaded and compared with the trained model before it appears."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill.errors import StudentError
from potstill.evaluate.conditions import FILE, Conditions, written
from potstill.export import Delivery
from potstill.export.card import Card, model_card
from potstill.models.local.loading import first_line
from potstill.train import checkpoint, students
from potstill.train.forms import otherwise_in_version_4
from potstill.train.render import prompt_text

PROMPTS = 8
NEW_TOKENS = 16
LARGEST_DIFFERENCE = 1e-4
"""Largest difference of any logit that counts as the same model (fp32 on one machine gives 0)."""


class ExportError(StudentError):
    """An export that does not answer like the model it was made from."""


def safetensors(delivery: Delivery) -> dict[str, Any]:
    """Export as the recipe asks; see `export`."""
    return export(delivery.trained, delivery.out, delivery.prompts, delivery.card, delivery.conditions)


def export(trained: Path, out: Path, prompts: Sequence[str], card: Card, conditions: Conditions) -> dict[str, Any]:
    """Write the student of folder `trained` to the new folder `out` and return what the comparison found.

    The folder has a model card and the file of `conditions`. `prompts` are user messages; the first eight are answered
    greedily by the trained model and by the export loaded anew. Both must give the same tokens and, up to
    `LARGEST_DIFFERENCE`, the same logits; otherwise ExportError is raised and `out` does not appear.
    """
    asked = list(prompts[:PROMPTS])
    if not asked:
        raise ExportError("export: no prompt to compare the export with")
    model, tokenizer = students.load(trained)
    _check_stops(model, tokenizer)
    expected = [answer(model, tokenizer, prompt) for prompt in asked]
    found: dict[str, Any] = {}

    def fill(folder: Path) -> None:
        students.write(model, tokenizer, folder)
        otherwise = otherwise_in_version_4(folder)
        if otherwise:
            print(f"export: transformers 4 does not answer as 5 does with it: {otherwise}", file=sys.stderr)
        text = model_card(card, model.num_parameters(), otherwise)
        (folder / "README.md").write_text(text, encoding="utf-8")
        (folder / FILE).write_bytes(written(conditions))
        found.update(_compare(folder, asked, expected))

    checkpoint.publish(out, fill)
    return found


def _check_stops(model: Any, tokenizer: Any) -> None:  # noqa: ANN401
    if tokenizer.eos_token_id not in students.stop_ids(model):
        raise ExportError(
            f"export: the tokenizer's EOS (id {tokenizer.eos_token_id}) is not among the generation config's "
            f"{students.stop_ids(model)}; other programs would not know where an answer ends"
        )


def _compare(folder: Path, prompts: Sequence[str], expected: Sequence[tuple[list[int], Any]]) -> dict[str, Any]:
    """Answer the prompts with the export and compare; raises ExportError at the first prompt that differs."""
    model, tokenizer = students.load(folder)
    _check_stops(model, tokenizer)
    worst = 0.0
    for prompt, (tokens, logits) in zip(prompts, expected, strict=True):
        got, got_logits = answer(model, tokenizer, prompt)
        if got != tokens:
            raise ExportError(
                f"export: the reloaded model answers {prompt[:60]!r} with other tokens than the trained one"
            )
        worst = max(worst, float((got_logits - logits).abs().max()))
    if not worst <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"export: logits of the reloaded model differ by {worst:.2g}, at most {LARGEST_DIFFERENCE:g} allowed"
        )
    return {"prompts": len(prompts), "same_tokens": len(prompts), "largest_logit_difference": worst}


def answer(model: Any, tokenizer: Any, prompt: str) -> tuple[list[int], Any]:  # noqa: ANN401
    """Return (greedy response tokens, fp32 logits (tokens, vocabulary) of prompt and response)."""
    import torch

    text = prompt_text(tokenizer, prompt)
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    model.eval()
    try:
        with torch.inference_mode():
            whole = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, num_beams=1
            )
            logits = model(input_ids=whole).logits[0].float()
    except Exception as error:  # a model is a program: other programs that take the export would fail alike
        raise ExportError(f"export: transformers cannot generate with it: {first_line(error)}") from error
    return whole[0, ids.shape[1] :].tolist(), logits
