"""A run's student measured afterwards: asked and judged as its run did it, wherever it is and however it is named."""

import json
import re
import shutil
from pathlib import Path

import pytest
from commands import call, done

from potstill.records import Measure
from potstill.store import Run

RECIPE = """\
name: own
seed: 5
problems: {sources: [{file: p.jsonl, use: train}, {file: e.jsonl, use: evaluate}]}
teacher: {kind: dataset, file: t.jsonl, columns: {answer: answer}}
student:
  scratch: {hidden: 32, layers: 1, heads: 2, intermediate: 64, vocabulary: 300, context: 256}
  prompt: "Say how you think of it, please. {question}"
  reasoning_open: "<<because "
  reasoning_close: " so>>"
arms: {traces: {train: {}}}
train: {steps: 60, batch: 8, micro_batch: 8, learning_rate: 1.0e-2, precision: fp32}
checks: {policy: {tolerance: 0.1}}
evaluate: {max_tokens: 40, samples: 3, temperature: 0.9}
"""
SHOWN = ("reasoning", "answer", "finish", "outcome", "extracted", "problem_key", "sample")


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    asked = [{"question": f"What is {n} plus 7 less {n}?", "gold": "7"} for n in range(20)]
    jsonl(folder / "p.jsonl", asked[:12])
    jsonl(folder / "e.jsonl", asked[12:])
    said = [{"reasoning": "The answer is 5?", "answer": f"The answer is {end}."} for end in ("7", "7.3", "9")]
    jsonl(folder / "t.jsonl", [{**row, **one} for row in asked[:12] for one in said])
    (folder / "r.yaml").write_text(RECIPE + "curate: {drop_wrong: false}\n")
    done("run", folder / "r.yaml", "--out", folder / "run")
    shutil.copytree(folder / "run" / "export" / "model", folder / "copied")
    return folder


def responses(*argv):
    done("evaluate", *argv, "--out", "told.jsonl")
    rows = [json.loads(line) for line in Path("told.jsonl").read_text().splitlines()]
    return sorted(tuple(row[name] for name in SHOWN) for row in rows)


@pytest.mark.parametrize("name", ["run", "run/stages/TRAINED", "copied"])
def test_it_repeats_the_figure_of_its_run(here, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    run = Run(here / "run")
    measures = list(run.committed("evaluate-traces").rows("zero_shot", Measure))
    wanted = sorted(tuple(getattr(measure, field) for field in SHOWN) for measure in measures)
    assert len(wanted) == 24
    assert len({outcome for _, _, _, outcome, *_ in wanted}) > 1, "a figure between 0 and 1"
    assert any(extracted == "7.3" and outcome == "right" for *_, outcome, extracted, _, _ in wanted)
    assert any(reasoning == "The answer is 5?" for reasoning, *_ in wanted)

    model = here / name.replace("TRAINED", run.names()["train-traces"])
    assert responses(model, "--problems", here / "run") == wanted
    assert responses(model, "--problems", here / "e.jsonl") == wanted, "the same questions from their file"
    assert responses(model, "--problems", here / "run", "--prompt", "{question}", "--keep", "other") != wanted
    greedy = responses(model, "--problems", here / "run", "--samples", 1, "--temperature", 0, "--max-tokens", 9)
    assert len(greedy) == 8


def test_what_its_conditions_say_is_checked_and_told(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        "note: asked and judged as the arm 'traces' of"
        in done("evaluate", here / "run", "--problems", here / "run").err
    )
    shutil.copytree(here / "copied", "mine")
    file = Path("mine/potstill.json")
    told = json.loads(file.read_text())
    assert (told["student"]["prompt"], told["seed"], told["judge"]) == (
        "Say how you think of it, please. {question}",
        5,
        "",
    )
    for wrong, said in (
        ({**told, "seed": "x"}, "potstill.json cannot be used (seed: "),
        ({**told, "extra": 1}, "(extra: "),
        ({**told, "evaluate": {**told["evaluate"], "samples": 10**9}}, "(evaluate.samples: "),
        ({**told, "student": {**told["student"], "prompt": "no place"}}, "--prompt never mentions {question}"),
    ):
        file.write_text(json.dumps(wrong))
        assert said in call("evaluate", "mine", "--problems", here / "run").mistake()
    file.write_text(json.dumps({**told, "judge": "big-judge"}))
    assert "its run also asked the judge big-judge" in done("evaluate", "mine", "--problems", here / "run").err
    assert "no student: name a stage" in call("evaluate", untrained(here), "--problems", here / "run").mistake()


def test_its_responses_are_asked_again_with_their_reasoning_changed(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("evaluate", here / "run", "--problems", here / "run", "--faithfulness", 3)
    told = done(*asked).out
    probed, of = map(int, re.search(r"faithfulness: (\d) of (\d+) responses", told).groups())
    assert (0 < probed <= 3, of) == (True, 24)
    assert "\n  early answering, " in told
    assert done(*asked).out == told, "what was answered is not asked again"


def test_what_cannot_go_on_from_a_begun_answer_is_refused_before_anything_is_asked(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("evaluate", "http://127.0.0.1:9/v1", "--model", "m", "--problems", here / "e.jsonl")
    said = call(*asked, "--faithfulness", 3).mistake()
    assert "the server http://127.0.0.1:9/v1 is not known to go on from them" in said
    asked = ("evaluate", here / "run", "--problems", here / "e.jsonl", "--benchmark", "gsm8k")
    assert "leave out --benchmark" in call(*asked, "--faithfulness", 3).mistake()


def untrained(here):
    shutil.copytree(here / "run", "untrained", symlinks=True)
    recipe = Path("untrained/recipe.yaml")
    recipe.write_text(
        "".join(recipe.read_text().splitlines(keepends=True)[1:]).replace(
            "arms:\n  traces:\n    train: {}", "arms:\n  base: {}"
        )
    )
    return "untrained"


def test_the_export_says_nothing_of_this_machine(here):
    for file in (here / "copied").iterdir():
        assert str(here).encode() not in file.read_bytes(), file.name
    card = (here / "copied" / "README.md").read_text()
    assert "| Teacher | t.jsonl |" in card
    assert "held-out problems of p.jsonl, e.jsonl" in card
    assert "model-index:" in card
