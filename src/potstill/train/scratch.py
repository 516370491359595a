"""A student from nothing: a small Llama with seeded weights and a tokenizer trained on the examples' own texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.local.loading import libraries

PAD, END, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"

_LONG_WORD = re.compile(r"(\S{1000})(?=\S)")
"""The first thousand characters of `aaaa...`: what is cut apart before the tokenizer is trained, whose time
grows with the square of a word's length."""
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def build(scratch: recipe.Scratch, student: recipe.Student, texts: Iterable[str], seed: int) -> tuple[Any, Any]:
    """Return (model, tokenizer); the same seed and texts give the same weights and the same vocabulary."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if scratch.hidden % scratch.heads or (scratch.hidden // scratch.heads) % 2:
        raise StudentError(
            f"student.scratch: hidden {scratch.hidden} must be an even multiple of heads {scratch.heads}, for example "
            f"{2 * scratch.heads * max(1, scratch.hidden // (2 * scratch.heads))}"
        )
    tokenizer = _tokenizer(scratch, student, texts)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=scratch.hidden,
        intermediate_size=scratch.intermediate,
        num_hidden_layers=scratch.layers,
        num_attention_heads=scratch.heads,
        num_key_value_heads=scratch.heads,
        max_position_embeddings=scratch.context,
        tie_word_embeddings=True,
        # The usual 0.02 is made for widths of a thousand; a narrow model learns late from weights as small as that.
        initializer_range=(2 * scratch.hidden) ** -0.5,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    set_stops(model, tokenizer)
    return model, tokenizer


def _tokenizer(scratch: recipe.Scratch, student: recipe.Student, texts: Iterable[str]) -> Any:  # noqa: ANN401
    """Train a byte-level BPE: every digit is its own token, any text can be written, marks are single tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    special = [PAD, END, USER, ASSISTANT]
    marks = list(dict.fromkeys(m for m in (student.reasoning_open.strip(), student.reasoning_close.strip()) if m))
    trainer = trainers.BpeTrainer(
        vocab_size=scratch.vocabulary - len(marks),
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator((_LONG_WORD.sub(r"\1 ", text) for text in texts), trainer)
    # ordinary tokens to a decoder: a reader of the response must see where the reasoning ends
    raw.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=scratch.context,
    )


def set_stops(model: Any, tokenizer: Any) -> None:  # noqa: ANN401
    """Give the model a greedy generation config with the tokenizer's own special ids."""
    model.generation_config = libraries().GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
