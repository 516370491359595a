"""Formulas of memory against what training measures of small students of the same kind."""

import pytest

from potstill import recipe
from potstill.planning import memory
from potstill.planning.machines import here
from potstill.planning.shapes import Architecture
from potstill.train.limits import LOGITS_AT_ONCE, MOMENTS

SHAPE = Architecture(hidden=64, layers=3, heads=4, kv=2, width=16, inner=160, vocabulary=320, tied=True)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_what_a_token_keeps_is_what_training_measures(precision, attention):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from potstill.train import lean
    from potstill.train.activations import measured
    from potstill.train.fitness import check_student
    from potstill.train.ranks import Ranks
    from potstill.train.student_loss import StudentLoss

    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config).train()
    model.set_attn_implementation(attention)
    bf16 = precision == "bf16"
    assert not bf16 or lean.settle(model)
    kept = measured(StudentLoss(model, check_student("it", model), torch.bfloat16 if bf16 else None), 0, Ranks())

    assert SHAPE.parameters == sum(tensor.numel() for tensor in model.parameters())
    by_token = SHAPE.layers * memory.by_token(SHAPE, bf16=bf16) + 12 * SHAPE.hidden + 8 * SHAPE.width
    assert kept.by_token == pytest.approx(by_token, rel=0.08)
    plain = SHAPE.layers * memory.by_pair(SHAPE, bf16=bf16) if attention == "eager" else 0
    assert kept.by_pair == pytest.approx(plain, abs=0.5)
    copies = 2 * SHAPE.linear if bf16 else 0
    fixed = 4 * SHAPE.parameters * (1 + MOMENTS) + 12 * LOGITS_AT_ONCE + 4 * SHAPE.head + copies
    assert kept.constant == pytest.approx(fixed, rel=0.01)


def test_more_rows_take_more_and_adapters_less():
    train = recipe.Train(epochs=1, batch=64, micro_batch=8, precision="fp32")
    one = memory.of_training(SHAPE, train, None, 100, here())
    more = recipe.Train(epochs=1, batch=64, micro_batch=16, precision="fp32")
    two = memory.of_training(SHAPE, more, None, 100, here())
    parts = dict(memory.of_training(SHAPE, train, recipe.Lora(rank=4), 100, here()).parts)

    assert dict(two.parts)["activations"].value == 2 * dict(one.parts)["activations"].value
    assert parts["moments"].value < dict(one.parts)["moments"].value / 2
    assert one.peak.low < one.peak.value < one.peak.high


def test_shares_of_weights_are_divided_and_too_little_is_said():
    from potstill.planning.machines import gpu
    from potstill.planning.shapes import bases

    large = bases()["Qwen/Qwen2.5-32B"]
    alone = recipe.Train(epochs=1, batch=64, micro_batch=1)
    shared = recipe.Train(epochs=1, batch=64, micro_batch=1, processes=8, sharding="full")

    assert memory.of_training(large, alone, None, 8192, gpu("H100")).fits == 0
    held = memory.of_training(large, shared, None, 8192, gpu("H200"))
    assert dict(held.parts)["moments"].value == pytest.approx(8 * large.parameters / 8)
    assert held.fits > 0
