"""How much each column of a matrix counts: the mean square of what the run's own examples multiply it with.

llama.cpp calls it the importance matrix: types of few bits then spend their precision on the columns that matter. It is
measured on examples of training, never on the problems by which the files are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.errors import AuditError
from potstill.export import Said
from potstill.export.gguf.architectures import Converter
from potstill.train.render import render, stop_texts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Importance:
    """Mean squares, by the name of a tensor in GGUF: (columns,); and of how many `rows` and `tokens` they are."""

    columns: dict[str, Array]
    rows: int
    tokens: int


def importance_of(
    model: Any, tokenizer: Any, architecture: Converter, student: recipe.Student, stops: Sequence[int],  # noqa: ANN401
    examples: Sequence[Said],
) -> Importance:  # fmt: skip
    """Read the examples as training rendered them, and return what each matrix was multiplied with.

    A tied head counts for the embedding, which is the same tensor. Examples that cannot be rendered, which training
    dropped too, are left out.
    """
    import torch

    sums, texts = dict[str, Any](), stop_texts(tokenizer, stops)
    rows = tokens = 0
    with _listening(model, architecture, sums), torch.inference_mode():
        for said in examples:
            try:
                text = render(tokenizer, student, said.prompt, said.reasoning, said.answer, texts).text
            except AuditError:
                continue
            ids = tokenizer(text, add_special_tokens=False)["input_ids"][: model.config.max_position_embeddings]
            model(input_ids=torch.tensor([ids], device=model.device))
            rows, tokens = rows + 1, tokens + len(ids)
    means = {name: (total / max(1, tokens)).float().cpu().numpy() for name, total in sums.items()}
    return Importance(means, rows, tokens)


@contextmanager
def _listening(model: Any, architecture: Converter, sums: dict[str, Any]) -> Iterator[None]:  # noqa: ANN401
    """Add the squares of what every matrix gets to `sums` while the block runs; float64: (columns,)."""
    import gguf
    import torch

    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture.name)
    known = gguf.get_tensor_name_map(number, model.config.num_hidden_layers)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    handles = []

    def hear(own: str, given: Any) -> None:  # noqa: ANN401 - a tensor: (1, tokens, columns)
        squares = given.detach().reshape(-1, given.shape[-1]).double().square().sum(dim=0)
        sums[own] = squares if own not in sums else sums[own] + squares

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            head = module is model.get_output_embeddings()
            own = known.get_name("model.embed_tokens" if head and tied else name)
            if own is not None:
                handles.append(
                    module.register_forward_pre_hook(lambda _, inputs, own=own: hear(f"{own}.weight", inputs[0]))
                )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
