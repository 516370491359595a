"""Tiny configs of every causal family of the installed transformers."""

from transformers import CONFIG_MAPPING, PreTrainedConfig

VOCABULARY = 300
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
LEFT_OPEN = ("vocab_size", "num_experts_per_tok", "n_routed_experts")
"""Numbers that some families leave open and need nonetheless."""
SIZES = {
    name: size
    for size, names in {
        1: "n_group topk_group num_expert_group",
        2: "encoder_layers decoder_layers num_encoder_layers num_decoder_layers num_key_value_heads "
        "num_experts_per_tok num_experts_per_token moe_topk moe_k linear_num_key_heads n_mamba_heads",
        4: "num_hidden_layers n_layer n_layers num_layers num_blocks num_attention_heads n_head n_heads "
        "attention_heads encoder_attention_heads decoder_attention_heads num_heads num_experts "
        "n_routed_experts num_local_experts moe_num_experts linear_num_value_heads rotary_dim",
        8: "head_dim d_kv dim_head d_head global_head_dim qk_rope_head_dim qk_nope_head_dim v_head_dim "
        "chunk_size mamba_chunk_size linear_key_head_dim linear_value_head_dim mamba_n_heads mamba_d_head "
        "mamba_d_state mamba_num_heads mamba_head_dim state_size ssm_state_size mamba_dt_rank "
        "time_step_rank hidden_size_per_layer_input query_pre_attn_scalar",
        16: "attention_head_dim moe_intermediate_size shared_expert_intermediate_size expert_ffn_hidden_size "
        "kv_lora_rank q_lora_rank qk_head_dim sliding_window attention_window_size attention_chunk_size "
        "input_embedding_size",
        32: "hidden_size d_model n_embd emb_dim lru_width attention_hidden_size embedding_size embedding_dim "
        "word_embed_proj_dim",
        48: "intermediate_size n_inner ffn_dim encoder_ffn_dim decoder_ffn_dim dff d_inner dim_ff "
        "feed_forward_size ffn_hidden_size output_embedding_size",
        64: "mamba_d_ssm",
        VOCABULARY: "vocab_size n_vocab vocab_size_per_layer_input",
        1024: "max_position_embeddings n_positions n_ctx max_seq_len context_length model_max_length",
    }.items()
    for name in names.split()
}  # fmt: skip
"""What a config's numbers become; whichever of these names a family uses."""

KINDS = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
OWN = {
    "bamba": {"attn_layer_indices": [1, 3]},
    "cohere_compass_text": {
        "layer_types": KINDS, "rope_parameters": {"sliding_attention": ROPE, "full_attention": ROPE},
    },
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10_000.0},
        "ffn_config": {"ffn_hidden_size": 48, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "dots1": {"n_shared_experts": 1},
    "dots3_note_text": {"num_key_value_heads": 4},
    "gemma3n_text": {
        "num_kv_shared_layers": 0, "intermediate_size": 48, "activation_sparsity_pattern": None, "laurel_rank": 8,
    },
    "gemma4_text": {"num_kv_shared_layers": 0},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "ministral": {"head_dim": 8},
    "moshi": {"sliding_window": 1024},  # transformers' cache of it forgets what its mask still counts
    "nemotron": {"num_key_value_heads": 2},
    "qwen4_exp_text": {
        "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 8, "indexer_budget": 8,
        "indexer_compress_ratio": 2, "ngram_vocab_size_base": 50, "hc_lowrank": 8, "ple_layer_ids": [],
    },
    "reformer": {"is_decoder": True, "axial_pos_embds_dim": [16, 16], "axial_pos_shape": [32, 32]},
    "roc_bert": {
        "shape_vocab_size": 50, "shape_embed_dim": 8, "pronunciation_embed_dim": 8, "pronunciation_vocab_size": 50,
    },
    "xlstm": {"hidden_size": 128, "embedding_dim": 128},  # its config counts in steps of 64, its layers do not
    "xmod": {"default_language": "en_XX"},
    "zamba": {"attention_hidden_size": 64},
    "zamba2": {"attention_hidden_size": 64},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
"""What sizes alone leave contradictory, by `model_type`."""


def lists(value, layers):
    """Return a list of one entry a layer that has every kind of entry in it."""
    kinds = list(dict.fromkeys(value))
    return [kinds[min(i, len(kinds) - 1)] if i < len(kinds) else value[i % len(value)] for i in range(layers)]


def shrunk(default):
    """Return keyword arguments for a tiny config like `default`."""
    made = {}
    for key, value in vars(default).items():
        number = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, PreTrainedConfig):
            made[key] = {"model_type": value.model_type, **shrunk(value)}
        elif key in SPECIAL:
            made[key] = SPECIAL[key]
        elif key in SIZES and (number or (value is None and key in LEFT_OPEN)):
            made[key] = SIZES[key]
        elif isinstance(value, list) and len(value) > 4 and len(value) == getattr(default, "num_hidden_layers", None):
            made[key] = lists(value, SIZES["num_hidden_layers"])
    if made.get("kv_lora_rank"):
        made["num_key_value_heads"] = SIZES["num_attention_heads"]
    return made | OWN.get(default.model_type, {})


def tiny(family, **settings):
    """Return the tiny config of a family; raises what its class raises where these sizes do not do."""
    cls = CONFIG_MAPPING[family]
    return cls(**shrunk(cls()) | settings)
