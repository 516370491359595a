"""The public comparison: two answers as text in, right, wrong or unknown out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from potstill.recipe import Policy
from potstill.records import Cause, Outcome
from potstill.verify.allowance import Allowance, SpentError
from potstill.verify.symbolic.build import decide
from potstill.verify.symbolic.cost import check
from potstill.verify.symbolic.parse import parse
from potstill.verify.symbolic.simplest import is_simplest
from potstill.verify.symbolic.structure import Comparison
from potstill.verify.symbolic.tree import MAX_FORM, Node, TooCostlyError, UnparsableError, spell

SECONDS = 5.0
"""For one comparison, where the caller does not say otherwise."""
MAX_PENDING = 4
"""Pairs of one comparison that are asked of a worker."""
Call = Callable[..., object]
"""(function, *arguments) -> what it returns, run where it can be killed; raises one of the pool's errors."""
_GROUPED = re.compile(r"\d,\d{2}")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found: `method` is how, the two forms are what was compared, `reason` why it is undecided."""

    outcome: Outcome
    cause: Cause = ""
    method: str = ""
    gold_form: str = ""
    answer_form: str = ""
    reason: str = ""


def compare(
    gold: str,
    prediction: str,
    policy: Policy | None = None,
    kind: str = "expression",
    *,
    allowance: Allowance | None = None,
    call: Call | None = None,
) -> Compared:
    """Compare two bare answers as mathematical objects.

    Variables stand for themselves (`x` is not `y`); roots and logarithms of variables are compared where they are real.
    All of it takes no more than the allowance (`SECONDS` by default); then it is unknown. `call` runs what needs sympy,
    by default the process-wide pool.
    Raises `MissingExtraError` where a comparison needs numbers and mpmath is absent, and nothing for any text.
    """
    policy, allowance = policy or Policy(), allowance or Allowance(SECONDS)
    trees: list[Node] = []
    causes: tuple[Cause, Cause] = ("unparsable gold", "unparsable prediction")
    for text, cause in zip((gold, prediction), causes, strict=True):
        try:
            trees.append(_tree(text))
        except UnparsableError as error:
            return _by_spelling(gold, prediction, cause, str(error))
        except TooCostlyError as error:
            return _by_spelling(gold, prediction, "unsupported", str(error))
    session = Comparison(policy, kind, allowance)
    try:
        found = _judged(session, trees[0], trees[1], call)
        if found is not True:
            found = _other_readings(session, gold, prediction, found, call)
    except SpentError:
        return Compared("unknown", "timeout", "", reason="the comparison took too long")
    except RecursionError:
        return Compared("unknown", "unsupported", "", reason="nested too deep for the stack that is left")
    forms = spell(trees[0]), spell(trees[1])
    if found and policy.simplified and not is_simplest(trees[1], trees[0]):
        return Compared("wrong", "", session.method, *forms, "right, but not in lowest terms")
    if found is None:
        return Compared("unknown", session.cause, session.method, *forms, session.reason)
    return Compared("right" if found else "wrong", "", session.method, *forms)


def _tree(text: str, *, grouped: bool = True) -> Node:
    node = parse(text, grouped=grouped)
    check(node)
    return node


def _by_spelling(gold: str, prediction: str, cause: Cause, reason: str) -> Compared:
    """Answers that cannot be read are the same if they are spelled the same, and undecided otherwise."""
    shown = gold[:MAX_FORM], prediction[:MAX_FORM]
    if gold.strip() and gold.split() == prediction.split():
        return Compared("right", "", "same spelling", *shown)
    return Compared("unknown", cause, "", *shown, reason)


def _judged(session: Comparison, gold: Node, answer: Node, call: Call | None) -> bool | None:
    found = session.same(gold, answer)
    if found is not None or not session.pending or len(session.pending) > MAX_PENDING:
        return found
    for pair in session.pending:
        verdict = _asked(session, pair, call)
        if verdict is None:
            return None
        session.settled[pair] = verdict
    session.method = "sympy"
    return session.same(gold, answer)


def _asked(session: Comparison, pair: tuple[Node, Node], call: Call | None) -> bool | None:
    """Ask a worker about one pair; what goes wrong there is a cause, never a verdict."""
    from potstill.verify import pool

    if not session.allowance.workers:
        return None
    session.allowance.check()
    try:
        if call is None:
            said = pool.symbolic_pool().call(decide, *pair, session.percents(*pair), seconds=session.allowance)
        else:
            said = call(decide, *pair, session.percents(*pair))
    except pool.WorkerTimeoutError as error:
        raise SpentError from error
    except (pool.WorkerDiedError, pool.QueueFullError) as error:
        session.cause, session.reason = "infrastructure", str(error) or type(error).__name__
        return None
    except pool.CallFailedError as error:
        session.reason = str(error)
        return None
    return {"equal": True, "different": False}.get(str(said))


def _other_readings(
    session: Comparison, gold: str, prediction: str, found: bool | None, call: Call | None
) -> bool | None:
    """Try `1,234` as two numbers; inside brackets, where it is two already, a number makes the answer ambiguous."""
    if not (_GROUPED.search(gold) or _GROUPED.search(prediction)):
        return found
    for left, right in ((gold, prediction), (gold, prediction.strip("()[]{} ")), (gold.strip("()[]{} "), prediction)):
        for grouped in (False, True):
            try:
                trees = _tree(left, grouped=grouped), _tree(right, grouped=grouped)
            except (UnparsableError, TooCostlyError):
                continue
            second = Comparison(session.policy, session.kind, session.allowance)
            if _judged(second, *trees, call):
                if (left, right) == (gold, prediction):
                    session.method = second.method
                    return True
                session.cause, session.reason = "ambiguous", "a comma that groups digits or separates two numbers"
                return None
    return found
