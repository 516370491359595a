"""Filter by whether an answer says anything: one that ends without a conclusion teaches to end without one. Pure."""

from __future__ import annotations

from potstill.curate.filters import Candidate
from potstill.records import Reason
from potstill.verify.extract import extract


def no_conclusion(case: Candidate) -> str | None:
    """Drop traces in whose answer no final answer of the problem's kind stands; of a judged one there is one."""
    if not case.settings.drop_no_conclusion or case.problem is None:
        return None
    if case.verdict is not None and case.verdict.outcome != "unknown":
        return None
    found = extract(case.trace.answer, case.problem.answer_kind, case.problem.choices)
    return Reason.NO_CONCLUSION if found.value is None and not found.ambiguous else None
