"""What a language model that judges is asked, and where its answers are kept: known without judging anything."""

from __future__ import annotations

from pathlib import Path

from potstill.recipe import Checks

LEDGER = "judge.sqlite"
"""In the run's ledger, what the judge answered."""


def judge_prompt(checks: Checks, data: Path) -> str:
    """Return the prompt of the judge, or nothing where there is none; relative files are looked up in `data`.

    Raises:
        RecipeError: the file is absent or lacks one of the places that are filled in.
    """
    if checks.judge is None:
        return ""
    from potstill.verify.llm_judge import packaged_prompt, read_prompt

    return packaged_prompt() if checks.judge.prompt is None else read_prompt(data / checks.judge.prompt)
