"""A model run by vLLM in this process: its own scheduler, its own sampling, one GPU or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from potstill.errors import MissingExtraError, TeacherError
from potstill.hardware import Precision
from potstill.models.local.chat import asked, today, with_date
from potstill.models.local.loading import first_line
from potstill.models.local.model import Generated, Prompt
from potstill.records import Finish

ROWS = 512
"""Rows that are handed over at a time: vLLM schedules them itself, and all of them are on disk before the next."""
SPEED = (
    "tensor_parallel_size", "pipeline_parallel_size", "gpu_memory_utilization", "kv_cache_memory_bytes",
    "max_num_seqs", "max_num_batched_tokens", "enforce_eager", "enable_prefix_caching", "cpu_offload_gb",
)  # fmt: skip
"""Options that decide how fast an answer comes and not which."""
_FINISHES: dict[str | None, Finish] = {"stop": "stop", "length": "length", "repetition": "length"}
"""vLLM's reasons; after any other (`abort`, `error`) there is no completion."""


def decisive(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that may change an answer; the others only decide how fast it comes."""
    return {name: value for name, value in options.items() if name not in SPEED}


class VllmModel:
    """A model in a local folder or on the hub; `options` are further arguments of `vllm.LLM`.

    `day` is what a chat template that asks for today's date is told.

    Raises:
        MissingExtraError: vLLM is not installed.
        TeacherError: the model cannot be loaded or has no chat template.
    """

    def __init__(
        self, folder: str | Path, precision: Precision, options: Mapping[str, Any],
        day: Callable[[], date] = today,
    ) -> None:  # fmt: skip
        try:
            from vllm import LLM, SamplingParams  # type: ignore[import-not-found]
        except ImportError as error:
            raise MissingExtraError("the engine vllm", str(error.name or "vllm"), "vllm") from None
        self._settings_of = SamplingParams
        self.most = ROWS
        dtype = "bfloat16" if precision == "bf16" else "float32"
        try:
            self.llm = LLM(model=str(folder), dtype=dtype, seed=0, **options)
        except (OSError, RuntimeError, TypeError, ValueError) as error:  # what its checks of arguments and GPUs raise
            raise TeacherError(f"{folder} is no model that vLLM can load here: {first_line(error)}") from error
        self.tokenizer = self.llm.get_tokenizer()
        if not getattr(self.tokenizer, "chat_template", None):
            raise TeacherError(f"{folder} has no chat template: use an instruction-tuned model or add one")
        with_date(self.tokenizer, day)
        self.context = int(self.llm.model_config.max_model_len)
        self._own: dict[str, Any] = dict(self.llm.model_config.get_diff_sampling_param() or {})

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation in the model's own chat template; see `chat.asked`."""
        return asked(self.tokenizer, messages)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of rendered prompts."""
        return [len(self._ids(text)) for text in texts]

    def rows(self, tokens: int) -> int:
        """Return more rows than are ever handed over: memory is vLLM's own care."""
        del tokens
        return ROWS * ROWS

    def answer(self, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Generated]:
        """Sample one completion a prompt; what `settings` leave open is as the model's generation config says.

        A prompt that leaves no room in the model's context gives an empty completion of finish `length`.
        """
        encoded = [self._ids(prompt.text) for prompt in prompts]
        rows = [row for row, ids in enumerate(encoded) if 0 < len(ids) < self.context]
        # Token ids, since of a text vLLM would make them again, with a second beginning-of-text token. Special tokens
        # stay in the text: with some models the marks of thinking are special.
        asked = [{"prompt_token_ids": encoded[row]} for row in rows]
        fields = {**self._own, **settings, "skip_special_tokens": False}
        try:
            params = [self._settings_of(**fields, seed=prompts[row].seed) for row in rows]
        except (TypeError, ValueError) as error:
            raise TeacherError(f"teacher.sampling: vLLM takes no such settings: {first_line(error)}") from None
        written = self.llm.generate(asked, params, use_tqdm=False) if rows else []
        results = [Generated("", "length", len(ids), 0) for ids in encoded]
        for row, output in zip(rows, written, strict=True):
            said = output.outputs[0]
            finish = _FINISHES.get(said.finish_reason, "failed")
            results[row] = Generated(said.text, finish, len(encoded[row]), len(said.token_ids))
        return results

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))
