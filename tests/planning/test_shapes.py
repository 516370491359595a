"""Dimensions without weights: the numbers of the models that are built from them, and the FLOPs that are traced."""

import json

import pytest

from potstill.planning.shapes import bases, of_folder, of_model

PUBLISHED = {
    "HuggingFaceTB/SmolLM2-135M": 0.1345, "HuggingFaceTB/SmolLM2-360M": 0.3618, "HuggingFaceTB/SmolLM2-1.7B": 1.711,
    "HuggingFaceTB/SmolLM3-3B": 3.075, "Qwen/Qwen2.5-0.5B": 0.494, "Qwen/Qwen2.5-1.5B": 1.544,
    "Qwen/Qwen2.5-Math-1.5B": 1.544, "Qwen/Qwen2.5-3B": 3.086, "Qwen/Qwen2.5-7B": 7.616, "Qwen/Qwen2.5-Math-7B": 7.616,
    "open-r1/Qwen2.5-Math-7B-RoPE-300k": 7.616,
    "Qwen/Qwen2.5-14B": 14.77, "Qwen/Qwen2.5-32B": 32.76, "Qwen/Qwen3-0.6B": 0.596, "Qwen/Qwen3-1.7B": 1.721,
    "Qwen/Qwen3-4B": 4.022, "Qwen/Qwen3-8B": 8.191, "meta-llama/Llama-3.2-1B": 1.236, "meta-llama/Llama-3.2-3B": 3.213,
    "meta-llama/Llama-3.1-8B": 8.030, "meta-llama/Llama-3.3-70B": 70.55,
}  # fmt: skip
"""Billions of weights, as the cards of the repositories name them."""


def test_every_base_has_the_weights_that_its_card_names():
    assert {name: round(each.parameters / 1e9, 6) for name, each in bases().items()} == {
        name: pytest.approx(size, rel=0.001) for name, size in PUBLISHED.items()
    }


def test_names_of_variants_have_the_shape_of_their_base(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert of_model("Qwen/Qwen2.5-7B-Instruct", tmp_path).parameters == bases()["Qwen/Qwen2.5-7B"].parameters
    assert of_model("smollm2-135m-instruct", tmp_path).layers == 30
    assert of_model("nobody/nothing", tmp_path) is None


def test_a_mixture_of_experts_is_not_guessed_at(tmp_path):
    config = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 300, "num_experts": 4}))
    assert of_folder(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 300}))
    assert of_folder(tmp_path).width == 4
    (tmp_path / "config.json").write_text("no JSON")
    assert of_folder(tmp_path) is None


@pytest.mark.parametrize("name", ["HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen2.5-Math-1.5B", "Qwen/Qwen3-4B",
                                  "Qwen/Qwen2.5-7B", "meta-llama/Llama-3.1-8B"])  # fmt: skip
def test_formulas_are_what_torch_counts(name):
    """Whole models on the meta device: dimensions without memory."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

    from potstill.models.flops import read_flops

    each, tokens = bases()[name], 256
    config, code = {"Qwen/Qwen2": (Qwen2Config, Qwen2ForCausalLM), "Qwen/Qwen3": (Qwen3Config, Qwen3ForCausalLM)}.get(
        name[:10], (LlamaConfig, LlamaForCausalLM)
    )
    given = config(
        vocab_size=each.vocabulary, hidden_size=each.hidden, intermediate_size=each.inner, head_dim=each.width,
        num_hidden_layers=each.layers, num_attention_heads=each.heads, num_key_value_heads=each.kv,
        tie_word_embeddings=each.tied, attn_implementation="eager",
    )  # fmt: skip
    with torch.device("meta"):
        model = code(given)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            mask = torch.zeros((1, 1, tokens, tokens))  # whole: no value is looked at to make it
            model(input_ids=torch.zeros((1, tokens), dtype=torch.long), attention_mask=mask, use_cache=False)

    assert sum(tensor.numel() for tensor in model.parameters()) == each.parameters
    assert read_flops(each.shape, tokens, tokens) == pytest.approx(counter.get_total_flops(), rel=0.1)
