"""Export to ONNX: folders for onnxruntime-genai, proved in it before they appear.

    export: {onnx: [fp32, int8, int4]}

The graph is written by onnxruntime-genai's own builder, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from potstill.export import Delivery
from potstill.export.folders import FolderForm, InFolder, Widths, convert, deliver
from potstill.export.likeness import ConversionError
from potstill.models.local.onnx import CONFIG, OnnxRuntime
from potstill.temporary import temporary_folder

HEADS = 16
"""Of a multiple of this the size of a head has to be (onnxruntime 1.32)."""


def onnx(delivery: Delivery) -> dict[str, Any]:
    """Write a folder for each type that is asked for; see `folders.deliver`."""
    return deliver(ONNX, delivery)


def unfit(config: Mapping[str, Any], types: Collection[str]) -> str:
    """Return what stands against the heads of a config, in whatever type."""
    del types
    shape = Widths.of(config)
    if shape is None or shape.head % HEADS == 0:
        return ""
    return f"onnxruntime's attention wants heads of a multiple of {HEADS} numbers, and the student's have {shape.head}"


def build(delivery: Delivery, kind: str, stops: Sequence[int], out: Path) -> None:
    """Let the library's builder write one folder; what it says of asking is what the student was measured with."""
    with temporary_folder("onnx-builder") as cache:
        # Whole paths, for it works elsewhere and takes what is no folder for a name on the Hub.
        given, made = str(delivery.trained.resolve()), str(out.resolve())
        command = ["-m", "onnxruntime_genai.models.builder", "-i", given, "-o", made, "-p", kind, "-e", "cpu"]
        convert("onnx", kind, [*command, "-c", str(cache), "--extra_options", "hf_token=false"], cache)
    if not (out / CONFIG).is_file():
        raise ConversionError(f"export.onnx: the builder made no {kind} of it, and said nothing")
    settings = json.loads((out / CONFIG).read_bytes())
    settings["model"]["eos_token_id"] = list(stops)
    evaluate = delivery.conditions.evaluate
    settings["search"] |= {
        "do_sample": evaluate.temperature > 0, "temperature": evaluate.temperature or 1.0, "top_p": evaluate.top_p,
        "top_k": 0,
    }  # fmt: skip
    (out / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


ONNX = FolderForm(
    name="onnx",
    program="onnxruntime-genai",
    packages=("onnxruntime_genai", "onnxruntime", "onnx", "onnx_ir"),
    types=("fp32", "int8", "int4"),
    margins={"fp32": 0.1, "int8": 0.5},
    # Those of which onnxruntime-genai 0.18 makes a proved folder; other builders fail on configs of transformers 5.
    architectures=("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "granite"),
    unfit=unfit,
    build=build,
    load=OnnxRuntime,
    weights="*.onnx*",
    running="onnxruntime-genai: `onnxruntime_genai.Model('{name}')`, in Python, C#, C++ or Java; the prompt is that of "
    "the chat template beside it.",
)  # fmt: skip
ONNXRUNTIME = InFolder(ONNX)
