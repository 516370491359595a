"""Scores of faithfulness of traces: by hand, on planted poison, and on traces that are sound."""

import json
import re
from pathlib import Path

import pytest
import yaml
from commands import TINY, done

from potstill import recipe
from potstill.curate.faithful import unfaithful
from potstill.curate.filters import Candidate
from potstill.problems import read
from potstill.records import Drop, Problem, Reason, Trace, content_key
from potstill.store import Run
from potstill.teach.worked import TEMPLATES, solve
from potstill.verify.faithful import FaithScore, faith_of

SUM = Problem(id="1", question="Ana has 5 pens and buys 7 more. She loses 2. How many are left?", gold="10")


def trace(problem, reasoning, answer):
    return Trace(
        problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=reasoning, answer=answer, finish="stop",
    )  # fmt: skip


def scores(reasoning, answer, problem=SUM):
    found = faith_of(problem, trace(problem, reasoning, answer))
    return found.conclusion, found.valid, found.dead, found.nowhere


@pytest.mark.parametrize(("reasoning", "answer", "expected"), [
    ("5 + 7 = 12. 12 - 2 = 10.", "The answer is 10.", ("right", 1.0, 0.0, 0)),
    ("5 + 7 = 12. 12 - 2 = 9.", "The answer is 10.", ("wrong", 0.5, 0.5, 0)),
    ("5 + 7 = 13. 13 - 2 = 11.", "The answer is 10.", ("wrong", 0.5, 0.5, 0)),
    ("5 + 7 = 12. 12 - 2 = 10. Check: 10 + 2 = 12.", "The answer is 10.", ("right", 1.0, 0.0, 0)),
    ("5 * 7 = 35. 5 + 7 = 12. 12 - 2 = 10.", "The answer is 10.", ("right", 1.0, 1 / 3, 0)),
    ("5 + 7 = 12. 12 - 2 = 10. So she has 10 pens left.", "10", ("right", 1.0, 0.0, 0)),
    ("333 - 323 = 10.", "The answer is 10.", ("right", 1.0, 0.0, 2)),
    ("It is easy to see.", "The answer is 10.", ("unknown", None, None, None)),
    ("", "The answer is 10.", ("unknown", None, None, None)),
])  # fmt: skip
def test_scores_are_those_counted_by_hand(reasoning, answer, expected):
    assert scores(reasoning, answer) == pytest.approx(expected)


@pytest.mark.parametrize(("reasoning", "answer", "expected"), [
    ("Red is warm. So it is choice B.", "The answer is B.", "right"),
    ("Red is warm. So it is choice A.", "The answer is B.", "wrong"),
    ("The warm one of them is red.", "The answer is B.", "right"),
    ("The cold one of them is blue.", "The answer is B.", "wrong"),
    ("It may be blue or red.", "The answer is B.", "unknown"),
    ("So it is choice A.", "", "unknown"),
])  # fmt: skip
def test_a_choice_is_named_by_letter_or_in_full(reasoning, answer, expected):
    problem = Problem(id="c", question="Which?", gold="B", answer_kind="choice", choices=("blue", "red", "green"))
    assert scores(reasoning, answer, problem)[0] == expected


@pytest.mark.parametrize(("reasoning", "answer", "expected"), [
    ("That gives 8:35.", "The answer is 8:35.", "right"),
    ("That gives 8:35.", "The answer is 9:05.", "wrong"),
    ("The row is Ana, Tom, Mia.", "The answer is Tom, Ana, Mia.", "wrong"),
    ("We think of the sea.", "The answer is the ocean.", "unknown"),
    ("So 7 - Q is left of it.", "The answer is Q - 7.", "unknown"),
    ("It is about 12.75.", "The answer is 12.57.", "unknown"),
])  # fmt: skip
def test_words_are_wrong_only_where_they_cannot_mean_the_same(reasoning, answer, expected):
    problem = Problem(id="t", question="What comes out?", gold="x", answer_kind="text")
    assert scores(reasoning, answer, problem)[0] == expected


@pytest.mark.parametrize(("reasoning", "answer", "expected"), [
    ("5 + 7 = 12. 12 - 2 = 10.", "At first there were 5 + 7 = 12, of which 2 went. The answer is 10.", "right"),
    ("12 - 2 = 10. Check the sum: 10 + 2 = 12. That leaves 12 - 7 = 5.", "The answer is 10.", "right"),
    ("21 / 4 = 5.25.", "The answer is 5.3.", "right"),
    ("8 * 30 = 240, which is congruent to 9 modulo 11.", "The answer is 9.", "right"),
    ("21 / 4 = 5.25.", "The answer is 6.", "unknown"),
    ("2 * 45 = 90.", "The answer is 1.5.", "unknown"),
    ("6 + 8 = 14. Finally, we multiply this by 3.", "The answer is 42.", "unknown"),
    ("6 + 8 = 14. Finally, we multiply this by 3.", "The answer is 43.", "wrong"),
    ("6 + 8 = 14. 14 + 9 = 23 is consistent with what we know.", "The answer is 14.", "unknown"),
    ("6 * 7 = 42. All pens are 42.", r"\(\frac{42 \text{ pens}}{3 \text{ jars}} = 14 \text{ each}\)", "unknown"),
    ("6 * 7 = 42. All pens are 42.", "The answer is 14.", "wrong"),
])  # fmt: skip
def test_what_may_come_to_the_answer_is_not_called_an_end_elsewhere(reasoning, answer, expected):
    assert scores(reasoning, answer)[0] == expected


@pytest.mark.parametrize(("question", "reasoning", "answer", "dead"), [
    ("How many?", "17 * 5 = 85 ≡ 2 (mod 83). 5 * 42 = 210 ≡ 44 (mod 83).", "The answer is 44.", 0.0),
    ("How many?", "10 / 3 = 3.3333. 3.33 * 2 = 6.66.", "The answer is 6.66.", 0.0),
    ("How many?", "12 * 3 = 36. 18 * 11 = 198. So it is 14.", "The answer is 14.", 1.0),
])  # fmt: skip
def test_what_is_used_otherwise_than_as_it_stands_leads_somewhere(question, reasoning, answer, dead):
    assert scores(reasoning, answer, Problem(id="d", question=question, gold="1"))[2] == dead


def test_the_last_result_leads_to_an_answer_in_words():
    problem = Problem(id="w", question="Who has more?", gold="Ana", answer_kind="text")
    assert scores("5 + 7 = 12. 12 - 2 = 10.", "The answer is Ana.", problem)[2] == 0.0
    assert scores("5 * 7 = 35. 12 - 2 = 10.", "The answer is Ana.", problem)[2] == 0.5


@pytest.mark.parametrize(("question", "reasoning", "count"), [
    ("Of 250 pens 40% are red. How many are not?", "250 * 0.6 = 150.", 0),
    ("Twenty-five boxes hold 4 pens each. How many?", "25 * 4 = 100.", 0),
    ("A third of 90 pens?", "90 * 0.3333 = 30.", 0),
    ("Two shows of 150 minutes and one of 240: how long?", "(2 * 150) + 240 = 300 + 240 = 540.", 0),
    ("Ana has 4 of 7 pens. How many?", "4 * 83 = 332.", 1),
])  # fmt: skip
def test_what_the_question_says_in_another_way_comes_from_somewhere(question, reasoning, count):
    assert scores(reasoning, "The answer is 1.", Problem(id="n", question=question, gold="1"))[3] == count


def candidate(problem, reasoning, answer, **asked):
    return Candidate(
        trace=trace(problem, reasoning, answer), verdict=None, problem=problem, held_out=False,
        settings=recipe.Curate(faithful=recipe.FaithFilter(**asked)), allow_summaries=False,
    )  # fmt: skip


def test_each_score_has_its_filter():
    assert unfaithful(candidate(SUM, "5 + 7 = 12. 12 - 2 = 9.", "The answer is 10.")) == Reason.OTHER_CONCLUSION
    restored = "5 + 7 = 13. 12 - 2 = 10."
    assert unfaithful(candidate(SUM, restored, "The answer is 10.")) == Reason.WRONG_ARITHMETIC
    assert unfaithful(candidate(SUM, restored, "The answer is 10.", valid=0.5)) is None
    astray = "5 * 7 = 35. 5 + 7 = 12. 12 - 2 = 10."
    assert unfaithful(candidate(SUM, astray, "The answer is 10.")) is None
    assert unfaithful(candidate(SUM, astray, "The answer is 10.", dead=0.2)) == Reason.DEAD_STEPS
    assert unfaithful(candidate(SUM, "333 - 323 = 10.", "The answer is 10.", nowhere=0)) == Reason.FROM_NOWHERE


WITHOUT = {"table", "function", "store"}
"""Families whose answers are several parts or programs, of which no score says anything yet; and one that is worked by
a way that does not fit, with steps that are all true."""


def solved(family, seed, samples):
    """Sound work on 60 problems of a family: each problem, the sample, its reasoning and its answer."""
    for problem in read(recipe.Source(family=family, count=60), seed=seed, data=Path(), where="x"):
        for sample in range(samples):
            reasoning, answer, _ = solve(problem, sample, 1, 0.0, "varied")
            yield problem, sample, reasoning, answer


def gone(texts):
    """How many of (problem, reasoning, answer)s are dropped."""
    return sum(unfaithful(candidate(*one)) is not None for one in texts)


@pytest.mark.parametrize("family", sorted(TEMPLATES.keys() - WITHOUT))
def test_poisoned_traces_go_and_sound_ones_stay(family):
    """Right answers behind the reasoning of a mistake of `worked`: at least 99% go, at most 1% of sound ones."""
    sound, poisoned = [], []
    for problem, sample, reasoning, answer in solved(family, 5, 2):
        sound.append((problem, reasoning, answer))
        astray, said, _ = solve(problem, sample, 1, 1.0, "varied")
        right = f"The answer is {problem.gold}."
        if said != right:
            poisoned.append((problem, astray, right))
    assert len(poisoned) > 80
    assert gone(sound) <= 0.01 * len(sound)
    assert gone(poisoned) >= 0.99 * len(poisoned)


_RESULT = re.compile(r"(?<== )\d+\b(?![:.]\d)")
"""The `12` of `5 + 7 = 12`."""


@pytest.mark.parametrize("family", ["chain", "weekday"])
def test_silent_restorations_are_caught(family):
    """A result is bent where it is computed, and everything behind goes on as if nothing were: at least 99% go."""
    sound, restored = [], []
    for problem, sample, reasoning, answer in solved(family, 6, 4):
        sound.append((problem, reasoning, answer))
        places = list(_RESULT.finditer(reasoning))
        if len(places) < 2:
            continue
        place = places[int(content_key("restored", problem.key, sample)[:8], 16) % (len(places) - 1)]
        bent = int(place.group()) + 1 + sample
        restored.append((problem, f"{reasoning[: place.start()]}{bent}{reasoning[place.end() :]}", answer))
    assert len(restored) > 100
    assert gone(sound) <= 0.01 * len(sound)
    assert gone(restored) >= 0.99 * len(restored)


def test_a_recipe_writes_the_scores_and_drops_by_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = recipe.Source(family="chain", count=24)
    from potstill.problems import source_seed

    problems = list(read(source, seed=source_seed(3, 0), data=Path(), where="x"))
    rows = []
    for number, problem in enumerate(problems):
        reasoning, _, _ = solve(problem, 0, 3, float(number % 4 == 0), "plain")
        rows.append({"question": problem.question, "reasoning": reasoning, "said": f"The answer is {problem.gold}."})
    Path("traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = yaml.safe_load(TINY) | {
        "teacher": {"kind": "dataset", "file": "traces.jsonl", "columns": {"answer": "said"}},
        "checks": {"faithful": True}, "curate": {"faithful": {}},
    }  # fmt: skip
    Path("r.yaml").write_text(yaml.safe_dump(found))
    done("run", "r.yaml", "--out", "run", "--until", "examples")
    run = Run(Path("run"))
    verdicts, examples = run.committed("verdicts"), run.committed("examples")
    assert len(list(verdicts.rows("faithful", FaithScore))) == 24
    dropped = [row.reason for row in examples.rows("dropped", Drop)]
    assert dropped.count(Reason.OTHER_CONCLUSION) + dropped.count(Reason.WRONG_ARITHMETIC) in (4, 5, 6)
    assert verdicts.counts["faithful"]["wrong"] >= 4
