"""A Hugging Face checkpoint sampled in this process, in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from potstill.errors import CheckpointError
from potstill.hardware import Precision, number_format
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, context_of, first_line, libraries, load_model, number
from potstill.models.local.memory import available_memory, release_memory
from potstill.models.local.steps import Decoder
from potstill.records import Finish, content_key

if TYPE_CHECKING:
    import torch

MOST_ROWS = {"cpu": 128, "cuda": 256}
"""Rows of a batch beyond which a step takes as much longer as there are more of them."""
MEMORY_SHARE = {"cpu": 0.5, "cuda": 0.8}
"""Of the free memory, for a batch."""
LIKELIEST = 256
"""Tokens among which those of `top_p` are looked for before all are sorted."""
SPLIT = 8
"""Tokens read beyond the characters of a stop text, since a character may be cut into several (4 bytes at most)."""
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt and the seed its sampling starts from."""

    text: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model wrote; `text` ends before the end-of-text token. `failed` where an engine broke it off."""

    text: str
    finish: Finish
    prompt_tokens: int
    completion_tokens: int


class LocalModel:
    """A causal language model and its tokenizer, on the GPU when there is one.

    `context` is the most tokens that it takes, prompt and completion together; `most` the rows of a batch that are
    worth having. `day` is what a chat template that asks for today's date is told; without it, the clock's.

    Raises:
        CheckpointError: the folder is no whole checkpoint, or lacks a tokenizer, a chat template or an end-of-text
            token.
    """

    def __init__(self, folder: str | Path, precision: Precision = "auto", day: Callable[[], date] = chat.today) -> None:
        libraries()
        import torch

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if number_format(precision) == "bf16" else torch.float32
        checkpoint = Checkpoint(str(folder), str(folder), Path(folder).is_dir())
        self.tokenizer = chat.load_tokenizer(checkpoint)
        chat.with_date(self.tokenizer, day)
        self.model: Any = load_model(checkpoint, "causal", dtype).to(self.device)
        chat.check_fit(checkpoint, self.tokenizer, self.model)
        stop = self.model.generation_config.eos_token_id
        stops = [stop] if isinstance(stop, int) else list(stop or ())
        if self.tokenizer.eos_token_id is not None:
            stops.append(self.tokenizer.eos_token_id)
        if not stops:
            raise checkpoint.fault("names no end-of-text token: set eos_token_id in generation_config.json")
        self.stops = sorted(set(stops))
        self.context = context_of(self.model.config)
        self.decoder = Decoder(self.model, self.context)
        self.most = MOST_ROWS[self.device]
        self._for_batches = self._free_memory()

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation in the model's own chat template; see `chat.asked`."""
        return chat.asked(self.tokenizer, messages)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of rendered prompts."""
        return [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def rows(self, tokens: int) -> int:
        """Return how many rows of so many tokens, prompt and completion together, the memory bears; at least one.

        An estimate from what was free when the model was loaded.
        """
        config, size = self.model.config.get_text_config(), self.model.dtype.itemsize
        hidden, heads = number(config, "hidden_size"), number(config, "num_attention_heads") or 1
        kept = (number(config, "num_key_value_heads") or heads) * (number(config, "head_dim") or hidden // heads)
        cached = 2 * number(config, "num_hidden_layers") * kept * size
        inner = number(config, "intermediate_size") or 4 * hidden
        passing = (4 * hidden + 3 * inner) * size  # one layer's activations while the prompt is read
        logits = 4 * config.vocab_size * 4  # fp32, with the copies that sampling makes
        row = min(tokens, self.context) * (cached + passing) + logits
        return self.most if self._for_batches is None else max(1, int(self._for_batches / row))

    def _free_memory(self) -> float | None:
        """Return the bytes for a batch, None where nobody knows."""
        if self.device == "cuda":
            torch = self.torch
            free = int(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
        else:
            found = available_memory()
            if found is None:
                return None
            free = found
        return MEMORY_SHARE[self.device] * free

    def answer(self, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Generated]:
        """Sample one completion a prompt with the settings of a request.

        A `temperature` or `top_p` that is not among them is that of the model's generation config, else 1.
        """
        own = self.model.generation_config
        temperature, top_p = (
            settings.get(name, 1.0 if getattr(own, name) is None else getattr(own, name))
            for name in ("temperature", "top_p")
        )
        return self.sample(prompts, settings["max_tokens"], temperature, top_p, settings.get("stop", ()))

    def sample(
        self, prompts: Sequence[Prompt], max_tokens: int, temperature: float = 0.0, top_p: float = 1.0,
        stop: Sequence[str] = (),
    ) -> list[Generated]:  # fmt: skip
        """Sample one completion a prompt, all in one batch.

        A completion ends before the first of the texts `stop` that it would hold. `temperature` 0 is greedy. Each row
        draws from its own seed, so a row does not depend on its neighbours beyond rounding. A prompt that leaves no
        room in the model's context gives an empty completion of finish `length`.

        Raises:
            MemoryError: the batch is too large.
            CheckpointError: the model takes no plain text, or cannot go on from it.
        """
        try:
            return self._sample(prompts, max_tokens, temperature, top_p, stop)
        except (self.torch.OutOfMemoryError, IndexError, RuntimeError, ValueError) as error:
            # A CPU allocation that fails is a plain RuntimeError.
            if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
                name = type(self.model).__name__
                raise CheckpointError(
                    f"{self.model.name_or_path}: {name} cannot be sampled here ({first_line(error)}); choose another"
                ) from error
            told = MemoryError(first_line(error))
        # Out here, where the frames that hold the batch's tensors are gone.
        self._give_back()
        raise told

    def _give_back(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.empty_cache()
        release_memory()

    def _sample(
        self, prompts: Sequence[Prompt], max_tokens: int, temperature: float, top_p: float, stop: Sequence[str]
    ) -> list[Generated]:
        torch = self.torch
        encoded = [self.tokenizer(p.text, add_special_tokens=False)["input_ids"] for p in prompts]
        rows = {row: ids for row, ids in enumerate(encoded) if 0 < len(ids) < self.context}
        room = {row: min(max_tokens, self.context - len(ids)) for row, ids in rows.items()}
        draws = {r: torch.Generator().manual_seed(prompts[r].seed) for r in rows} if temperature > 0 else {}
        written: dict[int, list[int]] = {row: [] for row in range(len(prompts))}
        ended: dict[int, Literal["stop", "length"]] = dict.fromkeys(set(written) - set(rows), "length")
        unwritten: set[int] = set()  # rows whose last token is no text of theirs: it is one of `stops`
        with torch.inference_mode():
            for alive, logits in self.decoder.steps(rows, max_tokens, written, ended):
                own = [draws[row] for row in alive] if draws else []
                for row, token in zip(alive, self.choose(logits, own, temperature, top_p), strict=True):
                    if row in ended:
                        continue
                    if token in self.stops:
                        ended[row] = "stop"
                        unwritten.add(row)
                        continue
                    written[row].append(token)
                    if stop and self._stopped(written[row], stop):
                        ended[row] = "stop"
                    elif len(written[row]) == room[row]:
                        ended[row] = "length"
        release_memory()
        texts = [self._text(ids) for ids in written.values()]
        return [
            Generated(before(text, stop), ended[row], len(encoded[row]), len(written[row]) + (row in unwritten))
            for row, text in enumerate(texts)
        ]

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def _stopped(self, ids: Sequence[int], stop: Sequence[str]) -> bool:
        """Return whether the last tokens complete one of the texts: each token of it has a character at least."""
        last = self._text(ids[-max(map(len, stop)) - SPLIT :])
        return any(text in last for text in stop)

    def choose(
        self, logits: torch.Tensor, draws: Sequence[torch.Generator], temperature: float, top_p: float
    ) -> list[int]:
        """Return a token for each row of `logits`: (rows, vocabulary), drawn by its own generator; none at 0."""
        if temperature == 0:
            return [int(token) for token in logits.argmax(dim=-1).tolist()]
        return drawn(logits, draws, temperature, top_p)


def drawn(logits: torch.Tensor, draws: Sequence[torch.Generator], temperature: float, top_p: float) -> list[int]:
    """Return a token for each row of `logits`: (rows, vocabulary), by its own generator, of the `top_p` likeliest."""
    import torch

    shares = torch.softmax(logits / temperature, dim=-1).cpu()
    if top_p < 1:
        shares = nucleus(shares, top_p)
    return [int(torch.multinomial(share, 1, generator=draw).item()) for draw, share in zip(draws, shares, strict=True)]


def nucleus(shares: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return shares of tokens: (rows, vocabulary), with 0 for those beyond the likeliest that hold `top_p` of a row.

    A whole row is sorted only where its `LIKELIEST` tokens hold less: of large vocabularies sorting takes as long as
    the model.
    """
    import torch

    ordered, order = shares.topk(min(LIKELIEST, shares.shape[-1]))
    held = ordered.cumsum(-1)
    flat = held[:, -1] < top_p
    ordered[held - ordered >= top_p] = 0.0
    kept = torch.zeros_like(shares).scatter(1, order, ordered)
    if flat.any():
        ordered, order = shares[flat].sort(dim=-1, descending=True)
        ordered[ordered.cumsum(-1) - ordered >= top_p] = 0.0
        kept[flat] = torch.zeros_like(ordered).scatter(1, order, ordered)
    return kept


def before(text: str, stop: Sequence[str]) -> str:
    """Return a text up to the first of the texts that end it, whole where it holds none."""
    return text[: min((at for one in stop if (at := text.find(one)) >= 0), default=len(text))]


def row_seed(seed: int, *what: Any) -> int:  # noqa: ANN401 - any JSON value
    """Return a 62-bit seed from the run's seed and what is sampled."""
    return int(content_key(seed, *what)[:15], 16)
