"""A Hugging Face checkpoint sampled in this process, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from potstill.errors import MissingExtraError, StudentError
from potstill.models.memory import release_memory
from potstill.records import content_key

if TYPE_CHECKING:
    import torch

COMPACT_SHARE = 0.2
"""Finished rows leave the batch once they are this share of it: one looping row must not hold up the rest."""


SHARED_AT_LEAST = 8
"""Tokens of a common prefix that are worth a forward pass of their own."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt and the seed its sampling starts from."""

    text: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model wrote; `text` ends before the end-of-text token."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class LocalModel:
    """A causal language model and its tokenizer, on the GPU when there is one.

    Raises:
        StudentError: the folder is no checkpoint, or lacks a tokenizer, a chat template or an end-of-text token.
    """

    def __init__(self, folder: str | Path, precision: Literal["bf16", "fp32"] = "bf16") -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtraError("sampling a local model", str(error.name), "train") from None
        transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        except Exception as error:  # tokenizers raises a bare Exception for a damaged tokenizer.json
            raise StudentError(f"{folder} has no tokenizer that can be loaded: {_first_line(error)}") from error
        try:
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
            self.model = model.to(self.device).eval()
        except Exception as error:  # a damaged checkpoint: RuntimeError, SafetensorError, TypeError and others
            raise StudentError(f"{folder} is no model that can be loaded: {_first_line(error)}") from error
        if not self.tokenizer.chat_template:
            raise StudentError(f"{folder} has no chat template: use an instruction-tuned student or add one")
        stop = self.model.generation_config.eos_token_id
        stops = [stop] if isinstance(stop, int) else list(stop or ())
        if self.tokenizer.eos_token_id is not None:
            stops.append(self.tokenizer.eos_token_id)
        if not stops:
            raise StudentError(f"{folder} names no end-of-text token: set eos_token_id in generation_config.json")
        self.stops = sorted(set(stops))
        self.context = int(getattr(self.model.config, "max_position_embeddings", 0) or 1 << 30)

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation in the model's own chat template."""
        return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))

    def sample(
        self, prompts: Sequence[Prompt], max_tokens: int, temperature: float = 0.0, top_p: float = 1.0
    ) -> list[Generated]:
        """Sample one completion a prompt, all in one batch.

        `temperature` 0 is greedy. Each row draws from its own seed, so a row does not depend on its neighbours beyond
        rounding. A prompt that leaves no room in the model's context gives an empty completion of finish `length`.
        """
        torch = self.torch
        encoded = [self.tokenizer(p.text, add_special_tokens=False)["input_ids"] for p in prompts]
        results: list[Generated | None] = [None] * len(prompts)
        rows = []
        for row, ids in enumerate(encoded):
            if ids and len(ids) < self.context:
                rows.append(row)
            else:
                results[row] = Generated("", "length", len(ids), 0)
        if not rows:
            return [r for r in results if r is not None]
        limit = min(max_tokens, self.context - max(len(encoded[row]) for row in rows))
        draws = {r: torch.Generator().manual_seed(prompts[r].seed) for r in rows} if temperature > 0 else {}
        written: dict[int, list[int]] = {row: [] for row in rows}
        finish: dict[int, Literal["stop", "length"]] = dict.fromkeys(rows, "length")
        with torch.inference_mode():
            for step, (alive, logits) in enumerate(self._steps(encoded, rows, written, finish, limit)):
                tokens = self._choose(logits, alive, draws, temperature, top_p)
                for row, token in zip(alive, tokens, strict=True):
                    if finish[row] == "stop":
                        continue
                    if token in self.stops:
                        finish[row] = "stop"
                    else:
                        written[row].append(token)
                if step + 1 >= limit or all(finish[row] == "stop" for row in alive):
                    break
        release_memory()
        for row in rows:
            text = str(self.tokenizer.decode(written[row], clean_up_tokenization_spaces=False))
            results[row] = Generated(text, finish[row], len(encoded[row]), len(written[row]) + (finish[row] == "stop"))
        return [r for r in results if r is not None]

    def _steps(
        self,
        encoded: list[list[int]],
        rows: list[int],
        written: dict[int, list[int]],
        finish: dict[int, Literal["stop", "length"]],
        limit: int,
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield (rows in the batch, next-token logits: (rows, vocabulary)); finished rows leave the cache."""
        torch = self.torch
        alive = list(rows)
        shared = _shared([encoded[row] for row in rows])
        cache = self._prefill(encoded[rows[0]][:shared], len(rows)) if shared else None
        rest = [encoded[row][shared:] for row in rows]
        width = max(map(len, rest))
        pad = self.stops[0]
        ids = torch.tensor([[pad] * (width - len(r)) + r for r in rest], device=self.device)
        mask = torch.tensor([[1] * shared + [0] * (width - len(r)) + [1] * len(r) for r in rest], device=self.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
        for _ in range(limit):
            out = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            cache = out.past_key_values
            yield alive, out.logits[:, -1].float()
            keep = [index for index, row in enumerate(alive) if finish[row] != "stop"]
            if not keep:
                return
            if len(alive) - len(keep) >= max(1, COMPACT_SHARE * len(alive)):
                chosen = torch.tensor(keep, device=self.device)
                cache.batch_select_indices(chosen)
                mask, positions = mask[chosen], positions[chosen]
                alive = [alive[index] for index in keep]
            last = [written[row][-1] if finish[row] != "stop" else self.stops[0] for row in alive]
            ids = torch.tensor(last, device=self.device).unsqueeze(1)
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
            positions = positions[:, -1:] + 1

    def _prefill(self, prefix: list[int], rows: int) -> Any:  # noqa: ANN401 - a cache of transformers
        """Return the cache of a prefix that all rows share (system message, worked examples), computed once."""
        ids = self.torch.tensor([prefix], device=self.device)
        cache = self.model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(rows)
        return cache

    def _choose(
        self,
        logits: torch.Tensor,
        alive: list[int],
        draws: dict[int, torch.Generator],
        temperature: float,
        top_p: float,
    ) -> list[int]:
        if temperature == 0:
            return [int(token) for token in logits.argmax(dim=-1).tolist()]
        torch = self.torch
        shares = torch.softmax(logits / temperature, dim=-1).cpu()
        if top_p < 1:
            ordered, order = shares.sort(dim=-1, descending=True)
            ordered[ordered.cumsum(-1) - ordered >= top_p] = 0.0
            shares = torch.zeros_like(shares).scatter(1, order, ordered)
        return [
            int(torch.multinomial(share, 1, generator=draws[row]).item())
            for row, share in zip(alive, shares, strict=True)
        ]


def _shared(encoded: Sequence[Sequence[int]]) -> int:
    """Return how many first tokens all rows share, leaving each at least one; 0 where it would not pay."""
    most = min(map(len, encoded)) - 1
    first = encoded[0]
    same = next((n for n in range(most) if any(row[n] != first[n] for row in encoded)), most)
    return same if same >= SHARED_AT_LEAST and len(encoded) > 1 else 0


def row_seed(seed: int, *what: Any) -> int:  # noqa: ANN401 - any JSON value
    """Return a 62-bit seed from the run's seed and what is sampled."""
    return int(content_key(seed, *what)[:15], 16)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
