"""Whether a teacher's output may train another model: a record that the user can read, correct and answer for.

This is no legal advice. `allowed` means a licence or terms that let output train other models; `restricted` that they
forbid it or set conditions that the student or its user has to meet; `unknown` that nobody here has read them.
"""

from __future__ import annotations

import re
import sys
from typing import TextIO
from urllib.parse import urlsplit

from potstill.errors import RecipeError
from potstill.recipe import AskedTeacher, ServedTeacher, Terms

READ = "2026-11-21"
"""When what stands here was looked up. A basis names the text that was read, or says `(reported)` where none was."""
_OPENAI = "OpenAI's terms of use: output may not be used to develop models that compete with OpenAI (reported)"
_ANTHROPIC = "Anthropic's commercial terms: output may not train competing models without its approval (reported)"
_GEMINI = "Gemini API additional terms of February 2025, ai.google.dev/gemini-api/terms: no models that compete with it"
_XAI = "xAI's terms: no models that compete with xAI (reported)"
_LLAMA = (
    "Llama 3.1 community licence, github.com/meta-llama/llama-models: a model trained on output that is passed on has "
    "to be named `Llama...`; before Llama 3.1 output may improve no other model (reported)"
)
_HOSTS: dict[str, Terms] = {
    "api.openai.com": Terms("restricted", _OPENAI),
    "api.anthropic.com": Terms("restricted", _ANTHROPIC),
    "generativelanguage.googleapis.com": Terms("restricted", _GEMINI),
    "aiplatform.googleapis.com": Terms("restricted", _GEMINI),
    "api.x.ai": Terms("restricted", _XAI),
    "api.mistral.ai": Terms("restricted", "Mistral AI's terms: no models that compete with its own (reported)"),
    "api.deepseek.com": Terms("allowed", "api-docs.deepseek.com: reasoning may be viewed, shown and distilled"),
}
"""Providers whose terms bind whoever calls them, whatever the model."""
_MODELS: dict[str, Terms] = {
    # The first pattern found at the start of a word of the name decides, so the more particular come first.
    r"gpt-oss": Terms("allowed", "Apache-2.0 licence of gpt-oss, github.com/openai/gpt-oss"),
    r"claude": Terms("restricted", _ANTHROPIC),
    r"(chatgpt|gpt-[3-9]|(?<!-)o[1-9](?![0-9a-z]))": Terms("restricted", _OPENAI),
    r"gemini": Terms("restricted", _GEMINI),
    r"grok": Terms("restricted", _XAI),
    r"deepseek-r1(-distill-llama|:70b)": Terms("restricted", f"made from Llama; {_LLAMA}"),
    r"deepseek-r1": Terms("allowed", "MIT licence, and distillation named, at github.com/deepseek-ai/DeepSeek-R1"),
    r"deepseek-(chat-)?(v3-0324|v3\.[1-9]|v[4-9])": Terms("allowed", "MIT licence since V3-0324 (reported)"),
    r"deepseek": Terms(
        "restricted",
        "DeepSeek licence 1.0, github.com/deepseek-ai/DeepSeek-V3: a model trained on output carries its limits of use",
    ),
    r"(code|meta-)?llama": Terms("restricted", _LLAMA),
    r"qwen2(\.5)?([-:][a-z]+)?[-:](3b|72b)": Terms("restricted", "Qwen's own licence of sizes 3B and 72B (reported)"),
    r"qwen[0-9.]*-(max|plus|turbo|flash|long)": Terms("unknown", "served by Alibaba, whose terms were not read"),
    r"(qwq|qwen2|qwen3)": Terms("allowed", "Apache-2.0 licence of Qwen's weights (reported)"),
    r"gemma-?[123]": Terms("restricted", "Gemma terms of use: a model trained on output is bound too (reported)"),
    r"gemma-?4": Terms("allowed", "Apache-2.0 licence of the weights of Gemma 4 (reported)"),
    r"(smollm|olmo)": Terms("allowed", "Apache-2.0 licence of the weights (reported)"),
    r"phi-[34]": Terms("allowed", "MIT licence of Phi's weights (reported)"),
}
"""Weights that anyone may serve, and models of one provider: pattern -> terms."""
# `claude` is in `anthropic/claude-opus-4`, and not in `notclaude`.
_PATTERNS = tuple((re.compile(rf"(?<![a-z0-9]){pattern}", re.IGNORECASE), terms) for pattern, terms in _MODELS.items())
_warned: set[tuple[str, str]] = set()


def terms_of(teacher: AskedTeacher) -> Terms:
    """Return the recipe's own record, else the provider's, else that of the weights, else `unknown`."""
    if teacher.terms is not None:
        return teacher.terms
    placed = [
        next((terms for name, terms in _HOSTS.items() if host == name or host.endswith(f"-{name}")), None)
        for host in _hosts(teacher)
    ]
    # of several places the strictest counts, and one that is not known leaves it open
    strictest = [terms for terms in placed if terms is not None and terms.training == "restricted"]
    found = strictest or ([] if None in placed else [terms for terms in placed if terms is not None])
    found += [terms for pattern, terms in _PATTERNS if pattern.search(teacher.model)]
    if not found:
        return Terms("unknown", f"neither {', '.join(_hosts(teacher))} nor {teacher.model} is in the table of {READ}")
    return Terms(found[0].training, f"{found[0].basis}; looked up {READ}")


def check_terms(teacher: AskedTeacher, stream: TextIO | None = None, where: str = "teacher") -> dict[str, str]:
    """Return the record for the manifest: model, host, training, basis, and the override if there is one.

    What is unknown is said once on `stream` (standard error). `where` is the key of the teacher in the recipe.

    Raises:
        RecipeError: the terms restrict training, and `allow_restricted` does not name exactly this model.
    """
    terms = terms_of(teacher)
    host = ", ".join(_hosts(teacher))
    named = teacher.allow_restricted
    if named is not None and named != teacher.model:
        raise RecipeError(f"{where}.allow_restricted names {named!r}, but the teacher is {teacher.model!r}: correct it")
    if terms.training == "restricted" and named is None:
        raise RecipeError(
            f"{where}.terms: training on the output of {teacher.model} at {host} is restricted ({terms.basis}); "
            f"if you may, say so with {where}.allow_restricted: {teacher.model}"
        )
    if terms.training == "unknown" and (teacher.model, host) not in _warned:
        _warned.add((teacher.model, host))
        print(
            f"note: it is not known whether training on the output of {teacher.model} at {host} is allowed "
            f"({terms.basis}); read its terms and write them as {where}.terms",
            file=sys.stderr if stream is None else stream,
        )
    record = {"model": teacher.model, "host": host, "training": terms.training, "basis": terms.basis}
    return record | {"allowed_by": f"{where}.allow_restricted"} if terms.training == "restricted" else record


def _hosts(teacher: AskedTeacher) -> tuple[str, ...]:
    if not isinstance(teacher, ServedTeacher):
        return ("this machine",)
    return tuple(dict.fromkeys(urlsplit(address).hostname or "" for address in teacher.addresses))
