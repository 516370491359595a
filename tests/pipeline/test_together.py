"""What the samples of one problem say together, through a run: difficulty, majorities for golds, and where both go."""

import json
import shutil
from collections import Counter

import pytest
from commands import done

from potstill import store, table_parts
from potstill.intervals import wilson
from potstill.records import Drop, Example, Group, Measure, Problem, Trace, Verdict
from potstill.store import Run

RECIPE = """\
name: t
seed: 3
problems:
  evaluate: 2
  sources: [{file: p.jsonl, use: train}, {file: e.jsonl, use: evaluate}]
teacher: {kind: dataset, file: t.jsonl, columns: {answer: said}}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
train: {steps: 2, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32}
curate: {per_problem: 8}
arms: {traces: {train: {}}}
evaluate: {max_tokens: 8, batch: 2}
"""
ASKED = {
    "What is 1 plus 3?": ("4", ["4", "4", "4", "5"]),
    "What is 2 plus 3?": ("5", ["6", "5", "7", "8"]),
    "What is 3 plus 3?": ("7", ["6", "6.0", "6", "5"]),
    "What is 4 plus 3?": ("", ["7", "14/2", "7", "9"]),
    "What is 5 plus 3?": ("", ["8", "9", "10", "11"]),
}
HELD_OUT = {"What is 8 plus 3?": ("11", ["11"]), "What is 9 plus 3?": ("", ["12", "12", "12"])}
SOUND, HARD, SUSPECT, OPEN, MUDDLED = ASKED
SERVED = "teacher={kind: served, base_url: 'http://localhost:9/v1', model: m}"
STAGES = ("problems", "traces", "verdicts", "examples")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": question, "reasoning": f"Way {number}.", "said": f"The answer is {answer}.", "model": "m"}
        for question, (_, answers) in (ASKED | HELD_OUT).items()
        for number, answer in enumerate(answers)
    ]
    rows.sort(key=lambda row: row["reasoning"])  # the samples of a problem lie apart
    jsonl(tmp_path / "t.jsonl", rows)
    for name, asked in (("p.jsonl", ASKED), ("e.jsonl", HELD_OUT)):
        jsonl(tmp_path / name, [{"question": q, "gold": gold, "difficulty": 0.5} for q, (gold, _) in asked.items()])
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def judged(*sets, stages=STAGES):
    settings = [part for one in sets for part in ("--set", one)]
    for stage in stages:
        done("run", "r.yaml", "--out", "run", "--stage", stage, "--redo", *settings)
    return Run(store.Path("run"))


def groups(run):
    questions = {p.key: p.question for p in run.committed("problems").rows("train", Problem)}
    return {questions[group.problem_key]: group for group in run.committed("verdicts").rows("groups", Group)}


def verdicts(run, question):
    problem = Problem(id="", question=question, gold=None)
    pairs = zip(
        run.committed("traces").rows("traces", Trace), run.committed("verdicts").rows("verdicts", Verdict), strict=True
    )
    return [verdict for trace, verdict in pairs if trace.problem_key == problem.key]


def kept(run):
    questions = {p.key: p.question for p in run.committed("problems").rows("train", Problem)}
    return [(questions[e.problem_key], e) for e in run.committed("examples").rows("examples", Example)]


def reasons(run):
    return Counter(drop.reason for drop in run.committed("examples").rows("dropped", Drop))


def test_one_row_a_training_problem_says_how_hard_it_is_and_what_most_samples_say(here):
    run = judged()
    found = groups(run)
    assert {question: group.finding for question, group in found.items()} == {
        SOUND: "agrees", HARD: "disagrees", SUSPECT: "suspect label", OPEN: "pseudo-gold", MUDDLED: "undecided",
    }  # fmt: skip
    for group, right, wrong in ((found[SOUND], 3, 1), (found[HARD], 1, 3), (found[SUSPECT], 0, 4)):
        rate = wilson(right / 4, 4)
        assert (group.samples, group.right, group.wrong, group.unknown) == (4, right, wrong, 0)
        assert (group.pass_rate, group.low, group.high) == (rate.value, rate.low, rate.high)
    assert (found[OPEN].pass_rate, found[OPEN].unknown, found[OPEN].gold_source) == (None, 4, "none")
    assert (found[SUSPECT].majority, found[SUSPECT].agreement, found[SUSPECT].gold) == ("6", 0.75, "7")
    assert run.committed("verdicts").counts == {
        "by_majority": 0,
        "findings": {"agrees": 1, "disagrees": 1, "suspect label": 1, "pseudo-gold": 1, "undecided": 1},
    }
    assert {v.check for question in ASKED for v in verdicts(run, question)} == {"answer"}
    assert {v.cause for question in (OPEN, MUDDLED) for v in verdicts(run, question)} == {"no gold"}
    assert Counter(question for question, _ in kept(run)) == {SOUND: 3, HARD: 1}
    assert reasons(run) == {"wrong": 8, "unknown: no gold": 8, "overlap with evaluation": 4}


def test_difficulty_orders_and_chooses_examples(here):
    run = judged("curate.difficulty=measured", "curate.order=easy_to_hard")
    assert [(question, example.difficulty) for question, example in kept(run)] == [(SOUND, 0.25)] * 3 + [(HARD, 0.75)]
    run = judged("curate.difficulty=measured", "curate.max_difficulty=0.5", stages=("examples",))
    assert {question for question, _ in kept(run)} == {SOUND}
    assert reasons(run)["too hard"] == 1
    assert {example.difficulty for _, example in kept(judged(stages=("examples",)))} == {0.5}, "as the source states it"


def test_a_condition_keeps_the_answers_of_most_samples_right_or_wrong(here):
    run = judged("curate.drop_wrong=false", "curate.drop_unknown=false", "curate.where='vote == \"majority\"'")
    assert Counter(question for question, _ in kept(run)) == {SOUND: 3, SUSPECT: 3, OPEN: 3}, "the others are tied"
    run = judged("curate.drop_wrong=false", "curate.where='vote != \"tied\"'", stages=("examples",))
    assert Counter(question for question, _ in kept(run)) == {SOUND: 4, SUSPECT: 4}


def test_problems_without_a_gold_are_judged_by_their_majority_where_the_recipe_says_so(here):
    run = judged("checks.self_consistency=true")
    found = groups(run)
    assert {question: group.gold_source for question, group in found.items()} == {
        SOUND: "given", HARD: "given", SUSPECT: "given", OPEN: "majority", MUDDLED: "none",
    }  # fmt: skip
    assert [(v.outcome, v.check) for v in verdicts(run, OPEN)] == [("right", "majority")] * 3 + [("wrong", "majority")]
    assert all("gold by majority" in v.method for v in verdicts(run, OPEN))
    assert (found[OPEN].right, found[OPEN].wrong, found[OPEN].pass_rate) == (3, 1, 0.75)
    assert {v.outcome for v in verdicts(run, SUSPECT)} == {"wrong"}
    assert Counter((question, example.gold_source) for question, example in kept(run)) == {
        (SOUND, "given"): 3, (HARD, "given"): 1, (OPEN, "majority"): 3,
    }  # fmt: skip
    counts = run.committed("examples").counts
    assert (counts["kept"], counts["by_majority"]) == (7, 3)
    assert counts["kept"] + sum(counts["dropped"].values()) == run.committed("traces").total("traces")


@pytest.mark.parametrize("choice", ["keep", "drop", "repair"])
def test_a_suspect_label_is_kept_dropped_or_repaired_as_the_recipe_says_and_counted(here, choice):
    run = judged(f"checks.suspect_label={choice}")
    assert groups(run)[SUSPECT].finding == "suspect label"
    assert groups(run)[SUSPECT].gold == "7"
    mine = [example for question, example in kept(run) if question == SUSPECT]
    if choice == "repair":
        assert [(v.outcome, v.check) for v in verdicts(run, SUSPECT)] == [("right", "majority")] * 3 + [
            ("wrong", "majority")
        ]
        assert [example.gold_source for example in mine] == ["majority"] * 3
        assert (groups(run)[SUSPECT].gold_source, groups(run)[SUSPECT].pass_rate) == ("majority", 0.75)
    else:
        assert mine == []
        assert {(v.outcome, v.check) for v in verdicts(run, SUSPECT)} == {("wrong", "answer")}
        assert reasons(run)["suspect label"] == (4 if choice == "drop" else 0)
    assert run.committed("examples").counts["by_majority"] == len(mine)


def test_held_out_problems_keep_their_golds_and_go_without(here):
    sets = ["--set", "checks.self_consistency=true", "--set", "checks.suspect_label=repair"]
    done("run", "r.yaml", "--out", "run", *sets)
    run = Run(here / "run")
    (without,) = (q for q, (gold, _) in HELD_OUT.items() if not gold)
    assert {v.cause for v in verdicts(run, without)} == {"no gold"}
    assert not {*HELD_OUT} & {*groups(run)}
    measures = list(run.committed("evaluate-traces").rows("zero_shot", Measure))
    asked = {p.key: p.question for p in run.committed("problems").rows("evaluation", Problem)}
    assert {asked[m.problem_key]: m.cause == "no gold" for m in measures} == {q: q == without for q in HELD_OUT}
    held = json.loads((here / "run" / "report.json").read_text())
    tables = {node["title"]: node for section in held["sections"] for node in section["children"] if "rows" in node}
    funnel = {row[0]: row[1] for row in tables["Traces: read, dropped and kept"]["rows"]}
    assert funnel["of these judged by the majority of samples"] == 6
    assert funnel["kept"] == 10
    follows = {row[0]: row[3] for row in tables["What most samples of a problem say"]["rows"]}
    assert follows["suspect label"] == follows["pseudo-gold"] == "judged by the answer of most samples"
    rates = {row[0]: row[1] for row in tables["How often the teacher was right, by problem"]["rows"]}
    assert rates == {
        "never": 0, "up to a quarter": 1, "up to a half": 0, "up to three quarters": 3, "more often": 0, "always": 0,
        "no sample judged": 1,
    }  # fmt: skip
    page = (here / "run" / "report.html").read_text()
    assert "of these judged by the majority of samples" in page


def test_these_settings_leave_traces_and_measures_alone(here):
    from potstill import pipeline
    from potstill.pipeline.stages import stages_of
    from potstill.recipe_file import load

    judged()
    for setting in ("checks.self_consistency=true", "checks.suspect_label=drop", "checks.agreeing=2"):
        for more in ([], [SERVED, "strategy.stop_at_right=1"]):
            old, new = (stages_of(load("r.yaml", [*more, *sets])) for sets in ([], [setting]))
            changed = {a.name for a, b in zip(old, new, strict=True) if a.settings != b.settings}
            assert "verdicts" in changed
            assert changed <= {"verdicts", "examples"}
    found = pipeline.statuses(Run(here / "run"), stages_of(load("r.yaml")))
    assert {s.stage.name for s in found if s.state == "done"} == {*STAGES}


class Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("sets", [[], ["checks.self_consistency=true", "checks.suspect_label=repair"]])
def test_stopped_at_any_write_the_stage_ends_with_the_same_bytes(here, monkeypatch, sets):
    """Parts of a few rows, so that a stop finds some of each table committed."""
    monkeypatch.setattr(store.Work.table, "__defaults__", (4,))
    monkeypatch.setattr(store.Work.scratch_table, "__defaults__", (8,))
    judged(*sets, stages=STAGES[:3])
    wanted = content(here / "run" / "verdicts")
    writes = 0
    real = table_parts.write_durably

    def counted(path, data):
        nonlocal writes
        writes += 1
        if writes == stop:
            raise Stop
        real(path, data)

    monkeypatch.setattr(table_parts, "write_durably", counted)
    stop, stops = 1, 0
    while True:
        shutil.rmtree((here / "run" / "verdicts").resolve())
        writes = 0
        try:
            judging_again(sets)
        except Stop:
            stops, writes = stops + 1, stop
            judging_again(sets)
        else:
            break
        assert content(here / "run" / "verdicts") == wanted, f"stopped at write {stop}"
        stop += 5
    assert stops > 2


def judging_again(sets):
    from potstill import pipeline
    from potstill.recipe_file import load

    pipeline.run(load("r.yaml", sets), Run(store.Path("run")), only="verdicts")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "clock.json"}
