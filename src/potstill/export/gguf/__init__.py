"""Export to GGUF: files for llama.cpp, Ollama, LM Studio and others, proved in llama.cpp before they appear.

    export: {gguf: [f16, q8_0, q4_k_m]}

The most exact of the files is loaded by llama.cpp: it has to render and cut the run's own conversations as they were
trained on, and to answer as the trained model does. The stage `measure` says what each of the files is worth.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill.evaluate.conditions import FILE, written
from potstill.export import Delivery
from potstill.export.card import model_card
from potstill.export.gguf.architectures import architecture_of
from potstill.export.gguf.importance import Importance, importance_of
from potstill.export.gguf.mixes import MIXES
from potstill.export.gguf.modelfile import modelfile
from potstill.export.gguf.proof import Proof, prove
from potstill.export.gguf.quantising import library
from potstill.export.gguf.template import template_of, thinks_in_ollama
from potstill.export.gguf.vocabulary import cutting_of, vocabulary_of
from potstill.export.gguf.writing import Content, content_of, write
from potstill.export.likeness import ConversionError
from potstill.export.naming import slug, types_in
from potstill.models.llama_server import need_llama
from potstill.models.local.loading import context_of
from potstill.temporary import temporary_folder
from potstill.train import checkpoint, students
from potstill.train.render import stop_texts

EXACT = ("f32", "f16", "bf16", "q8_0")
"""Mixes that are near enough to the model to be compared with it token by token."""
ROOM = 64 * 2**20
"""Bytes beside the tensors that must be free: vocabulary, metadata, trials."""


def gguf(delivery: Delivery) -> dict[str, Any]:
    """Write a file for each of `options["types"]`, with card, conditions and Modelfiles, and return what is in them.

    Raises:
        RecipeError: no such type.
        MissingExtraError: xllamacpp is absent.
        ConversionError: the student has no form in GGUF, or llama.cpp does not answer as it does.
    """
    types = types_in("gguf", delivery.options, MIXES)
    need_llama("export.gguf")
    model, tokenizer = students.load(delivery.trained)
    architecture_of(model.config)
    stops = students.stop_ids(model)
    vocabulary = vocabulary_of(tokenizer, int(model.get_input_embeddings().num_embeddings), stops)
    template = template_of(tokenizer, delivery.conditions.student)
    proof = Proof(tokenizer=tokenizer, student=delivery.conditions.student, template=template, stops=stops,
                  conversations=delivery.conversations, prompts=delivery.prompts)  # fmt: skip
    with temporary_folder("gguf") as trials:
        cutting = cutting_of(vocabulary, tokenizer, proof.texts(), trials)
    content = content_of(
        model, card=delivery.card, vocabulary=vocabulary, cutting=cutting, template=template,
        evaluate=delivery.conditions.evaluate,
        importance=_importance(delivery, model, tokenizer, stops),
    )  # fmt: skip
    exact = next((name for name in EXACT if name in types), None)
    _check_room(content, [*types, *([] if exact else ["f16"])], delivery.out)
    found: dict[str, Any] = {"pre_tokenizer": cutting, "context": context_of(model.config), "files": {}}
    if content.importance is not None:
        found["importance"] = {"rows": content.importance.rows, "tokens": content.importance.tokens}

    def fill(folder: Path) -> None:
        names = {kind: f"{slug(delivery.card.name)}-{kind}.gguf" for kind in types}
        for kind, name in names.items():
            found["files"][name] = write(content, kind, folder / name)
        context = min(context_of(model.config), delivery.longest)
        for kind, name in names.items():
            text = modelfile(
                name, stops=stop_texts(tokenizer, stops), context=context, evaluate=delivery.conditions.evaluate,
                licence=delivery.card.base.licence.get("license", ""),
            )  # fmt: skip
            (folder / f"Modelfile-{kind}").write_text(text, encoding="utf-8")
        (folder / FILE).write_bytes(written(delivery.conditions))
        card = model_card(delivery.card, model.num_parameters()) + _told(names, template, delivery)
        (folder / "README.md").write_text(card, encoding="utf-8")
        if exact:
            found.update(prove(proof, model, folder / names[exact], exact))
        else:
            file = folder / "proof.gguf"
            write(content, "f16", file)
            found.update(prove(proof, model, file, "f16"))
            file.unlink()

    checkpoint.publish(delivery.out, fill)
    return found


def _importance(delivery: Delivery, model: Any, tokenizer: Any, stops: Sequence[int]) -> Importance | None:  # noqa: ANN401
    """Return what columns count, where the recipe asks for it.

    Raises:
        ConversionError: no example of the training can be read.
    """
    if not delivery.options.get("importance"):
        return None
    if library()[0] is None:
        raise ConversionError(f"export.importance needs llama.cpp's own quantiser, and {library()[1]}: leave it out")
    print(f"export: reading {len(delivery.examples)} examples for their importance", file=sys.stderr)
    found = importance_of(
        model, tokenizer, architecture_of(model.config), delivery.conditions.student, stops, delivery.examples
    )
    if found.tokens == 0:
        raise ConversionError("export.importance: not one example of the training can be read: leave it out")
    return found


def _check_room(content: Content, types: Sequence[str], out: Path) -> None:
    """Refuse what the disk has no room for, before the first byte."""
    needed = sum(content.size(name) for name in types) + ROOM
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise ConversionError(
            f"export.gguf: the files take {needed / 2**20:,.0f} MB and {out.parent} has {free / 2**20:,.0f} MB left: "
            "free some, or name fewer types"
        )


def _told(names: dict[str, str], template: str, delivery: Delivery) -> str:
    """Return what the card says of running the files."""
    first = next(iter(names.values()))
    kind = next(iter(names))
    student = delivery.conditions.student
    opening, closing = student.reasoning_open.strip(), student.reasoning_close.strip()
    apart = (
        "It shows the thinking apart."
        if thinks_in_ollama(template)
        else f"It shows the thinking within the answer: it knows `<think>` alone, and this student writes `{opening}`."
    )
    lines = [
        "\n## Running it\n",
        f"- llama.cpp: `llama-server -m {first} --jinja`; thinking comes as `reasoning_content`.",
        f"- Ollama: `ollama create {slug(delivery.card.name)} -f Modelfile-{kind}`. {apart} It was not run here.",
    ]
    if (opening, closing) == ("<think>", "</think>"):
        lines.append(
            "- vLLM and SGLang take the checkpoint, not these files: "
            "`vllm serve FOLDER --reasoning-parser deepseek_r1`, "
            "`python -m sglang.launch_server --model-path FOLDER --reasoning-parser deepseek-r1`. Neither was run here."
        )
    if student.prompt.strip() != "{question}":
        lines.append(f"- It was asked `{student.prompt!r}`, with the question in the place of `{{question}}`.")
    return "\n".join(lines) + "\n"
