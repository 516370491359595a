"""Filter by whether an answer says anything: one that ends without a conclusion teaches to end without one. Pure."""

from __future__ import annotations

import re

from potstill.curate.filters import Candidate
from potstill.records import Reason
from potstill.verify.extract import extract
from potstill.verify.faithful.values import value_of

_ORDINAL = re.compile(r"\b\d{1,4}(?:st|nd|rd|th)\b", re.IGNORECASE)
"""`8th`, which counts nothing."""
_LAST = re.compile(r"(?:\A|[.!?:]\s|\n)(?P<said>(?:[^.!?\n]|\.(?=\S)){1,300})[.!]\s*\Z")
"""The last sentence of a text, if it has an end."""


def no_conclusion(case: Candidate) -> str | None:
    """Drop traces in whose answer no final answer of the problem's kind stands; of a judged one there is one."""
    if not case.settings.drop_no_conclusion or case.problem is None:
        return None
    if case.verdict is not None and case.verdict.outcome != "unknown":
        return None
    found = extract(case.trace.answer, case.problem.answer_kind, case.problem.choices)
    if found.value is not None or found.ambiguous:
        return None
    return None if case.problem.answer_kind == "auto" and _states_value(case.trace.answer) else Reason.NO_CONCLUSION


def _states_value(answer: str) -> bool:
    """Whether the last sentence of an answer states one value, as prose does that marks none: `It takes 12 days.`"""
    last = _LAST.search(answer[-400:])
    if last is None:
        return False
    said = _ORDINAL.sub("", last["said"])
    return value_of(said) is not None or ("=" in said and value_of(said.rpartition("=")[2]) is not None)
