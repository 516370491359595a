"""Low-rank adapters (LoRA) on every weight matrix that can carry one, and which matrices stay as they are."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from potstill import recipe
from potstill.errors import MissingExtraError, StudentError

CLOSE = 1e-3
"""How far the merged model may be from the adapted one, as a share of the largest logit."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Names of what is adapted: linear modules and stacked experts; `left` are the other matrices."""

    modules: tuple[str, ...]
    parameters: tuple[str, ...]
    left: tuple[str, ...]


def targets_of(model: Any, dropout: float) -> Targets:  # noqa: ANN401 - a Hugging Face model
    """Return what of a model is adapted: all linear modules but the output head, and the experts of mixtures.

    Left are modules that do more than multiply, whose weight the model reads itself, past any adapter (state spaces
    hand some to their kernels), or that several layers share, for merging would count each of them (Zamba); and experts
    under dropout, which cannot be applied to them. Embeddings and the output head are never adapted and not listed.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    modules: list[str] = []
    parameters: list[str] = []
    left: list[str] = []
    places = Counter(id(weight) for _, weight in model.named_parameters(remove_duplicate=False))
    for name, module in model.named_modules():
        above, _, last = name.rpartition(".")
        if module is head or isinstance(module, torch.nn.Embedding):
            continue
        if isinstance(module, torch.nn.Linear | Conv1D):
            alone = places[id(module.weight)] == 1
            if alone and _multiplies(module) and not _read_past(model.get_submodule(above), last):
                modules.append(name)
                continue
        for own, weight in module.named_parameters(recurse=False):
            if weight.ndim == 3 and "expert" in name and not dropout:
                parameters.append(f"{name}.{own}")
            elif weight.ndim >= 2 and not own.endswith("bias"):
                left.append(f"{name}.{own}")
    return Targets(tuple(modules), tuple(parameters), tuple(left))


def _multiplies(module: Any) -> bool:  # noqa: ANN401
    """Return whether a linear module only multiplies by its weight; DeepSeek-V4 and Phi-MoE have some that do more."""
    import torch

    if type(module).forward is torch.nn.Linear.forward or not isinstance(module, torch.nn.Linear):
        return True
    given = torch.linspace(-1, 1, 2 * module.in_features).reshape(1, 2, -1).to(module.weight)
    try:
        with torch.no_grad():
            found = module(given)
    except (RuntimeError, TypeError, ValueError):  # rows of another shape
        return False
    plain = torch.nn.functional.linear(given, module.weight, module.bias)
    return isinstance(found, torch.Tensor) and found.shape == plain.shape and torch.allclose(found, plain, atol=1e-5)


def _read_past(owner: Any, name: str) -> bool:  # noqa: ANN401 - a module
    """Return whether the code of a module takes the weight of a part of it, as `self.out_proj.weight`."""
    return bool(name) and re.search(rf"self\.{name}\.weight\b(?!\.device)", _source(owner.__class__)) is not None


@functools.cache
def _source(cls: type) -> str:
    return inspect.getsource(cls)


def adapt(model: Any, lora: recipe.Lora, seed: int) -> Any:  # noqa: ANN401
    """Return the model with low-rank adapters; prints one line that names the matrices without one.

    Raises:
        MissingExtraError: peft is absent.
        StudentError: nothing of the model can be adapted.
    """
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as cause:
        raise MissingExtraError("student.lora", "peft", "train") from cause
    targets = targets_of(model, lora.dropout)
    if not targets.modules and not targets.parameters:
        raise StudentError(f"student.lora: {type(model).__name__} has no matrix to adapt; train it without lora")
    if targets.left:
        experts = lora.dropout and any("expert" in name for name in targets.left)
        why = "; experts take none under dropout" if experts else ""
        print(f"note: student.lora leaves these as they are: {', '.join(told(targets.left))}{why}", file=sys.stderr)
    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(targets.modules),
        target_parameters=list(targets.parameters) or None,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), _nameless(model.config):
        warnings.simplefilter("ignore")  # renamed properties of transformers, GPT-2's transposed weights
        torch.manual_seed(seed)
        adapted = get_peft_model(model, settings)
    _check_all(adapted, targets)
    return adapted


@contextlib.contextmanager
def _nameless(config: Any) -> Iterator[None]:  # noqa: ANN401
    """Hide from peft which family this is.

    Of mixtures it would take the shared projections for those of the experts, which have the names that experts had in
    older versions, and drop them; of state spaces it refuses every `out_proj`, whether read past or not.
    """
    config.model_type = ""
    try:
        yield
    finally:
        del config.model_type


def merged(adapted: Any) -> Any:  # noqa: ANN401
    """Return the model with its adapters merged into the weights; StudentError where it is another one then."""
    import torch

    adapted.eval()
    row = torch.arange(12, device=adapted.device).remainder(adapted.config.get_text_config().vocab_size)[None]
    with torch.no_grad():
        before = adapted(input_ids=row, use_cache=False).logits.float()
        model = adapted.merge_and_unload()
        after = model(input_ids=row, use_cache=False).logits.float()
    if not bool((before - after).abs().max() <= CLOSE * before.abs().max()):
        raise StudentError(
            f"student.lora: merged into the weights of {type(model).__name__} the adapters do not do what they did "
            "beside them; train it without lora"
        )
    return model


def told(names: Sequence[str]) -> Iterator[str]:
    """Yield names with their layers' numbers left out and counted: `model.layers.*.mlp.gate.weight (4)`."""
    # `model.layers.3.mlp` is one of `model.layers.*.mlp`.
    counts = Counter(re.sub(r"\.\d+\.", ".*.", name) for name in names)
    yield from (f"{name} ({count})" for name, count in counts.items())


def _check_all(adapted: Any, targets: Targets) -> None:  # noqa: ANN401
    """Raise StudentError unless every target carries an adapter: peft matches names by patterns of its own."""
    from peft.tuners.lora import LoraLayer
    from peft.tuners.lora.layer import ParamWrapper

    wrapped = [module for _, module in adapted.named_modules() if isinstance(module, LoraLayer)]
    stacked = sum(isinstance(module, ParamWrapper) for module in wrapped)
    if (len(wrapped) - stacked, stacked) != (len(targets.modules), len(targets.parameters)):
        raise StudentError(
            f"student.lora: adapters on {len(wrapped)} of {len(targets.modules) + len(targets.parameters)} matrices; "
            "this is a fault of potstill or peft"
        )
