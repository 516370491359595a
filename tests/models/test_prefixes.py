"""Prompts that rows share are remembered once: logits are those of rows each of which remembers all of its own."""

import random

import pytest

pytest.importorskip("torch")

import torch
from models import tiny_families

from potstill.models.local import prefixes
from potstill.models.local.steps import Decoder


def logits(decoder, prompts, limits, seed):
    """Return the logits before each token of each row, (tokens, vocabulary), while drawn tokens are written."""
    rng = random.Random(seed)
    tokens = {row: rng.choices(range(3, 60), k=limits[row]) for row in prompts}
    written, seen, ended = {row: [] for row in prompts}, {row: [] for row in prompts}, {}
    with torch.inference_mode():
        for alive, shown in decoder.steps(prompts, max(limits.values()), written, ended):
            for row, one in zip(alive, shown, strict=True):
                if row not in ended:
                    seen[row].append(one)
                    written[row].append(tokens[row][len(written[row])])
                    if len(written[row]) == limits[row]:
                        ended[row] = "length"
    return {row: torch.stack(shown) for row, shown in seen.items()}


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("number", range(4))
def test_rows_of_a_prompt_are_given_what_each_alone_is_given(number, kind, monkeypatch):
    monkeypatch.setattr(prefixes, "AHEAD", 4)  # so that room is made again
    rng = random.Random(number)
    model = tiny_families.build("llama", 4, number).to(kind)
    assert model.config.num_key_value_heads < model.config.num_attention_heads
    decoder = Decoder(model, 128)
    assert decoder._shares
    asked = [rng.choices(range(3, 60), k=rng.randint(1, 24)) for _ in range(4)]
    # prompts in turn, unlike in how many rows follow each; whole groups end before others
    prompts = {row: asked[rng.randrange(4) if row > 3 else row] for row in range(14)}
    limits = {row: rng.randint(1, 5) if prompts[row] is asked[0] else rng.randint(1, 14) for row in prompts}
    before = model.config._attn_implementation
    together = logits(decoder, prompts, limits, number)
    assert model.config._attn_implementation == before
    decoder._shares = False
    apart = logits(decoder, prompts, limits, number)
    # of bf16 the whole is compared: these weights let single logits swing with the last bit of a score
    bound = 1e-4 if kind is torch.float32 else 0.2
    for row, shown in together.items():
        assert (shown - apart[row]).norm() <= bound * apart[row].norm()


def test_a_model_whose_attention_is_another_keeps_its_own():
    shares = {name: Decoder(tiny_families.build(name, 4, 0), 128)._shares for name in tiny_families.NAMES}
    assert shares["llama"]
    assert not any(
        shares[name]
        for name in ("gpt_oss", "gemma2", "falcon alibi", "bloom", "mpt", "mamba", "llama4_text", "qwen2 windowed")
    )
