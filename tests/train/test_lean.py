"""Layers that keep less: the same values to the bit, gradients as good, other layers left alone."""

import copy

import pytest
import torch
from models import families, tiny_families

from potstill.train import lean
from potstill.train.fitness import body_of

IDS = torch.arange(1, 41).reshape(2, 20)


def model_of(name):
    return tiny_families.random_model(families.tiny(name), 0).train()


def step(model, *, bf16=True):
    """Return hidden states, gradients by name and bytes kept of a forward and a backward pass."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model.zero_grad()
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x),
    ):
        hidden = body_of(model)(input_ids=IDS, use_cache=False).last_hidden_state
    (hidden * torch.linspace(-1, 1, hidden.shape[-1], dtype=hidden.dtype)).sum().backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    return hidden.detach(), gradients, sum(kept.values())


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3", "mistral", "smollm3", "granite"])
def test_values_are_the_same_and_gradients_as_good(name):
    model = model_of(name)
    exact = step(copy.deepcopy(model).double(), bf16=False)[1]
    plain, gradients, kept = step(model)
    assert lean.settle(model)
    hidden, lean_gradients, less = step(copy.deepcopy(model))  # a copy runs with weights of its own
    assert torch.equal(hidden, plain)
    assert less < kept
    assert gradients.keys() == lean_gradients.keys()

    def error(found):
        return sum(float((found[key] - exact[key]).norm() / exact[key].norm()) for key in exact) / len(exact)

    assert error(lean_gradients) <= 1.1 * error(gradients)


def test_without_autocast_nothing_changes():
    model = model_of("llama")
    plain, gradients, kept = step(model, bf16=False)
    assert lean.settle(model)
    hidden, same, as_much = step(model, bf16=False)
    assert torch.equal(hidden, plain)
    assert as_much <= kept
    assert all(torch.equal(gradients[key], same[key]) for key in gradients)


@pytest.mark.parametrize("name", ["gemma3_text", "olmo2", "gpt2", "mamba2"])
def test_layers_of_another_kind_are_left_alone(name):
    model = model_of(name)
    assert not lean.settle(model)
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_model_that_would_give_other_values_is_given_back(monkeypatch):
    model = model_of("llama")
    wrong = lambda self, x: type(self).forward(self, x) * (1.01 if torch.is_grad_enabled() else 1)  # noqa: E731
    monkeypatch.setattr(lean, "_normed", wrong)
    with torch.no_grad():  # whoever calls it
        assert not lean.settle(model)
    assert not any("forward" in vars(module) for module in model.modules())
