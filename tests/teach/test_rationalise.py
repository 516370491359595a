"""Rationalisation: the answer is told only after failure, and of what comes of it only the sound traces are kept."""

import json
import re
from collections import Counter

import pytest
import stub_server
from commands import done
from teach.scripted import Scripted, turns_of

from potstill import open as open_run
from potstill.curate.filters import AskedWay, Candidate, bent, speaks_of_hint
from potstill.recipe import Curate
from potstill.records import Reason, Trace
from potstill.teach.roles import packaged

RECIPE = """\
name: told
seed: 3
problems: {evaluate: 2, near: null, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, concurrency: 4, sampling: {temperature: 1.0, max_tokens: 64}}
strategy:
  kind: rationalise
  samples: 3
  rationalise: {samples: 2, share_at_most: SHARE}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 512}}
train: {steps: 1, batch: 2, micro_batch: 2, precision: fp32}
evaluate: {max_tokens: 8, batch: 2, shots: 0}
curate: {per_problem: 9}
"""
TOLD = packaged("rationalise_hint").split("\n")[2].partition("{")[0]


class Late(Scripted):
    """Solves even numbers; odd ones only once it is told, soundly, by a bent sum, or with a word about the hint."""

    def said(self, body):
        text = turns_of(body)
        number = int(re.search(r"What is (\d+) \+ 5\?", text)[1])
        seed = f"Draw number {body['seed']}.\n"
        if TOLD not in text:
            return f"{seed}{number} + 5 = {number + 5 + number % 2}.\n\nThe answer is {number + 5 + number % 2}."
        how = number // 2 % 3
        sums = f"{number} + 5 = {number + 5}"
        if how == 1:
            sums = f"{number} + 4 = {number + 5}"
        if how == 2:
            sums += ", which matches the given answer"
        return f"{seed}{sums}.\n\nThe answer is {number + 5}."


@pytest.fixture
def late(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"q{n}", "question": f"What is {n} + 5?", "answer": str(n + 5)} for n in range(26)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(stub_server, "Stub", Late)
    with stub_server.running() as stub:
        yield stub


def curated(late, tmp_path, share):
    """Return examples with their traces, and the drops by reason, at a share of told answers."""
    (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", late.url).replace("SHARE", str(share)))
    for stage in ("problems", "traces", "verdicts", "examples"):
        done("run", "r.yaml", "--out", "run", "--stage", stage, "--redo")
    traces = {trace.key: trace for trace in open_run("run").table("traces")}
    examples = [(traces[one.trace_key], one) for one in open_run("run").table("examples")]
    hinted = [one for trace, one in examples if trace.strategy == "rationalise/hinted"]
    return examples, hinted, Counter(drop.reason for drop in open_run("run").table("examples/dropped"))


def test_told_only_after_failure_only_the_sound_ones_are_kept_and_their_share_is_capped(late, tmp_path):
    examples, hinted, reasons = curated(late, tmp_path, 1.0)
    problems = {problem.key: problem for problem in open_run("run").table("problems/train")}
    odd = {key for key, one in problems.items() if int(one.gold) % 2 == 0}
    told = [turns_of(body) for body in late.bodies if TOLD in turns_of(body)]
    assert len(told) == 2 * len(odd), "only those that failed"
    assert len(late.bodies) == 3 * len(problems) + len(told) == late.stats()["distinct"]
    assert {int(re.search(r"What is (\d+)", text)[1]) % 2 for text in told} == {1}
    sound = [key for key in odd if (int(problems[key].gold) - 5) // 2 % 3 == 0]
    assert Counter(one.problem_key for one in hinted) == Counter(sound * 2)
    assert not [one for _, one in examples if TOLD.strip() in f"{one.question}{one.reasoning}{one.answer}"]
    bent_ones = [key for key in odd if (int(problems[key].gold) - 5) // 2 % 3 == 1]
    assert reasons[Reason.BENT] == 2 * len(bent_ones) > 0
    assert reasons[Reason.HINT] == 2 * (len(odd) - len(sound) - len(bent_ones)) > 0
    assert reasons[Reason.SHARE] == 0
    examples, hinted, reasons = curated(late, tmp_path, 0.1)
    assert len(late.bodies) == late.stats()["distinct"] == 3 * len(problems) + 2 * len(odd), "nothing is asked again"
    assert len(hinted) == (len(examples) - len(hinted)) // 9
    assert len(hinted) + reasons[Reason.SHARE] == 2 * len(sound)


def case(reasoning, hinted):
    trace = Trace(
        problem_key="p", teacher="t", strategy="s", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=reasoning, answer="The answer is 72.", finish="stop",
    )  # fmt: skip
    way = AskedWay(hinted=hinted)
    return Candidate(
        trace=trace, verdict=None, problem=None, held_out=False, settings=Curate(), allow_summaries=False, way=way
    )


@pytest.mark.parametrize(
    "said",
    [
        "We know that the answer is 72.", "This matches the correct answer.", "The given answer is 72, so it is 72.",
        "Since I am told the final answer, I work backwards.", "The answer was already provided.", "As the hint says,",
        "That is 72, the expected answer.", "The answer is given in the prompt.", "The answer is given as 72.",
        "Maybe I should halve it. The expected answer is 72, so I do.",
    ],
)  # fmt: skip
def test_words_about_the_hint(said):
    assert speaks_of_hint(case(said, hinted=True)) == Reason.HINT
    assert speaks_of_hint(case(said, hinted=False)) is None


@pytest.mark.parametrize(
    "said",
    [
        "So the answer is 72.",
        "We know that the price is 3.",
        "The right answer to that is 9 pens.",
        "He answers her.",
        "Maybe the expected answer is 72.",
        "Since nothing is said of it, I think the expected answer might be 9.",
        "But is that the expected answer?",
        "The answer is given in metres.",
        "The answer is given as a fraction.",
    ],
)
def test_words_about_an_answer(said):
    assert speaks_of_hint(case(said, hinted=True)) is None


def test_a_bent_sum_is_dropped_where_the_answer_was_told():
    assert bent(case("12 + 50 = 72.", hinted=True)) == Reason.BENT
    assert bent(case("12 + 60 = 72.", hinted=True)) is None
    assert bent(case("12 + 50 = 72.", hinted=False)) is None
