"""Whether a GGUF file is the student: llama.cpp renders and cuts the run's conversations alike, and answers alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.errors import AuditError
from potstill.export import Said
from potstill.export.likeness import OtherProgram, answers_alike, check_same
from potstill.export.safetensors import NEW_TOKENS
from potstill.models.llama_server import LlamaServer
from potstill.train.render import prompt_text, render, stop_texts

MARGIN = {"f32": 0.1, "f16": 0.1, "bf16": 0.5, "q8_0": 0.5}
"""How much less likely, in logits, a token may be that llama.cpp writes in the place of the model's first choice."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a file is held against: `conversations` of the run, and `prompts` that are answered."""

    tokenizer: Any
    student: recipe.Student
    template: str
    stops: Sequence[int]
    conversations: Sequence[Said]
    prompts: Sequence[str]

    def trained(self) -> Iterator[tuple[Said, str]]:
        """Yield the conversations that can be trained on, each as training renders it."""
        stops = stop_texts(self.tokenizer, self.stops)
        for said in self.conversations:
            try:
                yield said, render(self.tokenizer, self.student, said.prompt, said.reasoning, said.answer, stops).text
            except AuditError:
                continue

    def texts(self) -> list[str]:
        """Return the texts that llama.cpp has to cut as the tokenizer does."""
        asked = [prompt_text(self.tokenizer, one.prompt) for one in self.conversations]
        # Answers that were cut off are texts too.
        said = [one.reasoning + one.answer for one in self.conversations]
        return [*asked, *said, *(text for _, text in self.trained())]


def prove(proof: Proof, model: Any, file: Path, kind: str) -> dict[str, Any]:  # noqa: ANN401
    """Return what was compared, all of it alike.

    Raises:
        ConversionError: something differs; the first difference is named.
    """
    longest = max((len(text) for text in proof.texts()), default=0)
    with LlamaServer(file, context=min(model.config.max_position_embeddings, 64 + NEW_TOKENS + longest)) as server:
        whole, prompts = _same_texts(proof, server)
        answered, ends = _same_answers(proof, model, server, MARGIN[kind])
    if ends:
        print(f"export.gguf: llama.cpp ends an answer at {ends} too, where the student goes on", file=sys.stderr)
    return {
        "conversations": whole, "renders": prompts, "prompts": len(proof.prompts), "same_tokens": answered,
        "ends_also": ends,
    }  # fmt: skip


def _same_texts(proof: Proof, server: LlamaServer) -> tuple[int, int]:
    """Return how many conversations are rendered as they were trained on, and how many prompts as they are asked."""
    whole = prompts = 0
    for said, text in proof.trained():
        user = {"role": "user", "content": said.prompt}
        _same(server.rendered([user], ask=True), prompt_text(proof.tokenizer, said.prompt), "the prompt")
        prompts += 1
        told = {"reasoning_content": said.reasoning} if said.reasoning else {}
        turns = [user, {"role": "assistant", "content": said.answer, **told}]
        own = proof.tokenizer.apply_chat_template(turns, tokenize=False, chat_template=proof.template)
        _same(server.rendered(turns, ask=False), own, "a conversation")
        ids = list(proof.tokenizer(text, add_special_tokens=False)["input_ids"])
        _same(server.ids(text), ids, "the tokens of a conversation")
        # A template that takes thinking out of finished turns never renders one as it was trained on.
        whole += own == text
    return whole, prompts


def _same(found: Any, wanted: Any, what: str) -> None:  # noqa: ANN401 - texts or lists of tokens
    check_same("export.gguf: llama.cpp", found, wanted, what)


def _same_answers(proof: Proof, model: Any, server: LlamaServer, margin: float) -> tuple[int, list[str]]:  # noqa: ANN401
    """See `answers_alike`.

    llama.cpp ends at every token that has a name of its list (`<|endoftext|>`, `<|im_end|>`, ...), and no file can tell
    it not to.
    """

    def write(ids: Sequence[int]) -> tuple[Sequence[int], bool]:
        body = {
            "prompt": list(ids), "n_predict": NEW_TOKENS, "temperature": 0, "top_k": 1, "return_tokens": True,
        }  # fmt: skip
        reply = server.post("/completion", body)
        return reply["tokens"], reply["stop_type"] == "eos"

    program = OtherProgram("export.gguf: llama.cpp", margin, write)
    return answers_alike(program, model, proof.tokenizer, proof.stops, proof.prompts)
