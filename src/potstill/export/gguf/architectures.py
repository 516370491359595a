"""What llama.cpp calls the parts of a model, for each architecture that it is told of here.

An architecture is an entry of `ARCHITECTURES`: its name there, what it says of its config, and what becomes of its
tensors. Whatever llama.cpp computes otherwise than the config says (a window, another scale) is refused by name; that
the rest is right is proved on each export, which has to answer like its model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from potstill.export.likeness import ConversionError
from potstill.export.naming import unknown

Config = Any
Tensor = Any
"""A config of transformers, and a tensor of torch."""


@dataclass(frozen=True)
class Converter:
    """`name` is llama.cpp's, `settings` writes what only this one has, `changed` yields what becomes of a tensor."""

    name: str
    settings: Callable[[Config, Any], None]
    changed: Callable[[Config, str, Tensor], Tensor]


def architecture_of(config: Config) -> Converter:
    """Return the architecture of a config.

    Raises:
        ConversionError: there is none.
    """
    found = ARCHITECTURES.get(config.model_type)
    if found is None:
        raise ConversionError(
            f"export.gguf: {unknown(config.model_type, ARCHITECTURES)}: leave it out, or take another student"
        )
    return found


def write_settings(architecture: Converter, config: Config, context: int, writer: Any) -> None:  # noqa: ANN401
    """Write what llama.cpp has to know of a config; `writer` is a `gguf.GGUFWriter`, `context` in tokens."""
    heads = config.num_attention_heads
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(context)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads or heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(head_dim(config))
    writer.add_value_length(head_dim(config))
    architecture.settings(config, writer)


def tensors_of(architecture: Converter, config: Config, model: Any) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401
    """Yield (name in GGUF, tensor of fp32) of a model, a tied head only once.

    Raises:
        ConversionError: a tensor has no place in llama.cpp's architecture.
    """
    import gguf

    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture.name)
    known = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and head.weight is embedding.weight:
            continue
        own = known.get_name(name, try_suffixes=(".weight", ".bias"))
        if own is None:
            raise ConversionError(f"export.gguf: llama.cpp's {architecture.name} has no place for the tensor {name}")
        yield own, architecture.changed(config, name, tensor.detach().float())
    yield from _factors(config)


def head_dim(config: Config) -> int:
    """Return the width of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _rope(config: Config, writer: Any, rope: dict[str, Any] | None = None) -> None:  # noqa: ANN401
    """Write a rotary embedding: plain, linear, yarn, or with a factor for each frequency."""
    import gguf

    found = config.rope_parameters if rope is None else rope
    kind = found.get("rope_type", "default")
    width = int(head_dim(config) * found.get("partial_rotary_factor", 1.0))
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(found["rope_theta"]))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(found["factor"]))
    elif kind == "yarn":
        plain = {"rope_type", "rope_theta", "factor", "original_max_position_embeddings", "partial_rotary_factor"}
        if more := sorted(key for key, value in found.items() if key not in plain and value is not None):
            raise ConversionError(f"export.gguf: rope scaling yarn with {', '.join(more)} has no form in GGUF here")
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(float(found["factor"]))
        writer.add_rope_scaling_orig_ctx_len(int(found["original_max_position_embeddings"]))
    elif kind not in ("default", "llama3"):
        raise ConversionError(f"export.gguf: rope scaling {kind!r} has no form in GGUF here")


def _factors(config: Config) -> Iterator[tuple[str, Tensor]]:
    """Yield what each frequency of a rotary embedding of Llama 3 is divided by, as transformers computes it."""
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rope = config.rope_parameters or {}
    if rope.get("rope_type") == "llama3":
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
        width = head_dim(config)
        plain = 1.0 / rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
        yield "rope_freqs.weight", plain / scaled.float()


def _without_window(config: Config) -> None:
    window, used = getattr(config, "sliding_window", None), getattr(config, "use_sliding_window", True)
    kinds = set(getattr(config, "layer_types", None) or ())
    if (window and used and not kinds) or "sliding_attention" in kinds:
        raise ConversionError(
            f"export.gguf: llama.cpp has no window for {config.model_type}, and this student attends within "
            f"{window} tokens"
        )


def _llama(config: Config, writer: Any) -> None:  # noqa: ANN401
    _without_window(config)
    _rope(config, writer)


def _smollm3(config: Config, writer: Any) -> None:  # noqa: ANN401
    if list(config.no_rope_layers) != [int((layer + 1) % 4 != 0) for layer in range(config.num_hidden_layers)]:
        raise ConversionError("export.gguf: llama.cpp leaves the rotary embedding out of every fourth layer alone")
    _llama(config, writer)


def _phi3(config: Config, writer: Any) -> None:  # noqa: ANN401
    _rope(config, writer)
    if config.sliding_window and config.sliding_window < config.max_position_embeddings:
        raise ConversionError(f"export.gguf: llama.cpp has no window of {config.sliding_window} tokens for phi3")
    writer.add_sliding_window(0)
    writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)


def _gemma3(config: Config, writer: Any) -> None:  # noqa: ANN401
    whole, near = config.rope_parameters["full_attention"], config.rope_parameters["sliding_attention"]
    wanted = [
        "full_attention" if (layer + 1) % 6 == 0 else "sliding_attention" for layer in range(len(config.layer_types))
    ]
    if list(config.layer_types) != wanted:
        raise ConversionError("export.gguf: llama.cpp attends to everything in every sixth layer of gemma3 alone")
    if config.query_pre_attn_scalar != head_dim(config):
        raise ConversionError("export.gguf: llama.cpp scales the attention of gemma3 by head_dim alone")
    if config.final_logit_softcapping or config.attn_logit_softcapping or near.get("rope_type", "default") != "default":
        raise ConversionError("export.gguf: llama.cpp's gemma3 has no soft caps, and no scaling near by")
    _rope(config, writer, whole)
    writer.add_rope_freq_base_swa(float(near["rope_theta"]))
    writer.add_sliding_window(config.sliding_window)


def _same(config: Config, name: str, tensor: Tensor) -> Tensor:
    del config, name
    return tensor


def _turned(config: Config, name: str, tensor: Tensor) -> Tensor:
    """Queries and keys as Meta orders them: pairs of a rotation stand side by side, not half a head apart."""
    heads = {
        "q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads or config.num_attention_heads,
    }.get(name.split(".")[-2])  # fmt: skip
    if heads is None:
        return tensor
    shape = tensor.shape
    return tensor.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def _one_added(config: Config, name: str, tensor: Tensor) -> Tensor:
    """Norms of Gemma multiply by 1 + weight in transformers and by the weight in llama.cpp."""
    del config
    return tensor + 1 if name.endswith("norm.weight") else tensor


ARCHITECTURES = {
    "llama": Converter("llama", _llama, _turned),
    "mistral": Converter("llama", _llama, _turned),
    "smollm3": Converter("smollm3", _smollm3, _turned),
    "qwen2": Converter("qwen2", _llama, _same),
    "qwen3": Converter("qwen3", _llama, _same),
    "gemma3_text": Converter("gemma3", _gemma3, _one_added),
    "phi3": Converter("phi3", _phi3, _same),
}
"""`model_type` of transformers -> what llama.cpp calls it."""
