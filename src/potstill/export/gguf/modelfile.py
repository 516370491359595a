"""What Ollama reads beside a GGUF file: where an answer ends, how long a conversation may be, how tokens are drawn.

It has no TEMPLATE, so that Ollama takes the one in the file.
"""

from __future__ import annotations

from collections.abc import Sequence

from potstill.recipe import Evaluate


def modelfile(file: str, *, stops: Sequence[str], context: int, evaluate: Evaluate, licence: str = "") -> str:
    """Return the Modelfile of the GGUF file `file` beside it.

    `context` is in tokens; Ollama's own 2,048 would cut longer thinking off. `stops` are the texts that end an answer.
    """
    lines = [f"FROM ./{file}"]
    lines += [f"PARAMETER stop {_quoted(stop)}" for stop in stops if _is_plain(stop)]
    lines += [
        f"PARAMETER num_ctx {context}",
        f"PARAMETER num_predict {min(evaluate.max_tokens, context)}",
        f"PARAMETER temperature {evaluate.temperature:g}",
        f"PARAMETER top_p {evaluate.top_p:g}",
        "PARAMETER top_k 0",  # Ollama's 40 cuts off what was drawn from when the student was measured
        "PARAMETER min_p 0",
        "PARAMETER repeat_penalty 1.0",  # reasoning repeats itself rightly
    ]
    if _is_plain(licence):
        lines.append(f"LICENSE {_quoted(licence)}")
    return "\n".join(lines) + "\n"


def _is_plain(text: str) -> bool:
    """Whether a text can stand in quotes, on one line."""
    return bool(text) and text.isprintable() and '"' not in text


def _quoted(text: str) -> str:
    return f'"{text}"'
