"""Studies: each shared stage made once, killed and gone on with, a table that equals one computed by hand."""

import json
import math
import shutil
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import call, done, start

import potstill
from potstill.errors import PotstillError
from potstill.pipeline.study import plan_study
from potstill.pipeline.study_file import read_study
from potstill.recipe_file import shipped
from potstill.records import Measure
from potstill.store import Run

RECIPE = """\
name: odd
problems:
  sources:
    - {file: train.jsonl, use: train, answer_kind: yes_no}
    - {file: held_out.jsonl, use: evaluate, answer_kind: yes_no}
teacher: {kind: solutions}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 96}}
train: {steps: 40, batch: 8, micro_batch: 8, precision: fp32, max_length: 96}
evaluate: {max_tokens: 20, batch: 32, shots: 1}
arms: {base: {}, traces: {train: {}}}
"""
STUDY = """\
recipe: odd.yaml
question: Is <b>fast</b> better?
seeds: [3, 4, 5]
vary:
  slow: {train.learning_rate: 3.0e-3}
  fast: {train: {learning_rate: 3.0e-2}}
margin: 2.5
compare: [[fast, slow], [base, fast]]
"""
VARIANTS, SEEDS = ("slow", "fast"), (3, 4, 5)
SHARED = {"problems": 1, "traces": 1, "verdicts": 1, "examples": 1, "student": 3, "rows": 1}
OWN = {"train": 6, "evaluate": 6 + 3, "report": 6}
"""An evaluation a trained arm and, since untouched students are the same in both variants, one a seed for `base`."""


def problems(numbers):
    rows = [(f"Is {n} odd?", "yes" if n % 2 else "no", f"It ends in {n % 10}.") for n in numbers]
    return "".join(json.dumps(dict(zip(("question", "gold", "solution"), row, strict=True))) + "\n" for row in rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "odd.yaml").write_text(RECIPE)
    (folder / "study.yaml").write_text(STUDY)
    (folder / "train.jsonl").write_text(problems(range(0, 200, 3)))
    (folder / "held_out.jsonl").write_text(problems(range(1, 100, 3)))
    return folder


def counting(monkeypatch):
    """Count how often each output is begun."""
    begun, begin = Counter(), Run.begin

    def counted(run, kind, fingerprint, about):
        begun[kind, fingerprint] += 1
        return begin(run, kind, fingerprint, about)

    monkeypatch.setattr(Run, "begin", counted)
    return begun


@dataclass(frozen=True)
class Killed:
    """A finished study that was killed in between: what was made before, and how often each was begun after."""

    out: Path
    made: dict[str, int]
    begun: Counter
    told: str


@pytest.fixture(scope="module")
def whole(folder):
    out = folder / "whole"
    process = start("study", folder / "study.yaml", "--out", out)
    while process.poll() is None and not (out / "runs/slow-seed4/train-traces").is_symlink():
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    made = {path.parent.name: path.stat().st_ino for path in (out / "stages").glob("*/manifest.json")}
    with pytest.MonkeyPatch.context() as patch:
        begun = counting(patch)
        told = done("study", folder / "study.yaml", "--out", out).out
    return Killed(out, {name: inode for name, inode in made.items() if "." not in name}, begun, told)


def test_what_would_run_is_told_before(folder):
    told = done("study", folder / "study.yaml", "--out", folder / "none", "--check").out
    assert "2 variants x 3 seeds = 6 runs" in told
    assert "lines of the table: base, slow, fast" in told
    # students of other seeds differ in their weights alone and share their rows, which is known once they are there
    assert "together      31  for 60: 29 are shared" in told
    assert done("check", folder / "study.yaml").out.splitlines()[1:4] == told.splitlines()[1:4]
    assert not (folder / "none").exists()


def test_each_shared_stage_is_made_once_also_where_the_study_is_killed_in_between(whole):
    stages = {path.name: path for path in (whole.out / "stages").iterdir()}
    assert Counter(name.rpartition("-")[0] for name in stages) == SHARED | OWN
    begun = {f"{kind}-{fingerprint[:16]}": times for (kind, fingerprint), times in whole.begun.items()}
    assert set(begun.values()) == {1}
    assert 15 <= len(whole.made) < 29
    assert (begun.keys() | whole.made.keys(), begun.keys() & whole.made.keys()) == (stages.keys(), set())
    assert {name: (stages[name] / "manifest.json").stat().st_ino for name in whole.made} == whole.made
    rows = table(whole.out, "Runs")
    assert rows[0][1:4] == [10, 10, 0]
    assert rows[-1][1:4] == [60, 29, 31]


def test_a_run_of_a_study_is_a_run_folder(folder, whole):
    assert "every output is in use" in done("clean", whole.out).out
    inside = whole.out / "runs/slow-seed3"
    assert "every output is in use" in done("clean", inside, "--remove").out
    assert {line.split()[1] for line in done("status", inside).out.partition("\n\n")[0].splitlines()} == {"done"}
    holder = Run(whole.out)
    holder.lock()
    try:
        assert "is in use by process" in call("run", inside / "recipe.yaml", "--out", inside).mistake()
        assert "is in use by process" in call("study", folder / "study.yaml", "--out", whole.out).mistake()
    finally:
        holder.unlock()


def test_python_runs_a_study_and_reads_what_came_out(folder, whole):
    told = []
    study = potstill.study(folder / "study.yaml", whole.out, progress=told.append)
    found = json.loads((whole.out / "study.json").read_text())
    assert [dict(line.values) for line in study.lines.values()] == found["lines"]
    assert (list(study.lines), study.headline) == ([line["line"] for line in found["lines"]], found["headline"])
    assert set(study.lines["fast"].by_seed) == set(SEEDS)
    assert [difference["sentence"] for difference in study.differences] == [d["sentence"] for d in found["differences"]]
    assert len(study.runs) == 6
    assert len(study.runs["slow-seed3"].table("traces")) == 67
    assert study._repr_html_().count("<tr>") == 1 + len(study.lines)
    assert {(event.run, event.run_number, event.runs) for event in told} >= {("slow-seed3", 1, 6), ("fast-seed5", 6, 6)}
    assert {event.state for event in told} == {"begun", "kept"}
    with pytest.raises(PotstillError, match="is the folder of a study: open one of its runs"):
        potstill.open(whole.out)
    with pytest.raises(PotstillError, match="unknown key of a study"):
        potstill.study(next(folder.glob("odd.yaml")))


def table(out, title):
    report = json.loads((out / "study.json").read_text())
    nodes = [node for section in report["sections"] for node in section["children"]]
    return next(node for node in nodes if node.get("title") == title)["rows"]


def solved(out, variant, seed, arm):
    """Problem -> 1 or 0, from the files themselves."""
    stage = out / "runs" / f"{variant}-seed{seed}" / f"evaluate-{arm}"
    parts = [pq.read_table(part) for part in sorted(stage.glob("zero_shot-*.parquet"))]
    rows = [row for part in parts for row in part.to_pylist()]
    return {row["problem_key"]: int(row["outcome"] == "right" and row["finish"] == "stop") for row in rows}


def by_hand(found):
    """Mean and interval over seeds (rows), then problems (columns), as `two_level` says, computed in another way."""
    seeds, problems = found.shape
    dice = np.random.default_rng(1)
    drawn = [
        found[dice.integers(seeds, size=seeds - 1)][:, dice.integers(problems, size=problems)].mean()
        for _ in range(20_000)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    of_seeds, of_problems = found.mean(1).var(ddof=1) / seeds, found.mean(0).var(ddof=1) / problems
    freedom = (of_seeds + of_problems) ** 2 / (of_seeds**2 / (seeds - 1) + of_problems**2 / (problems - 1))
    t = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
    stretch = t.get(int(freedom), 1.96 + 2.5 / freedom) / 1.96
    mean = found.mean()
    return mean, mean - stretch * (mean - low), mean + stretch * (high - mean)


def wilson_by_hand(share, size, z=1.96):
    middle, width = share + z * z / (2 * size), z * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return (middle - width) / (1 + z * z / size), (middle + width) / (1 + z * z / size)


def test_the_table_is_the_one_computed_by_hand(whole):
    out = whole.out
    figures = {}
    for name, variant, arm in (("base", "slow", "base"), *((v, v, "traces") for v in VARIANTS)):
        per_seed = [solved(out, variant, seed, arm) for seed in SEEDS]
        figures[name] = np.array([[rows[key] for key in sorted(rows)] for rows in per_seed])
    rows = {row[0]: row[1:] for row in table(out, "Accuracy over seeds")}
    assert list(rows) == ["base", "slow", "fast"]
    assert 0.2 < figures["fast"].mean() < 1, "or there is nothing to compute"
    for name, found in figures.items():
        accuracy, low, high, *each, scored, unscored = rows[name][:8]
        assert accuracy == pytest.approx(found.mean())
        assert each == pytest.approx(list(found.mean(1)))
        assert (scored, unscored) == (3 * 33, 0)
        if found.any():
            _, least, most = by_hand(found)
            narrowest = wilson_by_hand(found.mean(), 33)
            least, most = max(0, min(least, narrowest[0])), max(most, narrowest[1])
            assert (low, high) == (pytest.approx(least, abs=0.03), pytest.approx(most, abs=0.03))
    counts = [
        json.loads((out / f"runs/fast-seed{seed}/train-traces/manifest.json").read_bytes())["counts"] for seed in SEEDS
    ]
    assert rows["fast"][8] == pytest.approx(sum(c["tokens"] for c in counts) / 3)
    assert rows["fast"][10] == pytest.approx(sum(c["flops"] for c in counts) / 3 / 1e6)

    difference = figures["fast"] - figures["slow"]
    mean, least, most = by_hand(difference)
    one, other, said, value, low, high, *each, better, worse = table(out, "Differences")[0]
    assert (one, other, value) == ("fast", "slow", pytest.approx(mean))
    assert (low, high) == (pytest.approx(least, abs=0.04), pytest.approx(most, abs=0.04))
    assert each == pytest.approx(list(difference.mean(1)))
    assert (better, worse) == ((difference > 0).sum(), (difference < 0).sum())
    assert said == ("different" if low > 0 or high < 0 else "open"), "99 answers show no equivalence within 2.5 points"
    assert value == pytest.approx(rows["fast"][0] - rows["slow"][0])
    assert f"{100 * rows['fast'][0]:.1f}%" in whole.told
    page = (out / "study.html").read_text()
    assert "Is &lt;b&gt;fast&lt;/b&gt; better?" in page
    assert page.count("<svg") >= 1


def test_an_arm_is_measured_after_each_phase_and_drawn_over_compute(folder):
    phases = "arms: {traces: {train: [{steps: 10}, {steps: 30, schedule: constant}]}}"
    text = f"recipe: odd.yaml\nset: {{train.learning_rate: 3.0e-2, evaluate.phases: true, {phases}}}\nseeds: 1\n"
    (folder / "phases.yaml").write_text(text)
    done("study", folder / "phases.yaml", "--out", folder / "phases")
    found = json.loads((folder / "phases/study.json").read_text())
    base, line = found["lines"]
    (first,) = line["phases"]
    assert "phases" not in base
    run = Run(folder / "phases/runs/seed1")
    for told, names in ((first, ["traces.phase1"]), (line, ["traces.phase1", "traces"])):
        assert told["flops"] == sum(run.committed(f"train-{name}").counts["flops"] for name in names)
        measured = list(run.committed(f"evaluate-{names[-1]}").rows("zero_shot", Measure))
        assert len(measured) == 33
        right = sum(m.outcome == "right" and m.finish == "stop" for m in measured)
        assert told["by_seed"]["1"] == pytest.approx(right / 33)
    assert first["accuracy"] != line["accuracy"], "or the phase was not measured by itself"
    nodes = [node for section in found["sections"] for node in section["children"]]
    (drawn,) = [node["points"] for node in nodes if node["node"] == "points"]
    assert [(point["name"], point["colour"]) for point in drawn] == [
        ("base", 0), ("traces, phase 1", 1), ("traces", 1),
    ]  # fmt: skip
    report = json.loads((run.path / "report.json").read_text())
    tables = {n["title"]: n["rows"] for s in report["sections"] for n in s["children"] if n["node"] == "table"}
    assert ["evaluate-traces.phase1", "traces"] in [row[:2] for row in tables["Compute"]]


MISTAKES = {
    "recipee: odd.yaml": "study.yaml:9: recipee: unknown key of a study, did you mean 'recipe'?",
    "recipe: od": "study.yaml:9: recipe: no recipe 'od'",
    "recipe: 3": "recipe: takes the name or path of a recipe",
    "seeds: 0": "seeds: takes how many, or a list of them, at most 100, not 0",
    "seeds: [1, 1]": "seeds: 1 stands there twice",
    "seeds_vary: trainin": "takes training or all, not \"trainin\", did you mean 'training'?",
    "vary: {a: {train.learning_rat: 1}}": "vary.a: train.learning_rat: unknown key, did you mean 'learning_rate'?",
    "vary: {a: {train.steps: x}}": "study.yaml:9: vary.a: train.steps: input should be a valid integer",
    "vary: {a: {train.epochs: 1, train.steps: 2}}": "vary.a: train: give exactly one budget",
    "vary: {a: 3}": "vary.a: takes variants by name",
    "vary: {a/b: {}}": "vary.a/b: a variant's name has letters",
    "vary: {grid: {train.steps: 3}}": "vary.grid.train.steps: needs a list of values, not 3",
    "vary: {grid: {train.steps: [1]}, b: {}}": "vary.b: a grid stands alone",
    "vary: {a: {problems.sources.2.file: x}}": "vary.a: problems.sources: input should be a valid array",
    "held_out: 5": "held_out: no source of problems has `use: both`",
    "margin: 0": "margin: takes percentage points",
    "set: {train.steps: 3, train: {steps: 4}}": "set.train: train is given twice",
    "compare: [[fast, slo]]": "compare.0.1: there is no line 'slo', did you mean 'slow'?",
    "compare: [[fast, fast]]": "compare.0: 'fast' is compared with itself",
    "baseline: bas": "baseline: give compare or baseline, not both",
    "name: ../x": "name: '../x' cannot name a folder",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_with_file_and_key(folder, tmp_path, line):
    path = tmp_path / "study.yaml"
    key = line.split(":")[0].replace("recipee", "recipe")
    kept, skip = [], False
    for given in STUDY.splitlines():
        skip = given.startswith(f"{key}:") if not given.startswith(" ") else skip
        kept.append("#" if skip else given)
    for name in ("odd.yaml", "train.jsonl", "held_out.jsonl"):
        shutil.copy(folder / name, tmp_path)
    path.write_text("\n".join(kept) + f"\n{line}\n")
    assert MISTAKES[line] in call("study", path, "--check").mistake()


def test_a_grid_and_keys_inside_lists_and_inline_recipes_are_read(folder, tmp_path):
    shutil.copy(folder / "train.jsonl", tmp_path)
    shutil.copy(folder / "held_out.jsonl", tmp_path)
    inline = "".join(f"  {line}\n" for line in RECIPE.splitlines() if not line.startswith("name:"))
    grid = "  grid: {train.steps: [4, 5], evaluate.shots: [0, 1], problems.sources.0.count: [50]}\n"
    (tmp_path / "in.yaml").write_text(f"recipe:\n{inline}vary:\n{grid}seeds: 1\nseeds_vary: all\nbaseline: base\n")
    with pytest.raises(Exception, match=r"baseline: there is no line 'base'"):
        plan_study(read_study(str(tmp_path / "in.yaml")))
    text = (tmp_path / "in.yaml").read_text().replace("baseline: base\n", "")
    (tmp_path / "in.yaml").write_text(text)
    plan = plan_study(read_study(str(tmp_path / "in.yaml")))
    assert [one.name for one in plan.runs][:2] == ["steps=4,shots=0,count=50-seed1", "steps=4,shots=1,count=50-seed1"]
    last = plan.runs[-1].recipe
    assert (last.train.steps, last.evaluate.shots, last.problems.sources[0].count, last.seed) == (5, 1, 50, 1)
    assert last.problems.sources[1].file == "held_out.jsonl"
    assert len(plan.lines) == 8, "base is asked in two ways, so it is not the same in all variants"


def test_shipped_studies_are_sound_and_listed():
    listed = done("study").out
    assert {
        "supervision",
        "alpha-beta",
        "diverse",
        "curriculum",
        "base-models",
        "transfer",
        "cascade",
        "white-box",
        "agents",
        "rewards",
        "rl",
        "on-policy",
        "self-improvement",
        "strategies",
        "student-aware",
        "post-hoc",
        "pruned",
        "conclusion",
        "long-short",
        "correctness",
        "difficulty-band",
    } == set(shipped("study"))
    for name in shipped("study"):
        assert f"\n{name} " in f"\n{listed}"
        plan = plan_study(read_study(name))
        assert len(plan.file.seeds) == 3
        assert plan.file.keys.held_out >= 1000
        assert math.isfinite(plan.file.keys.margin)
        assert plan.pairs
