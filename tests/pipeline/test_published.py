"""`potstill export`: the traces of a run out in published shapes, and in again, through the command line."""

import json
from pathlib import Path

import pytest
from commands import call, done

from potstill.records import Example, Problem, Trace, Verdict
from potstill.store import Run
from potstill.teach.shapes import SHAPES

RECIPE = """\
name: t
problems: {evaluate: 3, sources: [{file: PROBLEMS}]}
teacher: {kind: dataset, file: TRACES}
checks: {self_consistency: true}
student: {scratch: {}}
train: {steps: 1}
"""
WRITTEN = [
    ("I add {n} and 3.", "The answer is {r}.", "stop"),
    ("I guess.", "The answer is 1000.", "stop"),
    ("A <b>tag</b> inside,\n\nand [one] more < that.", "So it is \\boxed{{{r}}}. \u00e9\u4e2d", "stop"),
    ("on and on", "", "length"),
    ("", "The answer is {r}.", "stop"),
]
STAGES = ("problems", "traces", "verdicts")
HELD = "So </think> it is."


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write(folder, problems, traces, name="r.yaml"):
    recipe = RECIPE.replace("PROBLEMS", problems).replace("TRACES", traces)
    if traces == "t.jsonl":
        recipe = recipe.replace("t.jsonl}", "t.jsonl, columns: {answer: said}}")
    (folder / name).write_text(recipe)


def staged(recipe, out, stages=STAGES):
    for stage in stages:
        done("run", recipe, "--out", out, "--stage", stage)
    return Run(Path(out))


def found(run):
    """What of each training trace has to survive."""
    training = {p.key: p for p in run.committed("problems").rows("train", Problem)}
    pairs = zip(
        run.committed("traces").rows("traces", Trace), run.committed("verdicts").rows("verdicts", Verdict), strict=True
    )
    return [
        (t.problem_key, t.teacher, t.reasoning, t.answer, t.finish, v.outcome, v.check)
        for t, v in pairs
        if t.problem_key in training and t.finish in ("stop", "length") and HELD not in t.reasoning
    ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run with traces of every sort, judged: one problem has no gold, one trace cannot be written."""
    folder = tmp_path_factory.mktemp("judged")
    problems = [{"id": f"q{n}", "question": f"What is {n} plus 3?", "gold": str(n + 3)} for n in range(12)]
    problems += [{"id": f"o{n}", "question": f"What is {n} plus 3 less 3?", "gold": ""} for n in range(6)]
    traces = [
        {"question": problem["question"], "model": model, "reasoning": reasoning.format(n=n), "finish": finish,
         "said": answer.format(r=problem["gold"] or n - 12)}
        for n, problem in enumerate(problems)
        for model in ("one", "two")
        for reasoning, answer, finish in WRITTEN
    ]  # fmt: skip
    traces += [
        {"question": problem["question"], "model": "one", "reasoning": HELD, "said": "4", "finish": "stop"}
        for problem in problems
        if problem["gold"]  # elsewhere the others would agree less without it
    ]
    traces += [{"question": p["question"], "model": "one", "said": "", "finish": "refused"} for p in problems]
    jsonl(folder / "p.jsonl", problems)
    jsonl(folder / "t.jsonl", traces)
    write(folder, "p.jsonl", "t.jsonl")
    return folder, staged(folder / "r.yaml", folder / "run")


@pytest.mark.parametrize("shape", SHAPES)
def test_traces_go_out_and_in_again_without_loss(judged, shape):
    folder, run = judged
    out = folder / f"{shape}.jsonl"
    told = done("export", run.path, "--traces", shape, "--out", out).out
    wanted = found(run)
    assert len(wanted) == 15 * 2 * len(WRITTEN)
    assert told.startswith(f"{len(wanted):,} traces in ")
    assert "of no training problem left out, 15 refused left out, " in told
    assert "with marks of thinking left out" in told
    write(folder, "p.jsonl", out.name, "again.yaml")
    again = staged(folder / "again.yaml", folder / f"again-{shape}")
    assert found(again) == wanted

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    held_out = {p.question for p in run.committed("problems").rows("evaluation", Problem)}
    assert not any(question in out.read_text() for question in held_out)
    sources = {"majority" if "less" in json.dumps(row) else "given" for row in rows}
    assert {row["gold_source"] for row in rows} == sources == {"given", "majority"}
    assert all(row.get("gold", row.get("answer")) for row in rows), "the gold that it was judged by"


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_written_is_a_source_of_problems_too(judged, shape):
    folder, run = judged
    out = folder / f"{shape}-problems.jsonl"
    done("export", run.path, "--traces", shape, "--out", out)
    write(folder, out.name, out.name, "from.yaml")
    again = staged(folder / "from.yaml", folder / f"from-{shape}", ("problems",)).committed("problems")
    asked = {p.question for side in ("train", "evaluation") for p in again.rows(side, Problem)}
    assert asked == {p.question for p in run.committed("problems").rows("train", Problem)}


def test_only_what_was_kept(finished_run):
    done("export", "run", "--traces", "messages", "--out", "m.jsonl", "--kept")
    kept = {example.trace_key for example in Run(finished_run).committed("examples").rows("examples", Example)}
    rows = [json.loads(line) for line in Path("m.jsonl").read_text().splitlines()]
    assert {row["id"] for row in rows} == kept
    assert {row["correct"] for row in rows} == {True}
    told = done("export", "run", "--traces", "messages", "--out", "all.jsonl").out
    assert len(Path("all.jsonl").read_text().splitlines()) > len(kept)
    assert "left out" not in told


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["nowhere", "--traces", "messages", "--out", "o.jsonl"], "there is no run folder nowhere"),
        (["run", "--traces", "sharegtp", "--out", "o.jsonl"], "no shape 'sharegtp' of traces, did you mean 'sharegpt'"),
        (["run", "--traces", "messages", "--out", "run"], "--out run is a folder: name a file in it"),
        (["run", "--traces", "messages"], "--out"),
        (["run", "--out", "o.jsonl"], "--traces"),
    ],
)
def test_mistakes_are_one_line(finished_run, argv, told):
    assert told in call("export", *argv).mistake()


def test_a_run_without_verdicts_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path / "p.jsonl", [{"question": f"What is {n}?", "gold": str(n)} for n in range(9)])
    jsonl(tmp_path / "t.jsonl", [{"question": "What is 1?", "said": "1", "reasoning": "so"}])
    write(tmp_path, "p.jsonl", "t.jsonl")
    staged("r.yaml", "run", ("problems",))
    line = call("export", "run", "--traces", "messages", "--out", "o.jsonl").mistake()
    assert "run has no finished stage traces: run it first" in line
    assert not (tmp_path / "o.jsonl").exists()
