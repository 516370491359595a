"""Export to ONNX: folders for onnxruntime-genai, proved in it before they appear.

    export: {onnx: [fp32, int8, int4]}

The graph is written by onnxruntime-genai's own builder, in a process of its own. The most exact of the folders has to
cut the run's own conversations into the student's tokens and to answer as the trained model does.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from os import environ
from pathlib import Path
from typing import Any

from potstill.evaluate.conditions import FILE, written
from potstill.export import Delivery
from potstill.export.card import model_card
from potstill.export.likeness import ConversionError, OtherProgram, answers_alike, check_same
from potstill.export.naming import slug, types_in
from potstill.export.safetensors import NEW_TOKENS
from potstill.models.local.onnx import CONFIG, OnnxRuntime, likeliest, need_onnx
from potstill.temporary import temporary_folder
from potstill.train import checkpoint, students
from potstill.train.render import prompt_text

MARGIN = {"fp32": 0.1, "int8": 0.5}
"""Types that are near enough to the model to be compared with it, and by how much less likely, in logits, a token may
be that one of them writes in the place of the model's first choice."""
TYPES = ("fp32", "int8", "int4")
ARCHITECTURES = (
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi", "phi3", "smollm3", "granite", "olmo",
)  # fmt: skip
"""`model_type` of students that onnxruntime-genai 0.18 has a builder for."""
HEADS = 16
"""Of a multiple of this the size of a head has to be (onnxruntime 1.32)."""
_WITHIN = 3600
"""Seconds after which a conversion is given up."""
# `Error: The model is not supported` - the last line of the builder's log that says something
_SAID = re.compile(r"\S.*")


def onnx(delivery: Delivery) -> dict[str, Any]:
    """Write a folder for each of `options["types"]`, with card and conditions, and return what is in them.

    Raises:
        RecipeError: no such type.
        MissingExtraError: onnxruntime-genai is absent.
        ConversionError: the builder has no form for the student, or the runtime does not answer as it does.
    """
    types = types_in("onnx", delivery.options, TYPES)
    need_onnx("export.onnx")
    model, tokenizer = students.load(delivery.trained)
    if model.config.model_type not in ARCHITECTURES:
        raise ConversionError(
            f"export.onnx: no builder for the architecture {model.config.model_type!r} (there is one for "
            f"{', '.join(ARCHITECTURES)})"
        )
    config = model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if told := unfit(int(width)):
        raise ConversionError(f"export.onnx: {told}")
    stops = students.stop_ids(model)
    found: dict[str, Any] = {"context": int(model.config.max_position_embeddings), "files": {}}

    def fill(folder: Path) -> None:
        for kind in types:
            name = f"{slug(delivery.card.name)}-onnx-{kind}"
            _build(delivery, kind, stops, folder / name)
            size = sum(file.stat().st_size for file in (folder / name).glob("*.onnx*"))
            found["files"][name] = {
                "type": kind, "bytes": size, "bits_per_weight": round(8 * size / model.num_parameters(), 3),
            }  # fmt: skip
        (folder / FILE).write_bytes(written(delivery.conditions))
        card = model_card(delivery.card, model.num_parameters()) + _told(found["files"])
        (folder / "README.md").write_text(card, encoding="utf-8")
        exact = next((kind for kind in MARGIN if kind in types), None)
        with temporary_folder("onnx") as trial:
            if exact is None:
                _build(delivery, "fp32", stops, trial / "fp32")
            proved = trial / "fp32" if exact is None else folder / f"{slug(delivery.card.name)}-onnx-{exact}"
            found.update(_prove(delivery, model, tokenizer, stops, proved, MARGIN[exact or "fp32"]))

    checkpoint.publish(delivery.out, fill)
    return found


def unfit(width: int) -> str:
    """Return what stands against heads of `width` numbers, nothing where they are fit."""
    if width % HEADS == 0:
        return ""
    return f"onnxruntime's attention wants heads of a multiple of {HEADS} numbers, and the student's have {width}"


def _build(delivery: Delivery, kind: str, stops: Sequence[int], out: Path) -> None:
    """Let the library's builder write one folder; what it says of asking is what the student was measured with."""
    print(f"export.onnx: {out.name}", file=sys.stderr)
    with temporary_folder("onnx-builder") as cache:
        # Whole paths, for it works elsewhere and takes what is no folder for a name on the Hub.
        given, made = str(delivery.trained.resolve()), str(out.resolve())
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", given, "-o", made, "-p", kind]
        command += ["-e", "cpu", "-c", str(cache), "--extra_options", "hf_token=false"]
        try:
            done = subprocess.run(  # noqa: S603 - ourselves
                command, env={**environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, check=False, timeout=_WITHIN,
                cwd=cache,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ConversionError(f"export.onnx: the builder was not done with {kind} after {_WITHIN} s") from None
    if done.returncode or not (out / CONFIG).is_file():
        shutil.rmtree(out, ignore_errors=True)
        lines = _SAID.findall(done.stderr.decode("utf-8", "replace"))
        raise ConversionError(f"export.onnx: the builder cannot make {kind} of it ({(lines or ['?'])[-1][:200]})")
    settings = json.loads((out / CONFIG).read_bytes())
    settings["model"]["eos_token_id"] = list(stops)
    evaluate = delivery.conditions.evaluate
    settings["search"] |= {
        "do_sample": evaluate.temperature > 0, "temperature": evaluate.temperature or 1.0, "top_p": evaluate.top_p,
        "top_k": 0,
    }  # fmt: skip
    (out / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _prove(
    delivery: Delivery, model: Any, tokenizer: Any, stops: Sequence[int], folder: Path, margin: float  # noqa: ANN401
) -> dict[str, Any]:  # fmt: skip
    """Return what was compared, all of it alike."""
    runtime = OnnxRuntime(folder)
    texts = [text for said in delivery.conversations
             for text in (prompt_text(tokenizer, said.prompt), said.reasoning + said.answer) if text]  # fmt: skip
    for text in texts:
        own = list(tokenizer(text, add_special_tokens=False)["input_ids"])
        check_same("export.onnx: onnxruntime-genai", runtime.ids(text), own, "the tokens of a conversation")

    def write(ids: Sequence[int]) -> tuple[Sequence[int], bool]:
        return runtime.write(ids, NEW_TOKENS, likeliest)

    program = OtherProgram("export.onnx: onnxruntime-genai", margin, write)
    same, _ = answers_alike(program, model, tokenizer, stops, delivery.prompts)
    return {"texts": len(texts), "prompts": len(delivery.prompts), "same_tokens": same}


def _told(names: Iterable[str]) -> str:
    """Return what the card says of running the folders."""
    first = next(iter(names))
    return (
        "\n## Running it\n\n"
        f"- onnxruntime-genai: `onnxruntime_genai.Model('{first}')`, in Python, C#, C++ or Java; "
        "the prompt is that of the chat template beside it.\n"
    )
