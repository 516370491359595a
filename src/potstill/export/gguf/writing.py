"""One GGUF file: its metadata first, then each tensor in the type of its mix, one in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.export.card import Card
from potstill.export.gguf.architectures import architecture_of, tensors_of, write_settings
from potstill.export.gguf.importance import Importance
from potstill.export.gguf.mixes import MIXES, types_of
from potstill.export.gguf.quantising import possible, quantised
from potstill.export.gguf.vocabulary import Vocabulary
from potstill.export.likeness import ConversionError
from potstill.models.local.loading import context_of
from potstill.recipe import Evaluate

LARGEST_F16 = 65_504.0


@dataclass(frozen=True, kw_only=True)
class Content:
    """What every file of an export holds alike. `tensors` are (name, tensor of fp32) by their name in GGUF."""

    card: Card
    config: Any
    tensors: Sequence[tuple[str, Any]]
    vocabulary: Vocabulary
    cutting: str
    template: str
    evaluate: Evaluate
    importance: Importance | None = None

    def types(self, name: str) -> dict[str, str]:
        """Return the type of each tensor in the mix `name`.

        Raises:
            ConversionError: a type of it cannot be written here, or a weight is too large for it.
        """
        types = types_of(MIXES[name], [(own, tuple(tensor.shape)) for own, tensor in self.tensors])
        for kind in dict.fromkeys(types.values()):
            if why := possible(kind):
                able = ", ".join(one for one in MIXES if not any(possible(k) for k in set(self._of(one))))
                raise ConversionError(f"export.gguf: {name} needs {kind}, which cannot be written ({why}); {able} can")
        for own, tensor in self.tensors:
            if types[own] == "F16" and float(tensor.abs().max()) > LARGEST_F16:
                raise ConversionError(f"export.gguf: {own} has weights that are too large for F16: take f32 or bf16")
        return types

    def _of(self, name: str) -> list[str]:
        return list(types_of(MIXES[name], [(own, tuple(tensor.shape)) for own, tensor in self.tensors]).values())

    def size(self, name: str) -> int:
        """Return the bytes of all tensors in the mix `name`."""
        types = self.types(name)
        return sum(bytes_of(types[own], tuple(tensor.shape)) for own, tensor in self.tensors)


def content_of(model: Any, **others: Any) -> Content:  # noqa: ANN401
    """Return what is written of a model; `others` are the further fields of `Content`."""
    config = model.config
    return Content(config=config, tensors=list(tensors_of(architecture_of(config), config, model)), **others)


def bytes_of(kind: str, shape: tuple[int, ...]) -> int:
    """Return the bytes of a tensor."""
    import gguf

    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    return math.prod(shape) // block * size


def write(content: Content, name: str, file: Path) -> dict[str, Any]:
    """Write the mix `name` and return what is in it: bytes, bits per weight in all and by tensor, tensors by type."""
    import gguf

    types = content.types(name)
    writer = gguf.GGUFWriter(file, architecture_of(content.config).name)
    _describe(content, name, writer)
    for own, tensor in content.tensors:
        kind = gguf.GGMLQuantizationType[types[own]]
        shape = tuple(tensor.shape)
        # A type of blocks is told in bytes, as the writer wants it, and turned back by it.
        block, size = gguf.GGML_QUANT_SIZES[kind]
        told = shape if block == 1 and types[own] != "BF16" else (*shape[:-1], shape[-1] // block * size)
        dtype = {"F32": "float32", "F16": "float16"}.get(types[own], "uint8")
        writer.add_tensor_info(own, told, _dtype(dtype), bytes_of(types[own], shape), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for own, tensor in content.tensors:
        columns = None if content.importance is None else content.importance.columns.get(own)
        writer.write_tensor_data(quantised(tensor.numpy(), types[own], columns))
    writer.close()
    weights = sum(math.prod(tensor.shape) for _, tensor in content.tensors)
    held = {own: bytes_of(types[own], tuple(tensor.shape)) for own, tensor in content.tensors}
    return {
        "type": name,
        "bytes": file.stat().st_size,
        "bits_per_weight": round(8 * sum(held.values()) / weights, 3),
        "tensors": {
            own: {"type": types[own], "bits_per_weight": round(8 * held[own] / math.prod(tensor.shape), 3)}
            for own, tensor in content.tensors
        },
    }


def _dtype(name: str) -> Any:  # noqa: ANN401
    import numpy as np

    return np.dtype(name)


def _describe(content: Content, name: str, writer: Any) -> None:  # noqa: ANN401
    """Write what people, and programs that draw tokens, are told."""
    import gguf

    card, evaluate = content.card, content.evaluate
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(card.name)
    writer.add_finetune("potstill")
    for value, add in _origin(card.base.licence, writer):
        add(value)
    writer.add_languages(card.base.languages)
    if card.base.hub:
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, card.base.name)
        writer.add_base_model_repo_url(0, f"https://huggingface.co/{card.base.hub}")
    writer.add_file_type(gguf.LlamaFileType[MIXES[name].file_type])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    if content.importance is not None:  # the keys under which llama.cpp's own quantiser says it
        writer.add_string(
            "quantize.imatrix.dataset", f"{content.importance.rows} examples of the training of {card.name}"
        )
        writer.add_int32("quantize.imatrix.entries_count", len(content.importance.columns))
        writer.add_int32("quantize.imatrix.chunks_count", content.importance.rows)
    # As it was measured: all tokens to draw from, and nothing that keeps reasoning from repeating itself.
    writer.add_sampling_temp(evaluate.temperature)
    writer.add_sampling_top_p(evaluate.top_p)
    writer.add_sampling_top_k(0)
    writer.add_sampling_min_p(0.0)
    writer.add_sampling_penalty_repeat(1.0)
    write_settings(architecture_of(content.config), content.config, context_of(content.config), writer)
    content.vocabulary.write(writer, content.cutting)
    writer.add_chat_template(content.template)


def _origin(licence: Mapping[str, str], writer: Any) -> Sequence[tuple[str, Any]]:  # noqa: ANN401
    adds = {
        "license": writer.add_license,
        "license_name": writer.add_license_name,
        "license_link": writer.add_license_link,
    }
    return [(licence[key], add) for key, add in adds.items() if key in licence]
