"""Which type each tensor of a GGUF file gets: the mixes of llama.cpp by the names that people give them. Pure.

The rules are those of `llama_tensor_get_type_impl` and `tensor_type_fallback` in llama.cpp's `src/llama-quant.cpp`, for
models without experts; `tests/soak/test_gguf_oracle.py` compares them, and the bytes, with llama.cpp's own quantiser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BLOCKS = {"F32": 1, "F16": 1, "BF16": 1, "Q8_0": 32, "Q5_0": 32, "Q5_1": 32, "Q4_0": 32}
"""Values of a row that are quantised together; 256 in every other type, the K-quants."""
_SUPER = 256
_NARROWER = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""What takes the place of a K-quant in rows that are no multiple of 256, such as SmolLM2's 576."""
_LAYER = re.compile(r"blk\.(\d+)\.")  # blk.12.attn_v.weight


@dataclass(frozen=True)
class Mix:
    """One way to store a model. `file_type` is llama.cpp's name of it, `most` the type of most weights.

    `more` is the type of the values and the down projections in the layers that are kept better, if any are.
    """

    file_type: str
    most: str
    more: str = ""


MIXES = {
    "f32": Mix("ALL_F32", "F32"),
    "f16": Mix("MOSTLY_F16", "F16"),
    "bf16": Mix("MOSTLY_BF16", "BF16"),
    "q8_0": Mix("MOSTLY_Q8_0", "Q8_0"),
    "q6_k": Mix("MOSTLY_Q6_K", "Q6_K"),
    "q5_k_m": Mix("MOSTLY_Q5_K_M", "Q5_K", "Q6_K"),
    "q5_0": Mix("MOSTLY_Q5_0", "Q5_0"),
    "q4_k_m": Mix("MOSTLY_Q4_K_M", "Q4_K", "Q6_K"),
    "q4_0": Mix("MOSTLY_Q4_0", "Q4_0"),
}
"""The name in a recipe and at the end of the file's name -> mix, the most exact first."""


def types_of(mix: Mix, tensors: Sequence[tuple[str, tuple[int, ...]]]) -> dict[str, str]:
    """Return the type of each tensor; `tensors` are (name in GGUF, shape with the length of a row last)."""
    names = [name for name, _ in tensors]
    tied = "output.weight" not in names
    values = _by_layer(name for name in names if name.endswith(("attn_v.weight", "attn_qkv.weight")))
    downs = _by_layer(name for name in names if name.endswith("ffn_down.weight"))
    return {name: _type_of(mix, name, shape, tied, values, downs) for name, shape in tensors}


def _by_layer(names: Iterable[str]) -> list[str]:
    found = ((_LAYER.match(name), name) for name in names)
    return [name for _, name in sorted((int(layer[1]), name) for layer, name in found if layer is not None)]


def _type_of(
    mix: Mix, name: str, shape: tuple[int, ...], tied: bool, values: Sequence[str], downs: Sequence[str]
) -> str:
    if len(shape) < 2 or not name.endswith("weight") or name.endswith("_norm.weight"):
        return "F32"
    if mix.most in ("F32", "F16", "BF16"):
        return mix.most
    wanted, columns = mix.most, shape[-1]
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        wanted = "Q8_0" if columns % _block(mix.most) or mix.most == "Q8_0" else "Q6_K"
    elif mix.more:
        layers = values if name in values else downs if name in downs else ()
        if layers and _is_kept_better(layers.index(name), len(layers)):
            wanted = mix.more
    if columns % _block(wanted):
        wanted = _NARROWER.get(wanted, "F16")
    return "F16" if columns % _block(wanted) else wanted


def _is_kept_better(layer: int, layers: int) -> bool:
    """Whether a layer is in the first or the last eighth, or every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _block(kind: str) -> int:
    return BLOCKS.get(kind, _SUPER)
