"""A checkpoint's settings in the form of transformers 4 too: version 5 reads both, version 4 only its own.

Version 5 keeps what a rotary embedding needs in `rope_parameters`, which version 4 passes over (its `rope_theta` is
then 10,000, whatever the model was trained with), calls every tokenizer that is a file `TokenizersBackend`, and lists
further special tokens under a name that version 4 takes for a mapping. What no file can say to version 4, because it
computes a family otherwise, `otherwise_in_version_4` tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_GPT_NEOX = ("gpt_neox", "gpt_neox_japanese")
_SCALED_BY_DEFAULT = ("apertus", "gpt_oss")
"""Families whose config in version 4 scales where nothing is said."""
_OLD_KINDS = ("default", "linear", "dynamic", "yarn", "longrope", "llama3")
"""What version 4 knows; of another kind (Gemma 4's `proportional`) version 5 misses a part in the old form."""
_SHARED = ("rope_theta", "partial_rotary_factor")
"""What stood beside `rope_scaling` and not in it."""


_INFINITE = {"Infinity": 3.4028234663852886e38, "-Infinity": -3.4028234663852886e38}
"""The largest number of 32 bits, for what version 5 writes as `{"__float__": "Infinity"}` and version 4 takes for a
mapping: a bound that nothing reaches."""
_LAYERS = {"linear_attention": "mamba", "full_attention": "attention"}
"""Kinds of layers of version 5 -> of version 4, in the families `_WITH_MAMBA`; version 5 reads both."""
_WITH_MAMBA = ("granitemoehybrid", "zamba", "zamba2")
_PARTS = {
    "attn_config": ("attn_pdrop", "clip_qkv", "kv_n_heads", "rope_theta", "model_type"),
    "ffn_config": (
        "ffn_act_fn", "ffn_hidden_size", "moe_num_experts", "moe_top_k", "moe_jitter_eps", "moe_loss_weight",
        "moe_normalize_expert_weights", "model_type",
    ),
}  # fmt: skip
"""All that version 4 takes in these parts of a DBRX."""
_ON_CUDA_ALONE = ("jamba", "zamba")
"""Families that version 4 runs on CUDA alone unless `use_mamba_kernels` is false; version 5 chooses by itself."""
_EAGER = ("doge",)
"""Families whose other attention in version 4 is not causal: it adds a mask of its own to none."""
_OTHERWISE: dict[str, tuple[Callable[[dict[str, Any]], bool], str]] = {
    "mamba2": (
        lambda config: config.get("n_groups") != 1,
        "it normalises all channels together, not each group of them",
    ),
    "recurrent_gemma": (
        lambda config: True,
        "beyond the attention's window tokens see later ones, or without a cache all earlier ones",
    ),
    "xlstm": (
        lambda config: config.get("chunkwise_kernel") == "chunkwise--native_autograd",
        "it fails on a prompt of chunk_size tokens or more",
    ),
}
"""What version 4 computes otherwise, also with what it wrote itself -> (whether a config is of that kind, how).

Seen in 4.57.6: each of them gives the same text where the config avoids it (`tests/train/test_forms.py`).
"""
_EXPERTS = ("num_local_experts", "num_experts")
"""The same number under the names of two versions: Qwen3-MoE, for one, changed from the second to the first."""


def write_both_forms(folder: Path) -> None:
    """Add what transformers 4 reads to the config and the tokenizer's config of a checkpoint folder."""
    _rewrite(folder / "config.json", _config)
    _rewrite(folder / "tokenizer_config.json", _tokenizer)


def otherwise_in_version_4(folder: Path) -> str:
    """Return why transformers 4 does not answer as 5 does, whatever a checkpoint's files say, or an empty text."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    of_kind, what = _OTHERWISE.get(config.get("model_type", ""), (bool, ""))
    return what if what and of_kind(config) else ""


def _rewrite(path: Path, change: Any) -> None:  # noqa: ANN401 - a function of the parsed JSON
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _config(config: dict[str, Any]) -> None:
    for value in [*config.values()]:
        if isinstance(value, dict) and "model_type" in value:
            _config(value)  # the text part of a larger model
    config |= {key: _finite(value) for key, value in config.items()}
    if config.get("model_type") in _WITH_MAMBA:
        for key in ("layer_types", "layers_block_type"):
            if isinstance(config.get(key), list):
                config[key] = [_LAYERS.get(kind, kind) for kind in config[key]]
    if config.get("model_type") == "dbrx":
        for key, known in _PARTS.items():
            if isinstance(part := config.get(key), dict):
                config[key] = {name: part[name] for name in known if name in part}
    if config.get("model_type") in _ON_CUDA_ALONE:
        config["use_mamba_kernels"] = False
    if config.get("model_type") in _EAGER:
        config["_attn_implementation"] = "eager"
    if config.get("model_type") == "fuyu":
        config["hidden_size"] = config["text_config"]["hidden_size"]
    if "dtype" in config:
        config["torch_dtype"] = config["dtype"]
    experts = next((config[name] for name in _EXPERTS if name in config), None)
    if experts is not None:
        config |= dict.fromkeys(_EXPERTS, experts)
    rope = config.get("rope_parameters")
    if not isinstance(rope, dict) or not rope:
        return
    kind = str(config.get("model_type", ""))
    if "rope_type" in rope:
        config |= _old_rope(rope, kind)
    elif isinstance(whole := rope.get("full_attention"), dict) and whole.get("rope_type") in _OLD_KINDS:
        # one rotary embedding for each kind of layer, as Gemma 3
        config |= _old_rope(whole, kind)
        if isinstance(local := rope.get("sliding_attention"), dict) and "rope_theta" in local:
            config["rope_local_base_freq"] = local["rope_theta"]


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with numbers in the place of infinities."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"__float__"}:
        return _INFINITE.get(value["__float__"], value)
    return value


def _old_rope(rope: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the keys of version 4 for one rotary embedding: `{"rope_theta": 100000.0}`."""
    scaling = {key: value for key, value in rope.items() if key not in _SHARED}
    old: dict[str, Any] = {key: rope[key] for key in _SHARED if key in rope}
    if rope["rope_type"] != "default":
        old["rope_scaling"] = scaling
    elif kind in _SCALED_BY_DEFAULT:
        old["rope_scaling"] = None
    if kind in _GPT_NEOX:
        old["rotary_emb_base"], old["rotary_pct"] = rope.get("rope_theta"), rope.get("partial_rotary_factor", 1.0)
    return old


def _tokenizer(config: dict[str, Any]) -> None:
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(config.get("extra_special_tokens"), list):
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
