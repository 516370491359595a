"""A student's tokenizer in GGUF: its tokens, and the rule by which llama.cpp cuts texts, found by trial.

llama.cpp has a name for each rule of cutting that it knows, and refuses, or quietly cuts otherwise, where the name is
wrong. So each name is tried on texts: what is taken gives the ids that the student's own tokenizer gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.export.likeness import ConversionError
from potstill.models.llama_server import LlamaError, LlamaServer
from potstill.text import parting

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens in GGUF."""
CUTTINGS = (
    "smollm", "gpt-2", "qwen2", "llama-bpe", "gpt-4o", "tekken", "deepseek-v3", "deepseek-llm", "deepseek-coder",
    "qwen35", "llama4", "starcoder", "refact", "command-r", "falcon", "mpt", "olmo", "dbrx", "smaug-bpe", "chatglm-bpe",
    "viking", "poro-chat", "jais", "codeshell", "bloom", "gpt3-finnish", "exaone", "minerva-7b", "megrez", "superbpe",
    "trillion", "bailingmoe", "seed-coder", "hunyuan", "kimi-k2", "grok-2", "afmoe", "minimax-m2",
)  # fmt: skip
"""Names of rules of cutting in llama.cpp, those of likely students first."""
SAMPLES = (
    "Hello, World! It's 3 o'clock; they're 12,345.67 m\u00b2 away.\n\nNext\tline:  two  spaces   and\r\nmore   ",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u6709123\u4e2a\u82f9\u679c\u3002 \u0645\u0631\u062d\u0628\u0627 "
    "\u041f\u0440\u0438\u0432\u0435\u0442 na\u00efve caf\u00e9",
    "def f(x):\n    return x**2 + 1  # \u00bd \u2265 \U0001f600\U0001f600\n\n\n    y = f(1234567)",
    "$\\frac{1}{2}$ = 0.5 == 50% -- UPPERCase camelCase snake_case 007 1st 2ND",
)
"""Texts on which the rules differ, so that the right one is taken where a run's texts leave several."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer as GGUF has it: `model` is `gpt2` (bytes that are merged) or `llama` (pieces with scores).

    `tokens` has one text for each row of the embedding. `prefixed` says whether a text begins with a space.
    """

    model: str
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    prefixed: bool = False
    special: tuple[tuple[str, int], ...] = ()

    def write(self, writer: Any, cutting: str) -> None:  # noqa: ANN401 - a gguf.GGUFWriter
        """Write it."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(cutting)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        writer.add_token_merges(self.merges)
        if self.scores:
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(self.prefixed)
        for name, token in self.special:
            getattr(writer, f"add_{name}_token_id")(token)
        # What is trained on begins as the template begins, and so does what is asked.
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(False)


def vocabulary_of(tokenizer: Any, rows: int, stops: Sequence[int]) -> Vocabulary:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the vocabulary of a fast tokenizer; `rows` are those of the embedding, `stops` the ids that end a turn.

    Raises:
        ConversionError: it is of a kind that GGUF does not have.
    """
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    model = whole["model"]
    if model["type"] != "BPE":
        raise ConversionError(
            f"export.gguf: no converter for a tokenizer of the kind {model['type']} (there is for BPE)"
        )
    named = dict(model["vocab"])
    added = {entry["content"]: entry for entry in whole["added_tokens"]}
    named.update({text: entry["id"] for text, entry in added.items()})
    by_id = {number: text for text, number in named.items()}
    pieces = bool(model.get("byte_fallback"))
    merges = [pair.split(" ", 1) if isinstance(pair, str) else pair for pair in model["merges"]]
    rank: dict[str, int] = {}
    for number, (left, right) in enumerate(merges):
        rank.setdefault(left + right, number)
    tokens = tuple(by_id.get(number, f"[PAD{number}]") for number in range(rows))
    special = {"eos": tokenizer.eos_token_id, "bos": tokenizer.bos_token_id, "pad": tokenizer.pad_token_id}
    special["eot"] = next((stop for stop in stops if stop != tokenizer.eos_token_id), None)
    return Vocabulary(
        model="llama" if pieces else "gpt2", tokens=tokens,
        kinds=tuple(_kind(text, number in by_id, added, pieces, model, rank) for number, text in enumerate(tokens)),
        merges=() if pieces else tuple(" ".join(pair) for pair in merges),
        scores=tuple(float(-rank.get(text, len(rank))) for text in tokens) if pieces else (),
        prefixed=pieces and _is_prefixed(whole),
        special=tuple((name, token) for name, token in special.items() if token is not None),
    )  # fmt: skip


def _kind(
    text: str, known: bool, added: dict[str, Any], pieces: bool, model: dict[str, Any], rank: dict[str, int]
) -> int:
    if not known:
        return UNUSED
    if text in added:
        return CONTROL if added[text]["special"] else USER_DEFINED
    if not pieces:
        return NORMAL
    if text == model.get("unk_token"):
        return UNKNOWN
    if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
        return BYTE
    return NORMAL if text in rank or len(text) == 1 else UNUSED


def _is_prefixed(whole: dict[str, Any]) -> bool:
    """Whether a tokenizer of pieces puts a space before each text."""
    parts = [whole.get("normalizer") or {}, whole.get("pre_tokenizer") or {}]
    parts += [inner for part in parts for key in ("normalizers", "pretokenizers") for inner in part.get(key, ())]
    return any(
        part.get("type") == "Prepend" or (part.get("type") == "Metaspace" and part.get("prepend_scheme") != "never")
        for part in parts
    )


def cutting_of(vocabulary: Vocabulary, tokenizer: Any, texts: Sequence[str], folder: Path) -> str:  # noqa: ANN401
    """Return llama.cpp's name of the rule that cuts `texts` as the tokenizer does; files for trials go to `folder`.

    Of several that do the one is taken that cuts most of `SAMPLES` alike, then the first.

    Raises:
        ConversionError: none does; the difference that the best of them makes is named.
    """
    wanted, further = ([_ids(tokenizer, text) for text in some] for some in (texts, SAMPLES))
    best, score, differing = "", -1, ""
    # Pieces are merged by their scores alone, so that there is one rule.
    for name in CUTTINGS if vocabulary.model == "gpt2" else ("default",):
        found = _tried(vocabulary, name, [*texts, *SAMPLES], folder)
        if found is None:
            continue
        same = [own == one for own, one in zip(found, wanted + further, strict=True)]
        of_texts, of_samples = sum(same[: len(texts)]), sum(same[len(texts) :])
        if of_texts == len(texts) and of_samples == len(SAMPLES):
            return name
        if of_texts * (len(SAMPLES) + 1) + of_samples > score:
            best, score = name, of_texts * (len(SAMPLES) + 1) + of_samples
            differing = "" if of_texts == len(texts) else _difference(tokenizer, texts, found, wanted)
    if differing or not best:
        raise ConversionError(
            "export.gguf: llama.cpp has no rule that cuts texts as this tokenizer does; the nearest, "
            f"{best or 'none'}, differs in {differing or 'all'}"
        )
    return best


def _ids(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _difference(tokenizer: Any, texts: Sequence[str], found: list[list[int]], wanted: list[list[int]]) -> str:  # noqa: ANN401
    text, own, one = next(item for item in zip(texts, found, wanted, strict=False) if item[1] != item[2])
    place = parting(own, one)
    shown = [tokenizer.convert_ids_to_tokens(ids[place : place + 3]) for ids in (own, one)]
    before = tokenizer.decode(one[max(0, place - 6) : place])
    return f"{text[:40]!r}: after {before!r} it has {shown[0]}, the tokenizer {shown[1]}"


def _tried(vocabulary: Vocabulary, cutting: str, texts: Sequence[str], folder: Path) -> list[list[int]] | None:
    """Return the ids that llama.cpp gives, None where it does not know the rule; the model around it is a dummy."""
    file = folder / f"{cutting}.gguf"
    _dummy(vocabulary, cutting, file)
    try:
        with LlamaServer(file, context=64, threads=1) as server:
            return [server.ids(text) for text in texts]
    except LlamaError:
        return None
    finally:
        file.unlink()


def _dummy(vocabulary: Vocabulary, cutting: str, file: Path) -> None:
    """Write a Llama of one layer and 32 columns around a vocabulary: llama.cpp has no server for one alone."""
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(file, "llama")
    for add, value in _sizes(writer):
        add(value)
    vocabulary.write(writer, cutting)
    square, row = np.zeros((32, 32), dtype=np.float16), np.ones(32, dtype=np.float32)
    writer.add_tensor("token_embd.weight", np.zeros((len(vocabulary.tokens), 32), dtype=np.float16))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", square)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", row)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _sizes(writer: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    yield writer.add_block_count, 1
    yield writer.add_context_length, 64
    yield writer.add_embedding_length, 32
    yield writer.add_feed_forward_length, 32
    yield writer.add_head_count, 1
    yield writer.add_layer_norm_rms_eps, 1e-5
