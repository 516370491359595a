"""Attention of long rows cut for threads: the values of torch's, gradients as exact, other cases as before."""

import pytest
import torch
from models import families, tiny_families
from torch.nn.functional import scaled_dot_product_attention

from potstill.train import evenly
from potstill.train.fitness import body_of


def plain(query, key, value):
    return scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


def gradients(call, tensors, given):
    return torch.autograd.grad(call(*tensors), tensors, given)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("tokens", [7, 64, 93])
def test_blocks_add_up_to_the_plain_gradient(threads, tokens):
    torch.manual_seed(tokens)
    tensors = [torch.randn(1, 2, tokens, 16, requires_grad=True) for _ in range(3)]
    given = torch.randn(1, 2, tokens, 16)
    out, sums = evenly._read(*tensors, 0.0, True)
    found = evenly.cut(given, *(each.detach() for each in (*tensors, out, sums)), threads=threads)
    exact = gradients(plain, [each.detach().double().requires_grad_() for each in tensors], given.double())
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


def test_a_model_gives_the_same_and_learns_the_same(monkeypatch):
    monkeypatch.setattr(evenly, "SHORTEST", 16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    calls = []
    monkeypatch.setattr(
        evenly, "cut", lambda *given, real=evenly.cut, **named: calls.append(1) or real(*given, **named)
    )
    model = tiny_families.random_model(families.tiny("qwen2"), 0).train()
    ids = torch.arange(1, 42)[None]

    def step(attention):
        model.set_attn_implementation(attention)
        model.zero_grad()
        hidden = body_of(model)(input_ids=ids, use_cache=False).last_hidden_state
        (hidden * torch.linspace(-1, 1, hidden.shape[-1])).sum().backward()
        return hidden.detach(), {name: w.grad.clone() for name, w in model.named_parameters() if w.grad is not None}

    hidden, wanted = step("sdpa")
    assert not calls
    same, found = step(evenly.register())
    assert calls
    assert torch.equal(hidden, same)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("change", ["mask", "dropout", "not causal", "two rows", "short", "no gradients"])
def test_what_is_no_long_causal_row_goes_the_plain_way(monkeypatch, change):
    monkeypatch.setattr(evenly, "SHORTEST", 50 if change == "short" else 16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(evenly, "_Even", None)
    rows = 2 if change == "two rows" else 1
    tensors = [torch.randn(rows, 2, 32, 16, requires_grad=True) for _ in range(3)]
    mask = torch.ones(rows, 1, 32, 32, dtype=torch.bool).tril() if change == "mask" else None
    module = torch.nn.Module()
    module.is_causal = change != "not causal"
    with torch.set_grad_enabled(change != "no gradients"):
        out, _ = evenly.attend(module, *tensors, mask, dropout=0.5 if change == "dropout" else 0.0)
    assert out.shape == (rows, 32, 2, 16)
