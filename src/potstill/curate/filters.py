"""Filters over one judged trace: each keeps it (None) or returns the reason to drop it; pure, no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from potstill.conditions import Known
from potstill.curate.known import asks_faith, known_of, test_of
from potstill.curate.listened import Listened
from potstill.curate.quoting import QuoteIndex
from potstill.marks import holds_mark
from potstill.recipe import Curate
from potstill.records import Failure, Group, Problem, Reason, Trace, Verdict
from potstill.text import foreign_share, repeated_share, runs_on
from potstill.verify.steps import check_steps, segment


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedWay:
    """What a trace was asked under, where that matters to whether it may stay."""

    instruction: str = ""
    """What no student may learn to repeat."""
    direct: bool = False
    """Whether it was to answer without reasoning."""
    hinted: bool = False
    """Whether it was told the answer."""
    shown: bool = False
    """Whether the student is told the instruction too."""

    def question(self, statement: str) -> str:
        """Return what the student is asked: the problem's statement, after the instruction where that is shown."""
        return f"{self.instruction}\n\n{statement}" if self.shown else statement


PLAIN = AskedWay()
"""Of a trace that was asked as any other."""
LONGEST_SENTENCE = 300
"""Characters before and behind speech of an answer that are read as its sentence."""
RUN = 8
"""Words in a row of an instruction that a trace repeats by no chance."""
_WORD = re.compile(r"[^\W_]+")
"""The words of `Step-by-step`: three."""
_HINT = re.compile(
    r"(?i)\b(?:(?:we|i) (?:know|are told|am told|were told|was told)(?: that)? the (?:right |correct |final )?answer|"
    r"(?:the|this) (?:given|known|stated|provided|expected|target) answer|"
    r"answer (?:is|was|has been) (?:already )?(?:given|told|provided|stated|known)"
    r"(?! (?:in (?!the (?:problem|question|prompt|hint|task|instruction))|by |with |as an? )| as:)|"
    r"as (?:the|per the) hint|"
    r"(?:matches|agrees with|equals|consistent with) the (?:given|known|right|correct|provided|stated|expected) answer)"
)
"""`We know that the answer is 72`, `the given answer`, `this matches the correct answer`; not how one is written: `the
answer is given in metres`."""
_EXPECTED = re.compile(r"expected answer\Z", re.IGNORECASE)
"""`the expected answer`"""
_SENTENCE_END = re.compile(r"[.!?\n]")
"""`.` of `It is 4.`"""
_GUESS = re.compile(
    r"(?i)\b(?:maybe|perhaps|possibly|probably|likely|might|may|could|i think|i guess|often|sometimes)\b|\?\Z"
)
"""Who was told an answer does not guess at what is expected: `maybe the expected answer is 4`."""


OwnFilter = Callable[[Problem, Trace], str]
"""Returns the reason for which the user's function drops a trace, "" where it keeps it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What a filter may look at: a trace, its verdict (None: nobody judged it), its problem (None: not in training)."""

    trace: Trace
    verdict: Verdict | None
    problem: Problem | None
    held_out: bool
    """Whether the trace's problem meets a held-out one."""
    settings: Curate
    allow_summaries: bool
    difficulty: float | None = None
    """Of the problem; None where nothing is known of it."""
    suspect: bool = False
    """Whether the problem is to be dropped because its gold is suspect."""
    score: float | None = None
    """What a reward model gave the trace; None where it gave nothing."""
    wrong_step: bool = False
    """Whether people call a step of it wrong."""
    group: Group | None = None
    """What all samples of its problem say together."""
    quotes: QuoteIndex | None = None
    """The test questions that no trace may quote; None where nobody looks."""
    way: AskedWay = PLAIN
    own: OwnFilter | None = None
    """The user's function `curate.filter`; None where there is none."""
    listened: Listened | None = None
    """What a student said of it before it was trained; None where none read it."""


def held_out(case: Candidate) -> str | None:
    """Drop traces of problems that are, or meet, a held-out problem."""
    return Reason.OVERLAP if case.held_out else None


def no_problem(case: Candidate) -> str | None:
    """Drop traces whose problem is not among the training problems."""
    return Reason.NO_PROBLEM if case.problem is None else None


def unfinished(case: Candidate) -> str | None:
    """Drop requests that ended without a response of the teacher's own."""
    if case.trace.failure == Failure.NOT_ASKED:
        return Reason.NOT_ASKED
    return Reason(case.trace.finish) if case.trace.finish in ("refused", "failed") else None


def truncated(case: Candidate) -> str | None:
    """Drop traces that the token limit cut: their end is not an answer."""
    return Reason.TRUNCATED if case.trace.finish == "length" else None


def no_answer(case: Candidate) -> str | None:
    """Drop traces with nothing after the reasoning."""
    return None if case.trace.answer.strip() else Reason.NO_ANSWER


def no_reasoning(case: Candidate) -> str | None:
    """Drop traces with no reasoning to learn from (none written, or hidden by the provider), unless none was wished."""
    if case.way.direct:
        return None
    hidden = case.trace.reasoning_kind in ("none", "encrypted")
    return Reason.NO_REASONING if hidden or not case.trace.reasoning.strip() else None


def summarised(case: Candidate) -> str | None:
    """Drop reasoning that a provider rewrote, unless the recipe allows summaries."""
    return Reason.SUMMARISED if case.trace.reasoning_kind == "summary" and not case.allow_summaries else None


def suspect(case: Candidate) -> str | None:
    """Drop traces of problems whose gold no sample gives and most contradict, where the recipe says so."""
    return Reason.SUSPECT if case.suspect else None


def unknown(case: Candidate) -> str | None:
    """Drop traces that could not be judged; the reason carries the cause."""
    if not case.settings.drop_unknown:
        return None
    if case.verdict is None:
        return "unknown: not judged"
    return f"unknown: {case.verdict.cause or 'no cause given'}" if case.verdict.outcome == "unknown" else None


def wrong(case: Candidate) -> str | None:
    """Drop traces whose answer is wrong."""
    judged_wrong = case.verdict is not None and case.verdict.outcome == "wrong"
    return Reason.WRONG if judged_wrong and case.settings.drop_wrong else None


def too_easy(case: Candidate) -> str | None:
    """Drop traces of problems below the difficulty asked for."""
    least = case.settings.min_difficulty
    return Reason.TOO_EASY if least is not None and case.difficulty is not None and case.difficulty < least else None


def too_hard(case: Candidate) -> str | None:
    """Drop traces of problems above the difficulty asked for."""
    most = case.settings.max_difficulty
    return Reason.TOO_HARD if most is not None and case.difficulty is not None and case.difficulty > most else None


def low_score(case: Candidate) -> str | None:
    """Drop traces that a reward model gives less than the score asked for."""
    least = case.settings.min_score
    return Reason.LOW_SCORE if least is not None and case.score is not None and case.score < least else None


def wrong_step(case: Candidate) -> str | None:
    """Drop traces with a step that people call wrong, where the recipe says so."""
    return Reason.WRONG_STEP if case.wrong_step and case.settings.drop_wrong_steps == "human" else None


def too_long(case: Candidate) -> str | None:
    """Drop traces with more characters than the limit; they are never cut."""
    limit = case.settings.max_characters
    return Reason.OVER_LENGTH if limit is not None and characters(case.trace) > limit else None


def repetitive(case: Candidate) -> str | None:
    """Drop traces in which more than the set share of the text repeats itself."""
    limit = case.settings.drop_repetition
    if limit is None:
        return None
    return Reason.REPETITION if repeated_share(f"{case.trace.reasoning}\n{case.trace.answer}") > limit else None


def run_on(case: Candidate) -> str | None:
    """Drop traces whose answer goes on with a question of its own making: the student would not stop either."""
    asked = "" if case.problem is None else case.problem.statement
    return Reason.RUN_ON if case.settings.drop_run_on and runs_on(case.trace.answer, asked) else None


def mixed_scripts(case: Candidate) -> str | None:
    """Drop traces that mix the question's script with others; one that is wholly in another is a language."""
    limit = case.settings.drop_mixed_scripts
    if limit is None:
        return None
    asked = "" if case.problem is None else case.problem.statement
    share = foreign_share(f"{case.trace.reasoning}\n{case.trace.answer}", asked)
    return Reason.MIXED if limit < share < 1 - limit else None


def elsewhere(case: Candidate) -> str | None:
    """Drop traces for which the condition of the recipe does not hold; one that is unknown drops nothing."""
    if case.settings.where is None:
        return None
    return Reason.ELSEWHERE if test_of(case.settings.where)(known_for(case, case.settings.where)) is False else None


def known_for(case: Candidate, text: str) -> Known:
    """Return what is known of a trace, with all that the condition `text` asks for."""
    return known_of(
        case.trace, case.problem, case.group, case.difficulty, case.score, case.listened, case.verdict,
        faith=asks_faith(text),
    )  # fmt: skip


def quotes(case: Candidate) -> str | None:
    """Drop traces in which a test question stands."""
    return Reason.QUOTES if quoted(case) else None


def quoted(case: Candidate) -> str:
    """Return what of which test question a trace quotes, "" where it quotes none."""
    if case.quotes is None:
        return ""
    asked = "" if case.problem is None else case.problem.statement
    return case.quotes.quoted(f"{case.trace.reasoning}\n{case.trace.answer}", asked)


def marks_left(case: Candidate) -> str | None:
    """Drop traces that still hold a mark of any dialect: trained on, it would be written by the student."""
    return Reason.MARKS_LEFT if holds_mark(case.trace.reasoning) or holds_mark(case.trace.answer) else None


def repeats_instruction(case: Candidate) -> str | None:
    """Drop traces with words in a row of the instruction they were asked under: the student would learn them."""
    told = _words(case.way.instruction)
    if not told:
        return None
    size = min(RUN, len(told))
    runs = {told[at : at + size] for at in range(len(told) - size + 1)}
    said = _words(f"{case.trace.reasoning}\n{case.trace.answer}")
    return Reason.TOLD if any(said[at : at + size] in runs for at in range(len(said) - size + 1)) else None


def speaks_of_hint(case: Candidate) -> str | None:
    """Drop traces that were told the answer and say so: the student will not be told it."""
    if not case.way.hinted:
        return None
    told = f"{case.trace.reasoning}\n{case.trace.answer}"
    return Reason.HINT if any(not _guesses(told, found) for found in _HINT.finditer(told)) else None


def _guesses(text: str, found: re.Match[str]) -> bool:
    """Whether a sentence only guesses which answer is expected."""
    if not _EXPECTED.search(found.group()):
        return False
    end = _SENTENCE_END.search(text, found.end())
    before = _SENTENCE_END.split(text[max(0, found.start() - LONGEST_SENTENCE) : found.start()])[-1]
    after = text[found.end() : found.end() if end is None else min(end.end(), found.end() + LONGEST_SENTENCE)]
    return _GUESS.search(f"{before}{found.group()}{after}".strip()) is not None


def bent(case: Candidate) -> str | None:
    """Drop traces that were told the answer and reach it by a calculation that is wrong."""
    if not case.way.hinted:
        return None
    text = case.trace.reasoning
    steps = [text[span.start : span.end] for span in segment(text, "sentences")]
    return Reason.BENT if check_steps(steps).first_wrong_step is not None else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def characters(trace: Trace) -> int:
    """Return the length of reasoning and answer together, in characters."""
    return len(trace.reasoning) + len(trace.answer)
