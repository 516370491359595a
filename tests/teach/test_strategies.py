"""Ways of solving by kind of problem: the instruction sent and erased, leaks dropped, the pilot's choice computed."""

import json
import re
from collections import Counter

import pytest
import stub_server
from commands import call, done
from teach.scripted import Scripted, turns_of

from potstill import open as open_run
from potstill.curate.filters import AskedWay, Candidate, no_reasoning, repeats_instruction
from potstill.recipe import Curate, Way, Ways
from potstill.records import Problem, Reason, Trace
from potstill.teach.piloted_ways import Tried, chosen_ways
from potstill.teach.roles import packaged
from potstill.teach.strategies.strategies import PACKAGED, choosing, direct_ways

INSTRUCTION = {packaged(f"strategies_{name}"): name for name in PACKAGED}
RIGHT = {"chain": "step_by_step", "house": "recall_then_generate", "single": "direct"}
RECIPE = """\
name: ways
seed: 3
problems: {evaluate: 4, near: null, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, concurrency: 4, sampling: {temperature: 1.0, max_tokens: 64}}
strategy:
  kind: strategies
  samples: 2
  ways: WAYS
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 512}}
train: {steps: 1, batch: 2, micro_batch: 2, precision: fp32}
evaluate: {max_tokens: 8, batch: 2, shots: 0}
"""


class Able(Scripted):
    """Right under the way that suits the kind, wrong otherwise; once in a while it repeats its instruction."""

    leaks = False

    def said(self, body):
        system, asked = body["messages"][0]["content"], body["messages"][-1]["content"]
        number, kind = re.search(r"(\d+) of the (\w+)", asked).groups()
        way = INSTRUCTION.get(system, "mine")
        right = RIGHT[kind] == way or way == "mine"
        answer = f"The answer is {int(number) + (0 if right else 1)}."
        if way == "direct":
            return answer
        leak = f"I was told: {system.lower()}" if self.leaks and int(number) % 2 else ""
        return f"<think>\n{leak}Well, {body['seed']} is my seed.\n</think>\n{answer}"


def folder_with(tmp_path, url, ways):
    rows = [
        {"id": f"{kind}{n}", "question": f"Give number {n} of the {kind}.", "answer": str(n), "domain": kind}
        for kind in RIGHT
        for n in range(12)
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine.txt").write_text("Do as you like, but do it with care and without any haste.\n")
    (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", url).replace("WAYS", ways))


@pytest.fixture
def able(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stub_server, "Stub", Able)
    with stub_server.running() as stub:
        yield stub


ASSIGNED = "{assign: {chain: step_by_step, single: direct}, otherwise: mine, own: [{name: mine, file: mine.txt}]}"


def test_each_kind_has_its_way_and_no_row_has_the_instruction(able, tmp_path):
    able.leaks = True
    folder_with(tmp_path, able.url, ASSIGNED)
    for stage in ("problems", "traces", "verdicts", "examples"):
        done("run", "r.yaml", "--out", "run", "--stage", stage)
    sent = Counter()
    for body in able.bodies:
        kind = re.search(r"of the (\w+)", turns_of(body))[1]
        sent[kind, INSTRUCTION.get(body["messages"][0]["content"], body["messages"][0]["content"][:13])] += 1
    assert set(sent) == {("chain", "step_by_step"), ("single", "direct"), ("house", "Do as you lik")}
    assert able.stats()["requests"] == able.stats()["distinct"] == 2 * 32
    traces = {trace.key: trace for trace in open_run("run").table("traces")}
    examples = list(open_run("run").table("examples"))
    assert {traces[one.trace_key].strategy for one in examples} == {
        "strategies/step_by_step", "strategies/direct", "strategies/mine",
    }  # fmt: skip
    for one in examples:
        said = f"{one.question}\n{one.reasoning}\n{one.answer}".lower()
        assert not [text for text in INSTRUCTION if text.lower() in said]
        assert "without any haste" not in said
        assert bool(one.reasoning) is (traces[one.trace_key].strategy != "strategies/direct")
    dropped = Counter(drop.reason for drop in open_run("run").table("examples/dropped"))
    leaked = [trace for trace in traces.values() if "I was told" in trace.reasoning]
    direct = [trace for trace in traces.values() if trace.strategy == "strategies/direct"]
    assert dropped == {Reason.TOLD: len(leaked), Reason.SAME: len(direct) // 2}, "two direct answers are the same"


def test_a_pilot_finds_the_way_of_each_kind_and_what_it_asked_is_not_asked_again(able, tmp_path):
    folder_with(tmp_path, able.url, "{pilot: 6, among: [step_by_step, recall_then_generate, direct]}")
    for stage in ("problems", "traces"):
        done("run", "r.yaml", "--out", "run", "--stage", stage)
    problems = {problem.key: problem for problem in open_run("run").table("problems/train")}
    asked = {(problems[trace.problem_key].domain, trace.strategy) for trace in open_run("run").table("traces")}
    assert asked == {(kind, f"strategies/{way}") for kind, way in RIGHT.items()}
    pilot, traces = 3 * 3 * 6, len(list(open_run("run").table("traces")))
    assert able.stats()["requests"] == able.stats()["distinct"] == pilot + traces - 3 * 6
    counts = json.loads((tmp_path / "run" / "traces" / "manifest.json").read_text())["counts"]
    chosen = {(row[0], row[1]) for row in counts["pilot"]["tried"] if row[-1]}
    assert chosen == set(RIGHT.items())


def tried(kind, way, right, wrong, tokens=0):
    return Tried(kind=kind, way=way, right=right, wrong=wrong, unknown=0, tokens=tokens)


def test_two_ways_are_kept_where_it_is_open_which_is_better_and_none_where_all_fail():
    found = chosen_ways(
        [
            tried("a", "x", 30, 2), tried("a", "y", 3, 29), tried("a", "z", 10, 22),
            tried("b", "x", 20, 12, 900), tried("b", "y", 20, 12, 100), tried("b", "z", 20, 12, 500),
            tried("c", "x", 0, 32), tried("c", "y", 0, 0),
        ]
    )  # fmt: skip
    assert found == {"a": ("x",), "b": ("y", "z")}


def test_of_two_ways_each_sample_draws_one_by_hash(tmp_path):
    from potstill.recipe import Strategy

    strategy = Strategy(kind="strategies", ways=Ways(by="answer_kind"))
    both = choosing("{question}", strategy, tmp_path, 1, {"number": ("direct", "analogy")})
    problems = [Problem(id=str(n), question=f"q{n}", gold="1") for n in range(100)]
    drawn = Counter(both.named(problem, sample) for problem in problems for sample in (0, 1))
    assert set(drawn) == {"direct", "analogy"}
    assert min(drawn.values()) > 60


def case(reasoning, way):
    trace = Trace(
        problem_key="p", teacher="t", strategy="s", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=reasoning, answer="The answer is 3.", finish="stop",
    )  # fmt: skip
    return Candidate(
        trace=trace, verdict=None, problem=None, held_out=False, settings=Curate(), allow_summaries=False, way=way
    )


def test_eight_words_of_the_instruction_are_a_leak_and_seven_are_not():
    way = AskedWay(instruction="one two three four five six seven eight nine ten")
    assert repeats_instruction(case("Zero, two THREE four five six\nseven; eight-nine.", way)) == Reason.TOLD
    assert repeats_instruction(case("two three four five six seven eight then", way)) is None
    assert repeats_instruction(case("one two three four five six seven eight", AskedWay())) is None


def test_only_a_direct_way_may_have_no_reasoning():
    assert no_reasoning(case("", AskedWay(direct=True))) is None
    assert no_reasoning(case("", AskedWay())) == Reason.NO_REASONING
    own = (Way(name="direct", file="x"), Way(name="quick", file="y", direct=True))
    assert direct_ways(Ways()) == {"direct"}
    assert direct_ways(Ways(own=own)) == {"quick"}


def test_mistakes_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ways, told in (
        ("{assign: {chain: step_by_stp}}", "there is no way 'step_by_stp', did you mean 'step_by_step'?"),
        ("{own: [{name: mine, file: none.txt}]}", "cannot be read"),
        ("{otherwise: mine}", "strategy.ways.otherwise: there is no way 'mine'"),
        ("{}\n  system: Be kind.", "each way has its own system message"),
    ):
        folder_with(tmp_path, "http://127.0.0.1:9/v1", ways)
        assert told in call("check", "r.yaml").mistake()
