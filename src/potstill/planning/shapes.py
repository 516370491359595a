"""What a model's dimensions are, without its weights and without torch: from its folder, the recipe, or a table."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from potstill.models.flops import ModelShape, tensors_of
from potstill.planning.figures import Basis
from potstill.recipe import Scratch, Student

PACKAGED, PACKAGED_HUB = "smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"
_VARIANTS = ("-Instruct", "-Base", "-Thinking", "-It")
"""Endings of hub names behind which the shape is that of the name without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The dimensions of a decoder of gated feed-forward layers, as Llama, Qwen and SmolLM are.

    `kv` heads have keys and values of their own, a head is `width` channels, `inner` is the width of the feed-forward
    part. `weights` is their number where files tell it. `how` says where all this is from.
    """

    hidden: int
    layers: int
    heads: int
    kv: int
    width: int
    inner: int
    vocabulary: int
    tied: bool = False
    bias: bool = False
    norms: bool = False
    weights: int | None = None
    basis: Basis = "known"
    how: str = ""

    @property
    def linear(self) -> int:
        """Weights of the matrices in the layers."""
        attention = 2 * self.hidden * self.width * (self.heads + self.kv)
        return self.layers * (attention + 3 * self.hidden * self.inner)

    @property
    def head(self) -> int:
        """Weights of the output head."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights, those that two matrices share once."""
        if self.weights is not None:
            return self.weights
        small = 2 * self.hidden + (2 * self.width if self.norms else 0)
        small += self.width * (self.heads + 2 * self.kv) if self.bias else 0
        return self.linear + self.layers * small + self.hidden + self.head * (1 if self.tied else 2)

    @property
    def shape(self) -> ModelShape:
        """What decides its arithmetic."""
        body = self.parameters - self.head * (1 if self.tied else 2)
        return ModelShape(
            body=body, layers=self.layers, attention=self.heads * self.width, vocabulary=self.vocabulary,
            hidden=self.hidden,
        )  # fmt: skip

    @property
    def cached(self) -> int:
        """Numbers of a key-value cache for each token."""
        return 2 * self.layers * self.kv * self.width

    def adapters(self, rank: int) -> int:
        """Return the weights of adapters of `rank` on all matrices of the layers."""
        attention = self.width * self.heads
        queries = 2 * (self.hidden + attention) + 2 * (self.hidden + self.width * self.kv)
        return self.layers * rank * (queries + 3 * (self.hidden + self.inner))


def of_student(student: Student, data: Path) -> Architecture | None:
    """Return the architecture of a base student, None where nothing at hand says it."""
    return of_scratch(student.scratch) if student.scratch is not None else of_model(str(student.model), data)


def of_scratch(scratch: Scratch) -> Architecture:
    """Return the architecture of a student from nothing; the vocabulary is the largest that it can have."""
    return Architecture(
        hidden=scratch.hidden, layers=scratch.layers, heads=scratch.heads, kv=scratch.heads,
        width=scratch.hidden // scratch.heads, inner=scratch.intermediate, vocabulary=scratch.vocabulary, tied=True,
        how="student.scratch",
    )  # fmt: skip


def of_model(name: str, data: Path) -> Architecture | None:
    """Return the architecture of a checkpoint by its folder, relative to `data`, or its hub name.

    A hub name is looked up among what an earlier download left on this machine, then in the table of `bases.yaml`.
    """
    folder = data / Path(name).expanduser()
    if (folder / "config.json").is_file():
        return of_folder(folder)
    for snapshot in _downloaded(PACKAGED_HUB if name == PACKAGED else name):
        if (found := of_folder(snapshot)) is not None:
            return found
    return _from_table(PACKAGED_HUB if name == PACKAGED else name)


def of_folder(folder: Path) -> Architecture | None:
    """Return the architecture of a checkpoint folder; None where its config says none that formulas here are for."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    found = _of_config(config, f"{folder / 'config.json'}") if isinstance(config, dict) else None
    if found is None:
        return None
    tensors = dict(tensors_of(folder))
    if not tensors:
        return found
    tied = not any(name.startswith("lm_head.") for name in tensors)
    return replace(found, weights=sum(tensors.values()), tied=tied, how=f"the headers of the weights in {folder}")


def _of_config(config: Mapping[str, Any], how: str) -> Architecture | None:
    config = config.get("text_config") or config
    if any(config.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts")):
        return None  # which weights a token meets is no matter of dimensions alone
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    sizes = [config.get(name) for name in names]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    hidden, layers, heads, inner, vocabulary = (int(size) for size in sizes if size is not None)
    kind = str(config.get("model_type", ""))
    return Architecture(
        hidden=hidden, layers=layers, heads=heads, kv=int(config.get("num_key_value_heads") or heads),
        width=int(config.get("head_dim") or hidden // heads), inner=inner, vocabulary=vocabulary,
        tied=bool(config.get("tie_word_embeddings", kind.startswith("gemma"))),
        bias=bool(config.get("attention_bias", kind == "qwen2")), norms=kind == "qwen3", how=how,
    )  # fmt: skip


def _downloaded(name: str) -> list[Path]:
    """Return the snapshots of a hub name in the cache of the Hub's client, the newest first."""
    if name.count("/") != 1:
        return []
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    found = (cache / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/config.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.stat().st_mtime, reverse=True)


def _from_table(name: str) -> Architecture | None:
    known = bases()
    stem = next((name.removesuffix(end) for end in _VARIANTS if name.endswith(end)), name)
    there = next((one for one in (name, stem) if one in known), None)
    if there is None:
        return None
    return replace(known[there], how=f"planning/bases.yaml, {there}")


@functools.cache
def bases() -> Mapping[str, Architecture]:
    """Return the shapes of `bases.yaml` by hub name."""
    import yaml

    text = resources.files("potstill.planning").joinpath("bases.yaml").read_text(encoding="utf-8")
    found = {}
    for name, given in yaml.safe_load(text).items():
        own = {"width": given["hidden"] // given["heads"], **given}
        found[name] = Architecture(**own)
    return found
