"""A checkpoint as OpenVINO reads it: one graph that remembers what it has read, whatever the architecture.

`python -m potstill.export.openvino.converting FOLDER OUT TYPE STOPS` traces the model of transformers with its cache as
inputs and outputs, ties those to states inside of the graph, and narrows the weights. Inputs and states have the names
that openvino-genai looks for.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from potstill.export.folders import Widths
from potstill.export.openvino import GROUPS
from potstill.models.local.openvino import untold
from potstill.train import students

PAST, PRESENT = "past_key_values", "present"
TOKENS = 3
"""Of the example that is traced, with as many before it: any number that no axis has by chance."""


def main(given: str, made: str, kind: str, stops: str) -> None:
    """Write the folder."""
    untold()
    import openvino
    import openvino_tokenizers

    warnings.simplefilter("ignore")
    model, tokenizer = students.load(Path(given))
    folder = Path(made)
    folder.mkdir(parents=True)
    graph = graph_of(model)
    remember(graph)
    narrow(graph, kind, model.config)
    openvino.save_model(graph, folder / "openvino_model.xml", compress_to_fp16=kind != "fp32")
    cut, join = openvino_tokenizers.convert_tokenizer(tokenizer, with_detokenizer=True)
    openvino.save_model(cut, folder / "openvino_tokenizer.xml")
    openvino.save_model(join, folder / "openvino_detokenizer.xml")
    tokenizer.save_pretrained(folder)
    model.config.save_pretrained(folder)
    model.generation_config.eos_token_id = [int(stop) for stop in stops.split(",")]
    model.generation_config.save_pretrained(folder)


def graph_of(model: Any) -> Any:  # noqa: ANN401 - models of transformers and of openvino
    """Return the graph of a causal model of fp32: tokens, which of them count, their places and its cache in, out come
    logits and cache.
    """
    import openvino
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class Stepping(torch.nn.Module):
        """One step; the mask is told whole, for transformers would look into a cache for its length."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, position_ids: Any, *past: Any) -> Any:  # noqa: ANN401
            cache, filled = DynamicCache(), []
            for keys, values in zip(past[::2], past[1::2], strict=True):
                layer = DynamicLayer()  # type: ignore[no-untyped-call]
                layer.lazy_initialization(keys, values)
                layer.keys, layer.values = keys, values
                cache.layers.append(layer)
                filled.append(layer)
            known, new = attention_mask.shape[1], input_ids.shape[1]
            places = torch.arange(known)
            seen = places[None, :] <= places[known - new :][:, None]
            mask = seen[None, None] & attention_mask[:, None, None, :].to(torch.bool)
            told = self.model(
                input_ids=input_ids, attention_mask=mask, position_ids=position_ids, past_key_values=cache,
                use_cache=True,
            )  # fmt: skip
            return told.logits, *(held for layer in filled for held in (layer.keys, layer.values))

    config = model.config
    heads, layers = config.num_key_value_heads or config.num_attention_heads, config.num_hidden_layers
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    ids = torch.ones((2, TOKENS), dtype=torch.int64)
    places = torch.arange(TOKENS, 2 * TOKENS).expand(2, -1)
    past = [torch.zeros((2, heads, TOKENS, width)) for _ in range(2 * layers)]
    with torch.no_grad():
        graph = openvino.convert_model(
            Stepping().eval(), example_input=(ids, torch.ones((2, 2 * TOKENS), dtype=torch.int64), places, *past)
        )
    names = [f"{layer}.{what}" for layer in range(layers) for what in ("key", "value")]
    inputs = ["input_ids", "attention_mask", "position_ids", *(f"{PAST}.{name}" for name in names)]
    outputs = ["logits", *(f"{PRESENT}.{name}" for name in names)]
    for ports, own in ((graph.inputs, inputs), (graph.outputs, outputs)):
        for port, name in zip(ports, own, strict=True):
            port.get_tensor().set_names({name})
    for number, port in enumerate(graph.inputs):
        shape = [-1, -1] if number < 3 else [-1, heads, -1, width]  # the first: tokens, mask and places
        port.get_node().set_partial_shape(openvino.PartialShape(shape))
    graph.validate_nodes_and_infer_types()
    return graph


def remember(graph: Any) -> None:  # noqa: ANN401
    """Make states of what the graph has of its cache: empty at first, and in the order of `beam_idx` at each step."""
    import numpy as np
    import openvino
    from openvino import opset13 as ops
    from openvino._offline_transformations import apply_make_stateful_transformation

    order = ops.parameter(openvino.PartialShape([-1]), np.int32, name="beam_idx")
    order.output(0).get_tensor().set_names({"beam_idx"})
    graph.add_parameters([order])
    states = {
        name: name.replace(PAST, PRESENT)
        for port in graph.inputs for name in port.get_names() if name.startswith(PAST)
    }  # fmt: skip
    for name in states:
        port = graph.input(name)
        readers = port.get_target_inputs()
        ordered = ops.gather(port, order, ops.constant(np.int64(0)))
        for reader in readers:
            reader.replace_source_output(ordered.output(0))
    graph.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(graph, states)
    rows = ops.gather(ops.shape_of(graph.input("input_ids")), ops.constant([0]), ops.constant(np.int64(0)))
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            _, heads, _, width = node.get_output_partial_shape(0)
            rest = ops.constant([heads.get_length(), 0, width.get_length()])
            empty = ops.concat([rows, rest], axis=0)
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), empty)])
    graph.validate_nodes_and_infer_types()


def narrow(graph: Any, kind: str, config: Any) -> None:  # noqa: ANN401
    """Let nncf give the weights fewer bits: 8 throughout, or 4 with an embedding and a head of 8."""
    if kind not in ("int8", "int4"):
        return
    import nncf

    if kind == "int8":
        nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_ASYM)
        return
    shape = Widths.of(config.to_dict())
    size = shape and shape.group(GROUPS)
    nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT4_ASYM, group_size=size or -1)


if __name__ == "__main__":
    main(*sys.argv[1:])
