"""Ways of students in a run: told or erased, a pilot that students judge, and what the report says of it."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from commands import call, done

from potstill import open as open_run
from potstill.evaluate.protocol import TableLine
from potstill.graph import graph_of
from potstill.pipeline import piloting
from potstill.pipeline.stages import evaluate
from potstill.pipeline.taught_ways import told_statement
from potstill.recipe_file import load
from potstill.records import Measure
from potstill.store import Run
from potstill.teach.roles import packaged
from potstill.teach.worked import solve_by

HAND = "{single: direct, listed: extract_then_compute, house: recall_then_generate, options: elimination}"
RECIPE = f"""\
name: ways
seed: 7
problems:
  evaluate: 16
  sources:
    - {{family: store, count: 160}}
    - {{family: store, count: 8, use: evaluate, settings: {{new_wordings: 1}}}}
teacher: {{kind: worked, error_rate: 0.0}}
strategy: {{kind: strategies, ways: {{by: kind}}}}
student: {{scratch: {{hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 512}}}}
train: {{steps: 1, batch: 2, micro_batch: 2, precision: fp32}}
evaluate: {{max_tokens: 4, batch: 24, shots: 0}}
sets:
  told: {{strategy: {{ways: {{erase: false, assign: {HAND}}}}}}}
  direct: {{strategy: {{ways: {{spared: 5, otherwise: direct}}}}}}
  recall: {{strategy: {{ways: {{spared: 5, otherwise: recall_then_generate}}}}}}
  judged:
    strategy:
      ways: {{pilot: 5, otherwise: elimination, judge_by: {{direct: direct, recall_then_generate: recall}}}}
arms:
  told: {{train: {{on: told}}}}
  direct: {{train: {{on: direct}}}}
  recall: {{train: {{on: recall}}}}
  judged: {{train: {{on: judged}}}}
deliver: judged
"""
KINDS = ("house", "listed", "options", "single")
SUITS = {
    "single": "direct", "listed": "extract_then_compute", "house": "recall_then_generate", "options": "elimination",
}  # fmt: skip
measure_really = evaluate.measures_of


def scripted(context, arm, checkpoint, problems):
    """Answer as a student would that can recall, and guess right on a single article; nobody can do options."""
    del context, checkpoint
    able = {"direct": ("single",), "recall": ("single", "house", "listed")}[arm.name]
    return [
        Measure(
            student=arm.name, prompt="zero-shot", problem_key=problem.key, sample=0, reasoning="", answer="",
            finish="stop", prompt_tokens=9, completion_tokens=30 if arm.name == "recall" else 5, looped=False,
            outcome="right" if json.loads(problem.facts)["kind"] in able else "wrong", cause="none", extracted=None,
        )
        for problem in problems
    ]  # fmt: skip


def reasoned(model, ledger, asked, row, *others):
    """Answer held-out problems as a student that goes the way that suits the kind, or the only one it knows."""
    only = {"direct": "direct", "recall": "recall_then_generate"}.get(row.student)
    for (problem, _), measure in zip(asked, measure_really(model, ledger, asked, row, *others), strict=True):
        way = only or SUITS[json.loads(problem.facts)["kind"]]
        reasoning, answer = solve_by(problem, 0, 1, 0.0, way)
        outcome = "right" if answer == f"The answer is {problem.gold}." else "wrong"
        yield replace(measure, reasoning=reasoning, answer=answer, finish="stop", outcome=outcome, cause="none")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ways")
    (folder / "r.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(piloting, "_answered", scripted)
        patch.setattr(evaluate, "measures_of", reasoned)
        done("run", "r.yaml", "--out", "run")
    return folder / "run"


def traces(run, name):
    return list(open_run(run).table("traces" if name == "told" else f"traces-{name}"))  # that of the main set


def kinds(run):
    return {problem.key: json.loads(problem.facts)["kind"] for problem in open_run(run).table("problems/train")}


def test_students_judge_problems_that_none_of_them_was_taught_and_their_choice_is_what_is_asked(run):
    of = kinds(run)
    counts = json.loads((run / "traces-judged" / "manifest.json").read_text())["counts"]["pilot"]
    tried = {(kind, way): (right, wrong, tokens) for kind, way, right, wrong, _, tokens, *_ in counts["tried"]}
    assert tried["house", "recall_then_generate"] == (5, 0, 150)
    assert tried["house", "direct"] == (0, 5, 25)
    assert {kind for kind, _ in tried} == set(KINDS)
    assert counts["sampling"]["completion_tokens"] == 20 * 30 + 20 * 5
    asked = Counter((of[trace.problem_key], trace.strategy) for trace in traces(run, "judged"))
    ways = {kind: {way.removeprefix("strategies/") for one, way in asked if one == kind} for kind in KINDS}
    assert ways["house"] == ways["listed"] == {"recall_then_generate"}
    assert ways["options"] == {"elimination"}, "where all fail, `otherwise` says the way"
    assert ways["single"] == {"direct", "recall_then_generate"}, "the intervals of the two overlap"
    assert sum(asked.values()) == len(of)
    for name in ("direct", "recall"):
        taught = {trace.problem_key for trace in traces(run, name)}
        left = Counter(of[key] for key in set(of) - taught)
        assert left == dict.fromkeys(KINDS, 5)


def test_who_is_told_the_way_reads_its_instruction_in_training_and_in_evaluation(run):
    statements = {problem.key: problem for problem in open_run(run).table("problems/train")}
    by_key = {trace.key: trace for trace in traces(run, "told")}
    examples = list(open_run(run).table("examples"))
    assert len(examples) > 100
    for example in examples:
        way = by_key[example.trace_key].strategy.removeprefix("strategies/")
        assert example.question == f"{packaged(f'strategies_{way}')}\n\n{statements[example.problem_key].statement}"
    graph = graph_of(load(str(run.parent / "r.yaml")))
    asked = told_statement(graph.sets["told"], Run(run).committed("traces"))
    for problem in open_run(run).table("problems/evaluation"):
        assert asked(problem).endswith(f"\n\n{problem.statement}")
    read = {
        name: sum(one.prompt_tokens for one in open_run(run).table(f"evaluate-{name}/zero_shot"))
        for name in ("told", "direct")
    }
    assert read["told"] > 1.2 * read["direct"]
    assert TableLine("s", "zero-shot").statement(problem) == problem.statement


def test_the_report_says_what_was_chosen_on_known_and_new_wordings_beside_a_guess_by_words(run):
    report = json.loads((run / "report.json").read_text())
    (section,) = (one for one in report["sections"] if one["title"] == "Ways of solving")
    tables = {node["title"]: node["rows"] for node in section["children"]}
    lines = [row[:4] for row in tables["Which way students chose"]]
    wordings = {wording: n for name, wording, n, _ in lines if name == "told"}
    assert set(wordings) == {"as in training", "new"} or set(wordings) == {"new"}
    assert sum(wordings.values()) == 24
    assert wordings["new"] >= 8
    for name, _, _, share in lines:
        assert share == 1 or name not in ("told", "direct", "recall"), "each goes the way that it was taught"
    assert "guess by words, as told was taught" in {name for name, *_ in lines}
    assert "guess by words, as direct was taught" not in {name for name, *_ in lines}
    assert [row[:2] for row in tables["Ways that 'told' chose"]] == [[kind, SUITS[kind]] for kind in KINDS]
    judged = {row[0]: row[1] for row in tables["Ways that 'judged' chose"]}
    assert judged["listed"] == "recall_then_generate"
    assert judged["single"] in ("direct or recall_then_generate", "recall_then_generate or direct")
    assert "Ways of solving" in (run / "report.html").read_text()


def test_the_recipe_of_the_guide_page_with_students_as_judges_is_sound(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "strategies.md").read_text()
    (block,) = (one for one in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "judge_by:" in one)
    (tmp_path / "r.yaml").write_text(block)
    assert call("check", tmp_path / "r.yaml").code == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("judge_by: {direct: direct,", "judge_by: {direct: dirct,", "did you mean 'direct'"),
        ("{spared: 5, otherwise: direct}", "{spared: 4, otherwise: direct}", "may have been taught the problems"),
        ("{pilot: 5, otherwise", "{otherwise", "students judge a pilot, and there is none"),
        ("otherwise: direct", "otherwise: analogy", "by 'analogy'; it knows extract_then_compute"),
        ("family: store, count: 160", "family: chain, count: 160", "no ways for this family"),
    ],
)
def test_judges_and_ways_that_cannot_be_are_refused_before_anything_runs(tmp_path, old, new, says):
    assert old in RECIPE
    (tmp_path / "r.yaml").write_text(RECIPE.replace(old, new))
    result = call("check", tmp_path / "r.yaml")
    assert result.code == 2
    assert says in " ".join((result.out + result.err).split())
