"""Export to OpenVINO: folders for openvino-genai, proved in it before they appear.

export: {openvino: [fp16, int8, int4]}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potstill.export import Delivery
from potstill.export.folders import FolderForm, InFolder, Widths, convert, deliver
from potstill.models.local.openvino import EXACT, OpenVino
from potstill.temporary import temporary_folder

GROUPS = (128, 64, 32)
"""Numbers of a row that may share a scale in `int4`, the smallest folder first."""
FIXED = ("default", "linear", "llama3", "yarn")
"""Rotary embeddings that are the same at every length, so that a trace of one length holds for all."""


def openvino(delivery: Delivery) -> dict[str, Any]:
    """Write a folder for each type that is asked for; see `folders.deliver`."""
    return deliver(OPENVINO, delivery)


def unfit(config: Mapping[str, Any], types: Collection[str]) -> str:
    """Return what stands against a config: a window, a rotary embedding that changes, rows without groups."""
    window, context = config.get("sliding_window"), config.get("max_position_embeddings") or 0
    kinds = config.get("layer_types")
    within = "sliding_attention" in kinds if kinds else config.get("use_sliding_window", True)
    if window and within and window < context:
        return f"openvino-genai remembers everything, and this student attends within {window} tokens"
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if (kind := rope.get("rope_type", "default")) not in FIXED:
        return f"a rotary embedding of the kind {kind!r} changes with the length, and a graph does not"
    shape = Widths.of(config)
    if "int4" in types and shape is not None and shape.group(GROUPS) is None:
        return shape.ungrouped("int4", GROUPS)
    return ""


def build(delivery: Delivery, kind: str, stops: Sequence[int], out: Path) -> None:
    """Convert in a process of its own; see `converting`."""
    given, made = str(delivery.trained.resolve()), str(out.resolve())
    with temporary_folder("openvino-convert") as cwd:
        ends = ",".join(map(str, stops))
        convert("openvino", kind, ["-m", "potstill.export.openvino.converting", given, made, kind, ends], cwd)


OPENVINO = FolderForm(
    name="openvino",
    program="openvino-genai",
    packages=("openvino_genai", "openvino_tokenizers", "openvino", "nncf"),
    types=("fp32", "fp16", "int8", "int4"),
    margins={"fp32": 0.1, "fp16": 0.2, "int8": 0.5},
    architectures=(
        "llama", "mistral", "qwen2", "qwen3", "gemma", "phi", "phi3", "smollm3", "granite", "olmo", "olmo2",
    ),
    unfit=unfit,
    build=build,
    load=partial(OpenVino, **EXACT),
    weights="openvino_model.bin",
    running="openvino-genai: `openvino_genai.LLMPipeline('{name}', 'CPU')`, in Python, C++ or JavaScript.",
)  # fmt: skip
OPENVINO_GENAI = InFolder(OPENVINO)
