"""Causal models of many families at a size that builds in milliseconds, with weights under which every token counts."""

import random

import torch
import transformers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

VOCABULARY = 96
_COMMON = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
_GROUPED = {**_COMMON, "num_key_value_heads": 2, "head_dim": 8}
_MOE = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
_LINEAR = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}  # fmt: skip
_LONGROPE = {
    "original_max_position_embeddings": 24,
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 10_000.0, "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 4.0, 8.0],
    },
}  # fmt: skip
_WINDOWED = [("gemma2", {}), ("gemma3_text", {}), ("gpt_oss", _MOE), ("mistral", {}), ("olmo3", {}), ("cohere2", {})]
_LAYERS = ["sliding_attention", "full_attention"]


def _families(window: int) -> dict[str, tuple[str, dict[str, object]]]:
    """Name of a case -> (model type, its settings)."""
    layered = {"sliding_window": window, "layer_types": _LAYERS}
    found = {
        name: (name, {**_GROUPED, **more, "sliding_window": window, **({} if name == "mistral" else layered)})
        for name, more in _WINDOWED
    }
    mamba = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "time_step_rank": 4}
    return found | {
        "llama": ("llama", _GROUPED),
        "phi3": ("phi3", {**_COMMON, "num_key_value_heads": 2, "sliding_window": window}),
        "phi3 longrope": ("phi3", {**_COMMON, "num_key_value_heads": 2, **_LONGROPE}),
        "qwen2 windowed": ("qwen2", {**_COMMON, "num_key_value_heads": 2, "use_sliding_window": True, **layered}),
        "llama4_text": (
            "llama4_text",
            {**_GROUPED, **_MOE, "intermediate_size_mlp": 48, "attention_chunk_size": window, "floor_scale": 8,
             "attn_temperature_tuning": True, "no_rope_layers": [1, 0]},
        ),
        "mpt": ("mpt", {"vocab_size": VOCABULARY, "d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}),
        "bloom": ("bloom", {"vocab_size": VOCABULARY, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
        "falcon alibi": ("falcon", {**_COMMON, "alibi": True, "new_decoder_architecture": False}),
        "gpt2": ("gpt2", {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}),
        "opt": ("opt", {**_COMMON, "ffn_dim": 48, "word_embed_proj_dim": 32}),
        "deepseek_v3": (
            "deepseek_v3",
            {**_COMMON, **_MOE, "num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1, "topk_group": 1,
             "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8,
             "first_k_dense_replace": 1},
        ),
        "qwen3_next": ("qwen3_next", {**_GROUPED, **_MOE, **_LINEAR, "shared_expert_intermediate_size": 24}),
        "lfm2": ("lfm2", {**_COMMON, "num_key_value_heads": 2, "layer_types": ["conv", "full_attention"]}),
        "mamba": ("mamba", mamba),
        "minimax": ("minimax", {**_GROUPED, **_MOE, "layer_types": ["linear_attention", "full_attention"]}),
        "cpmant": (
            "cpmant",
            {"vocab_size": VOCABULARY, "hidden_size": 32, "num_attention_heads": 4, "dim_head": 8, "dim_ff": 48,
             "num_hidden_layers": 2},
        ),
    }  # fmt: skip


FAMILIES = tuple(_families(4))


def build(name, window, seed):
    """Return a random model of a family of `FAMILIES`, in fp32."""
    kind, settings = _families(window)[name]
    transformers.logging.set_verbosity_error()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**settings)).float().eval()
        with torch.no_grad():
            for weights, parameter in model.named_parameters():
                if parameter.dim() > 1:
                    table = "embed" in weights or "wte" in weights or "wpe" in weights
                    parameter.normal_(std=1.0 if table else 1.5 / parameter.shape[-1] ** 0.5)
    return model


def prompts(seed, rows, prefix):
    """Return token ids by row: a common beginning of `prefix` tokens, then 1 to 14 of each row's own; two are equal."""
    rng = random.Random(seed)
    shared = [rng.randrange(3, VOCABULARY) for _ in range(prefix)]
    found = {row: [*shared, *rng.choices(range(3, VOCABULARY), k=rng.randint(1, 14))] for row in range(rows)}
    found[rows - 1] = list(found[0])
    return found
