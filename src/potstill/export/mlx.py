"""Export to MLX: folders for mlx-lm on a Mac, proved in it before they appear.

    export: {mlx: [bf16, 8bit, 4bit]}

They are written by mlx-lm's own converter, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from potstill.export import Delivery
from potstill.export.folders import FolderForm, InFolder, Widths, convert, deliver
from potstill.models.local.mlx import MlxLm
from potstill.temporary import temporary_folder

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
BITS = {"8bit": 8, "4bit": 4}
"""Types whose matrices have so many bits a number, and a scale and an offset of bf16 for each group."""
GROUPS = (64, 32)
"""Numbers of a row that may share a scale, the better known first; rows of other lengths mlx-lm leaves as they are."""


def mlx(delivery: Delivery) -> dict[str, Any]:
    """Write a folder for each type that is asked for; see `folders.deliver`."""
    return deliver(MLX, delivery)


def unfit(config: Mapping[str, Any], types: Collection[str]) -> str:
    """Return what stands against the rows of a config in the types that have groups."""
    coded, shape = [kind for kind in types if kind in BITS], Widths.of(config)
    return shape.ungrouped(coded[0], GROUPS) if coded and shape and not shape.group(GROUPS) else ""


def build(delivery: Delivery, kind: str, stops: Sequence[int], out: Path) -> None:
    """Let the library's converter write one folder, which ends where the student does."""
    given = delivery.trained.resolve()
    command = ["-m", "mlx_lm", "convert", "--hf-path", str(given), "--mlx-path", str(out.resolve())]
    if kind in BITS:
        shape = Widths.of(json.loads((given / "config.json").read_bytes()))
        size = shape and shape.group(GROUPS)
        command += ["-q", "--q-bits", str(BITS[kind]), *([] if size is None else ["--q-group-size", str(size)])]
    with temporary_folder("mlx-convert") as cwd:
        convert("mlx", kind, [*command, "--dtype", DTYPES.get(kind, "bfloat16")], cwd)
    (out / "README.md").unlink(missing_ok=True)  # a card without a word; ours stands beside the folder
    for file in (out / "config.json", out / "generation_config.json"):
        told = json.loads(file.read_bytes()) if file.is_file() else {}
        file.write_text(json.dumps(told | {"eos_token_id": list(stops)}, indent=2) + "\n", encoding="utf-8")


MLX = FolderForm(
    name="mlx",
    program="mlx-lm",
    packages=("mlx_lm", "mlx"),
    types=(*DTYPES, *BITS),
    margins={"fp32": 0.1, "fp16": 0.2, "bf16": 0.5, "8bit": 0.5},
    # Those of students here that mlx-lm 0.32 has a model of.
    architectures=(
        "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi", "phi3", "smollm3", "granite",
        "olmo2", "olmo3", "stablelm",
    ),
    unfit=unfit,
    build=build,
    load=MlxLm,
    weights="*.safetensors",
    running="mlx-lm on a Mac: `mlx_lm.chat --model {name}`, `mlx_lm.server --model {name}`, `mlx_lm.load('{name}')`.",
)  # fmt: skip
MLX_LM = InFolder(MLX)
