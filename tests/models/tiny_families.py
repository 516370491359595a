"""Random models of many families, with weights under which every token counts, and prompts for them."""

import random

import torch
import transformers
from models import families
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

LAYERS = {"layer_types": ["sliding_attention", "full_attention"] * 2}
LONGROPE = {
    "original_max_position_embeddings": 24,
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 10_000.0, "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 4.0, 8.0],
    },
}  # fmt: skip
CASES = {
    **{name: (name, {}) for name in ("llama", "mpt", "bloom", "gpt2", "opt", "deepseek_v3", "qwen3_next", "lfm2")},
    **{name: (name, {}) for name in ("mamba", "minimax", "cpmant", "phi3", "mistral")},
    "granitemoehybrid": ("granitemoehybrid", {"layer_types": ["mamba", "attention"] * 2}),
    **{name: (name, LAYERS) for name in ("gemma2", "gemma3_text", "gpt_oss", "olmo3", "cohere2")},
    "falcon alibi": ("falcon", {"alibi": True, "new_decoder_architecture": False}),
    "llama4_text": ("llama4_text", {"floor_scale": 8, "attn_temperature_tuning": True, "no_rope_layers": [1, 0, 1, 0]}),
    "phi3 longrope": ("phi3", LONGROPE),
    "qwen2 windowed": ("qwen2", {"use_sliding_window": True, **LAYERS}),
}
"""What is tried -> (family, its settings beside those of its tiny config)."""
NAMES = tuple(CASES)


def build(name, window, seed):
    """Return a random model of a case, in fp32; `window` is that of its windows and chunks."""
    family, more = CASES[name]
    transformers.logging.set_verbosity_error()
    cls = CONFIG_MAPPING[family]
    settings = families.shrunk(cls())
    windows = {key: window for key in ("sliding_window", "attention_chunk_size") if key in settings or key in more}
    if family in ("mistral", "phi3", "gpt_oss", "qwen2"):
        windows["sliding_window"] = window
    return random_model(cls(**settings | windows | more), seed)


def random_model(config, seed):
    """Return a model of a config with weights of such size that attention decides what is said."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        with torch.no_grad():
            for weights, parameter in model.named_parameters():
                if parameter.dim() > 1:
                    table = "embed" in weights or "wte" in weights or "wpe" in weights
                    parameter.normal_(std=1.0 if table else 1.5 / parameter.shape[-1] ** 0.5)
    return model


def prompts(seed, rows, prefix):
    """Return token ids by row: a common beginning of `prefix` tokens, then 1 to 14 of each row's own; two are equal."""
    rng = random.Random(seed)
    shared = [rng.randrange(3, families.VOCABULARY) for _ in range(prefix)]
    own = range(3, families.VOCABULARY)
    found = {row: [*shared, *rng.choices(own, k=rng.randint(1, 14))] for row in range(rows)}
    found[rows - 1] = list(found[0])
    return found
