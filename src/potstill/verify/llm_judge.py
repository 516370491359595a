"""A language model asked about the answers that the rules leave undecided, and about others where the policy says so.

It is asked once per answer, through the sampler and the ledger of served models. What it says counts only where it
copies the answer that it judged, that copy stands in the answer, and the rules do not contradict it. Whatever goes
wrong with it leaves an answer undecided, never wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from potstill import recipe
from potstill.errors import RecipeError, TeacherError
from potstill.models.budget import Cap, CapReachedError
from potstill.models.ledger import Ledger
from potstill.models.requests import Completion, Message, Request
from potstill.models.sampling import wire_sampling
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import Cause, Failure, Finish, Opinion, content_key
from potstill.verify.answers import judge_answer
from potstill.verify.guards import harmless, refused, unbelievable
from potstill.verify.judged import SHOWN, Judged

ASKED: tuple[Cause, ...] = ("unsupported", "unparsable prediction", "unparsable gold")
"""Causes that a judge is asked about. A timeout is not one: which answers time out depends on how busy the machine is,
and more seconds decide them. Ambiguous answers say two things: a judge chooses for them only if the policy lets it."""
SEED = 0
"""Sent with each request, so that a server that heeds it says the same again; `extra: {seed: null}` sends none."""
UNPAID = f"judge: {Failure.NOT_ASKED}"
"""Reason of a verdict that the judge was to settle when the money was spent."""
_SLOTS = ("question", "gold", "answer", "nonce", "conventions")
_SLOT = re.compile("{(" + "|".join(_SLOTS) + ")}")


@dataclass(frozen=True, slots=True)
class Case:
    """An answer and what the rules made of it.

    `question` is the problem's statement with its choices; `answer` the response without its thinking, or a bare
    answer; `finish` how the response ended.
    """

    question: str
    gold: str | None
    kind: str
    choices: tuple[str, ...]
    answer: str
    judged: Judged
    finish: Finish = "stop"

    def is_for(self, policy: recipe.Policy) -> bool:
        """Whether a judge may be asked: there is a whole answer and a gold one, and the policy leaves them to it."""
        if self.finish != "stop" or self.kind == "code" or not (self.gold and self.gold.strip()):
            return False
        if self.judged.outcome == "unknown":
            return self.judged.cause in ASKED or (self.judged.cause == "ambiguous" and policy.judge == "ambiguous")
        return self.judged.outcome == "wrong" and self.judged.in_words and policy.judge != "undecided"

    @property
    def candidate(self) -> str:
        """What the judge is shown: the final answer where one was found and kept whole, else the whole answer."""
        found = self.judged.extracted if self.judged.cause != "ambiguous" else None
        return found if found and len(found) < SHOWN else self.answer


@dataclass(frozen=True, slots=True)
class _Question:
    """A case as it is asked; its request's key is where the ledger has the reply."""

    case: Case
    request: Request
    nonce: str


def packaged_prompt() -> str:
    """Return the prompt that comes with potstill."""
    return files("potstill.verify").joinpath("judge_prompt.txt").read_text(encoding="utf-8")


def read_prompt(path: Path) -> str:
    """Return a prompt of the user's own.

    Raises:
        RecipeError: the file cannot be read, or lacks one of the places that are filled in.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"checks.judge: the prompt {path} cannot be read ({error}): name a text file") from None
    missing = [f"{{{slot}}}" for slot in _SLOTS if f"{{{slot}}}" not in text]
    if missing:
        raise RecipeError(f"checks.judge: the prompt {path} lacks {', '.join(missing)}: write each where it belongs")
    return text


def prompt_hash(prompt: str) -> str:
    """Return the hash of a prompt that verdicts name."""
    return content_key("judge prompt", prompt)[:16]


class LanguageJudge:
    """One judge with its ledger, which is opened for the first question. Used as a context.

    A reply that the ledger has is not asked for again. Where the judge cannot be reached, refuses or is cut off, the
    judgement is unknown with cause `infrastructure`; once the sampler gives it up, this object asks nothing more.
    `prompt` replaces the packaged one. `cap` is the money that it shares with a teacher: reached, it ends the run, or
    with `go_on` leaves the rest undecided. Progress counts questions.

    Raises:
        TeacherError: the address or the key of the judge cannot be used.
        RecipeError: its sampling settings hold a field that is not the recipe's to set.
    """

    def __init__(
        self, judge: recipe.Judge, checks: recipe.Checks, ledger: Path, progress: Progress, prompt: str | None = None,
        cap: Cap | None = None, *, go_on: bool = False,
    ) -> None:  # fmt: skip
        self.judge, self.checks, self.path, self.progress = judge, checks, ledger, progress
        self.prompt = packaged_prompt() if prompt is None else prompt
        self.sampling = wire_sampling(judge.sampling, SEED, "checks.judge.sampling")
        self.conventions = conventions(checks.policy)
        self.method = f"judge {judge.model}, prompt {prompt_hash(self.prompt)}"
        self.given_up = ""
        self.completions: Ledger | None = None
        self.go_on = go_on
        cap = cap or Cap(judge.spend_at_most)
        self.model = ServedModel(replace(judge, spend_at_most=cap.most), section="checks.judge", cap=cap)

    def __enter__(self) -> LanguageJudge:
        return self

    def __exit__(self, *_: object) -> None:
        if self.completions is not None:
            self.completions.close()

    def judged(self, cases: list[Case]) -> Iterator[Judged]:
        """Yield one judgement a case, in order: those decided and those not to be asked about as they came.

        Raises:
            StoreError, BusyError: the ledger cannot be used.
            MissingExtraError: an answer has to be asked about and the HTTP client is absent.
        """
        plan = [self._planned(case) for case in cases]
        questions = [item for item in plan if isinstance(item, _Question)]
        replies = self._ask(questions) if questions else None
        for item in plan:
            if isinstance(item, Judged):
                yield item
            else:
                yield self._settled(item, replies.get(item.request.key) if replies else None)

    def _planned(self, case: Case) -> Judged | _Question:
        if not case.is_for(self.checks.policy):
            return case.judged
        if why := refused(case.candidate, case.gold or ""):
            return _left(case, case.judged.method, f"judge not asked: {why}")
        return self._question(case)

    def _question(self, case: Case) -> _Question:
        # The code is a hash over the answer itself, so that no answer can contain its own, and a rerun asks the same.
        nonce = content_key("judge nonce", self.prompt, case.question, case.gold, case.candidate)[:12]
        filled = {
            "question": harmless(case.question),
            "gold": harmless(case.gold or ""),
            "answer": harmless(case.candidate),
            "nonce": nonce,
            "conventions": self.conventions,
        }
        # One pass: what is filled in may itself contain {nonce}.
        text = _SLOT.sub(lambda slot: filled[slot[1]], self.prompt)
        return _Question(
            case,
            Request(messages=(Message("user", text),), model=self.judge.model, sampling=self.sampling, sample=0),
            nonce,
        )

    def _ask(self, questions: list[_Question]) -> Ledger:
        if self.completions is None:
            self.completions = Ledger(self.path)
        if not self.given_up:
            try:
                self.model.collect((question.request for question in questions), self.completions, self.progress)
            except TeacherError as error:
                if isinstance(error, CapReachedError) and not self.go_on:
                    raise
                self.given_up = Failure.NOT_ASKED if isinstance(error, CapReachedError) else str(error)
        return self.completions

    def _settled(self, question: _Question, completion: Completion | None) -> Judged:
        case = question.case
        if completion is None or completion.finish == "failed":
            told = completion.failure if completion else ""
            return _outage(case, self.method, told or self.given_up or "no reply")
        if completion.finish == "refused":
            return _outage(case, self.method, f"refused: {completion.failure}")
        if completion.finish == "length":
            return _outage(case, self.method, "its reply was cut off: raise checks.judge.sampling.max_tokens")
        verdict, quote = read_reply(completion.content, question.nonce)
        if verdict not in ("RIGHT", "WRONG"):
            why = f"the judge is {verdict}" if verdict else "the judge's reply has no verdict in its form"
            return _undecided(case, self.method, why, "unsure" if verdict else "")
        right = verdict == "RIGHT"
        if why := unbelievable(quote, case.candidate, case.gold or "", right=right):
            return _undecided(case, self.method, f"the judge says {verdict}, but {why}", "")
        return self._decided(case, quote, right=right)

    def _decided(self, case: Case, quote: str, *, right: bool) -> Judged:
        """Return the judge's verdict on a quote, unless the rules can read the quote and say otherwise."""
        rules = judge_answer(
            quote, case.gold or "", case.kind, case.choices, self.checks.policy, seconds=self.checks.seconds
        )
        method, shown = self.method, quote if len(quote) <= SHOWN else f"{quote[: SHOWN - 3]}..."
        said: Literal["right", "wrong"] = "right" if right else "wrong"
        read = rules.outcome == "right" or (rules.outcome == "wrong" and not rules.in_words)
        if read:
            if rules.outcome != said:
                why = f"the judge says {said.upper()} of {quote[:80]!r}, the rules say {rules.outcome}"
                return replace(_undecided(case, self.method, why, said), rules=rules.outcome)
            method = f"{method}, and {rules.method}" if rules.method else method
        return replace(
            case.judged, outcome=said, cause="", method=method, score=float(right), extracted=shown, reason="",
            rules=rules.outcome if read else case.judged.outcome, judge=said,
        )  # fmt: skip


def read_reply(text: str, nonce: str) -> tuple[str, str]:
    """Return (verdict, quote) of a judge's reply; two empty texts unless it ends in exactly the two lines asked for.

    The verdict is RIGHT, WRONG or UNSURE. Asterisks and backticks around either line are let pass.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or sum(line.lstrip("*`> ").startswith(f"VERDICT-{nonce}") for line in lines) != 1:
        return "", ""
    verdict = re.fullmatch(rf"VERDICT-{nonce}:\s{{0,9}}(RIGHT|WRONG|UNSURE)\.?", re.sub("[*`]", "", lines[-1]).strip())
    quote = re.fullmatch(rf"[*`]{{0,3}}QUOTE-{nonce}[*`]{{0,3}}:[*`]{{0,3}}(.{{1,9999}})", lines[-2])
    if verdict is None or quote is None:
        return "", ""
    copied = quote[1].strip()
    for mark in ("`", '"', "**"):
        if len(copied) > 2 * len(mark) and copied.startswith(mark) and copied.endswith(mark):
            copied = copied[len(mark) : -len(mark)].strip()
    return verdict[1], "" if copied == "NONE" else copied


def conventions(policy: recipe.Policy) -> str:
    """Return a policy as sentences for the prompt, one a line."""
    figures = policy.significant_figures
    sentences = (
        "10% is 0.1 and not 10." if policy.percent == "strict" else "A percent sign makes no difference: 10% is 10.",
        f"A decimal may differ from the reference by {policy.tolerance:g} of it." if policy.tolerance else "",
        f"Decimals agree when they agree in {'as many' if figures == 'gold' else figures} significant figures"
        f"{' as the reference has' if figures == 'gold' else ''}." if figures else "",
        "Decimals agree only if they are equal." if not policy.tolerance and not figures else "",
        "Several answers must come in the order of the reference." if policy.order == "strict"
        else "The order of several answers makes no difference; that of the parts of a tuple does.",
        "Units must be there." if policy.units == "required"
        else "A unit that only one of the two has makes no difference; two units are converted.",
        "An answer that is not in simplest form is WRONG." if policy.simplified else "",
    )  # fmt: skip
    return "\n".join(f"- {sentence}" for sentence in sentences if sentence)


def _left(case: Case, method: str, why: str) -> Judged:
    """Return a case as undecided as it was."""
    reason = f"{case.judged.reason}; {why}" if case.judged.reason else why
    return replace(case.judged, method=method, reason=reason)


def _undecided(case: Case, method: str, why: str, said: Opinion) -> Judged:
    """Return a case that the judge could not settle; words that only the rules call wrong are then open."""
    left = replace(_left(case, method, why), rules=case.judged.outcome, judge=said)
    return replace(left, outcome="unknown", cause=case.judged.cause or "ambiguous", score=None)


def _outage(case: Case, method: str, why: str) -> Judged:
    return replace(
        case.judged, outcome="unknown", cause="infrastructure", method=method, score=None, reason=f"judge: {why}"
    )
