"""The tensors of a checkpoint's files: their names and types, read without values, and what is wrong with them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.text import parting

FLOATS = ("F64", "F32", "F16", "BF16", "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16")
"""How files name the types whose values stand for themselves."""
_SMALL = re.compile(r"(?:F|torch\.float)[468](?:_|$)")  # F8_E4M3, torch.float8_e4m3fn
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE = ("model.safetensors", "pytorch_model.bin")
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.")
"""Left by torch.compile, FSDP and others: `model._orig_mod.layers.0.mlp.up_proj.weight`."""
_EXPERT = re.compile(r"^(.*\bexperts\.)(\d+)(\..+)$")  # model.layers.0.mlp.experts.3.up_proj.weight
_UNUSED = re.compile(
    r"^(?:model\.)?(?:vision_\w+|visual|audio_\w+|multi_modal_projector|mm_projector|embed_vision|embed_audio|mtp\w*"
    r"|v_head|talker|token2wav|code2wav)\."  # parts for images, sound, several tokens at once, value heads
    r"|(?:^|\.)rotary_emb\.inv_freq$"  # computed from the config
    r"|\.(?:attn|attention)\.(?:masked_)?bias$"  # the causal mask of GPT-2 and its kin, not a bias
)
"""`visual.blocks.0.attn.qkv.weight`, `mtp.0.enorm.weight`: parts that a language model may lack."""
_MTP = re.compile(r"^model\.layers\.(\d+)\.")  # DeepSeek's layers for further tokens follow the last layer
_LORA = re.compile(r"\.(?:lora_[AB]|lora_embedding_[AB]|base_layer|modules_to_save)\.")
"""`model.layers.0.self_attn.q_proj.lora_A.default.weight`."""
SHOWN = 3
"""Tensors that a message names."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file: its type in the file's own words, its shape, and the file's name."""

    dtype: str
    shape: tuple[int, ...]
    file: str


def files_of(name: str) -> list[Path]:
    """Return the weight files of a folder, or of a hub name in the cache, that transformers reads."""
    from transformers.utils.hub import cached_file

    def found(file: str) -> Path | None:
        path = cached_file(name, file, local_files_only=True, _raise_exceptions_for_missing_entries=False)
        return Path(path) if path else None

    for single, index in zip(SINGLE, INDEXES, strict=True):
        if path := found(single):
            return [path]
        if path := found(index):
            shards = sorted(set(json.loads(path.read_bytes())["weight_map"].values()))
            return [shard for shard in map(found, shards) if shard]
    return []


def rivals(folder: Path) -> str:
    """Return the two places in which a folder has weights of one kind, or an empty text: only one is ever read."""
    for single, index in zip(SINGLE, INDEXES, strict=True):
        if (folder / single).is_file() and (folder / index).is_file():
            return f"{single} and the shards of {index}"
    return ""


def stored(files: Iterable[Path]) -> tuple[dict[str, Stored], list[str]]:
    """Return the tensors of files by name, and the names that two files hold; their values are not read.

    Raises what safetensors and torch raise where a file is damaged.
    """
    tensors: dict[str, Stored] = {}
    twice: list[str] = []
    for path in files:
        for name, dtype, shape in _listed(path):
            if name in tensors:
                twice.append(name)
            tensors[name] = Stored(dtype, shape, path.name)
    return tensors, twice


def _listed(path: Path) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                part = file.get_slice(name)
                yield name, str(part.get_dtype()), tuple(part.get_shape())
        return
    import torch

    for name, tensor in torch.load(path, map_location="meta", weights_only=True).items():
        if isinstance(tensor, torch.Tensor):
            yield name, str(tensor.dtype), tuple(tensor.shape)


def read(files: Iterable[Path], renamed: Mapping[str, str]) -> dict[str, Any]:
    """Return the tensors of files under new names."""
    import torch
    from safetensors.torch import load_file

    found: dict[str, Any] = {}
    for path in files:
        if path.suffix == ".safetensors":
            tensors: dict[str, Any] = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        found |= {renamed[name]: tensor for name, tensor in tensors.items() if name in renamed}
    return found


def ambiguous(tensors: Mapping[str, Stored], twice: Sequence[str], prefix: str) -> str:
    """Return why the names do not say which tensor goes where, or an empty text.

    `prefix` is the one that base models leave out, such as `model`. Experts are taken in the order of their numbers,
    so that one that is missing moves all that follow it into another's place.
    """
    both = [name for name in tensors if prefix and f"{prefix}.{name}" in tensors]
    if doubled := [*twice, *both]:
        return f"they hold {listed(doubled)} twice"
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name in tensors:
        if match := _EXPERT.match(name):
            numbers[match[1], match[3]].add(int(match[2]))
    lacking = [
        f"{head}{number}{tail}" for (head, tail), seen in numbers.items() for number in range(max(seen))
        if number not in seen
    ]  # fmt: skip
    return f"they lack {listed(lacking)}" if lacking else ""


def coded(tensors: Mapping[str, Stored], parameters: Set[str], prefix: str) -> list[str]:
    """Return the tensors whose values mean nothing without scales: floats of few bits, or whole numbers as weights.

    `parameters` are the names of the model's own.
    """
    return [
        name for name, tensor in tensors.items()
        if _SMALL.match(tensor.dtype)
        or (tensor.dtype not in FLOATS and not parameters.isdisjoint({name, f"{prefix}.{name}"}))
    ]  # fmt: skip


def without_wrappers(names: Sequence[str], own: Set[str], prefix: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield ways to rename a checkpoint's tensors without what programs put around the model, and what that was.

    First without the wrappers of known programs, which stand anywhere; then also without the longest beginning that all
    names share which are not the model's `own`.
    """
    renamed = {name: _WRAPPERS.sub("", name) for name in names}
    gone = sorted({match for name in names for match in _WRAPPERS.findall(name)})
    if gone:
        yield renamed, gone
    strange = [
        name for name in renamed.values()
        if own.isdisjoint({name, f"{prefix}.{name}", name.removeprefix(f"{prefix}.")}) and not unused(name)
    ]  # fmt: skip
    if common := _beginning(strange):
        yield {name: new.removeprefix(common) for name, new in renamed.items()}, [*gone, common]


def _beginning(names: Sequence[str]) -> str:
    """Return the longest run of whole parts that all names begin with: `base_model.model.`"""
    if not names:
        return ""
    first, last = min(names).split(".")[:-1], max(names).split(".")[:-1]
    return "".join(f"{part}." for part in first[: parting(first, last)])


def unused(name: str, layers: int = 0, further: int = 0) -> bool:
    """Return whether a tensor belongs to a part that a language model does without.

    `further` layers after its `layers` are for the prediction of several tokens at once.
    """
    layer = _MTP.match(name)
    return bool(_UNUSED.search(name)) or (layer is not None and layers <= int(layer[1]) < layers + further)


def purpose(names: Sequence[str]) -> str:
    """Return what tensors without a place are usually for, as the end of a message."""
    if any(_LORA.search(name) for name in names):
        return ": a LoRA adapter that was never merged; merge it into its base and save that"
    if any(name.endswith(("_scale", "_scale_inv", "qweight", "qzeros", "scales", "absmax")) for name in names):
        return ": a quantised model; take the one it was made from"
    # `score.weight`, `model.classifier.dense.bias`
    if any(re.search(r"(?:^|\.)(?:score|classifier|classification_head|qa_outputs)\.", name) for name in names):
        return ": the head of a classifier, not of a language model"
    return ": config.json describes another model than the files hold"


def listed(names: Iterable[object]) -> str:
    """Return the first of some names and how many more there are."""
    known = sorted({str(name) for name in names})
    more = f" and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
    return ", ".join(known[:SHOWN]) + more
