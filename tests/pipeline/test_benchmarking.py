"""Benchmarks on the command line and in a recipe: what a server is asked, what is refused, what the report says."""

import json
from pathlib import Path

import pytest
import yaml
from commands import TINY, call, done
from stub_server import running

AIME = [{"problem": f"What is {n} + 0?", "answer": str(n)} for n in range(30)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("aime.jsonl").write_text("".join(json.dumps(row) + "\n" for row in AIME))
    return tmp_path


def test_a_server_is_asked_as_published_and_only_what_is_missing(here):
    rows = [{"Question": f"Which is {n}?", "Correct Answer": f"it {n}", "Incorrect Answer 1": "x",
             "Incorrect Answer 2": "y", "Incorrect Answer 3": "z"} for n in range(5)]  # fmt: skip
    Path("gpqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with running(script={"answers": {"Which": "\\boxed{A}"}}) as stub:
        asked = ("evaluate", stub.url, "--model", "m", "--benchmark", "gpqa-diamond", "--problems", "gpqa.jsonl",
                 "--out", "out.jsonl")  # fmt: skip
        first = done(*asked)
        assert first.out.startswith("gpqa-diamond* (GPQA Diamond; T 0.6, top-p 0.95, 32,768 tokens, 4 samples")
        assert "SHA-256 of the published file of gpqa-diamond is not known here" in first.err
        bodies = list(stub.bodies)
        assert len(bodies) == 20
        assert {(b["temperature"], b["top_p"], b["max_tokens"]) for b in map(_body, bodies)} == {(0.6, 0.95, 32_768)}
        again = done(*asked)
        assert len(stub.bodies) == 20, "what was answered is not asked again"
        assert again.out == first.out
    told = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert len({row["problem_key"] for row in told}) == 5, "clusters are problems, whatever the order of the options"
    outcomes = {row["outcome"] for row in told}
    assert outcomes == {"right", "wrong"}, "who says A always is right where the gold was drawn first"


def _body(body):
    return body if isinstance(body, dict) else json.loads(body)


def test_refusals_are_one_line(here):
    model = ("evaluate", "http://127.0.0.1:9/v1", "--model", "m", "--problems", "aime.jsonl")
    assert "no benchmark 'aime2024', did you mean 'aime24'" in call(*model, "--benchmark", "aime2024").mistake()
    assert "aime24 has no form 'r2'" in call(*model, "--benchmark", "aime24", "--form", "r2").mistake()
    wrong = call(*model, "--benchmark", "aime24", "--sha256", "0" * 64).mistake()
    assert "aime.jsonl is not the file of aime24: its SHA-256 is" in wrong
    assert "--form and --sha256 are of a benchmark" in call(*model, "--form", "own").mistake()
    human = {"prompt": "def f():\n    pass\n", "test": "def check(candidate):\n    pass\n", "entry_point": "f"}
    Path("human.jsonl").write_text(json.dumps(human) + "\n")
    server = call("evaluate", "http://127.0.0.1:9/v1", "--model", "m", "--benchmark", "humaneval-plus", "--form", "own",
                  "--problems", "human.jsonl").mistake()  # fmt: skip
    assert "the server http://127.0.0.1:9/v1 is not known to go on from them" in server


def test_benchmarks_are_listed_and_shown():
    listed = done("benchmarks").out
    assert len(listed.splitlines()) > 20
    assert "aime24" in listed
    shown = done("benchmarks", "aime24").out
    assert "  sha256: unknown" in shown
    assert "\\boxed{}" in shown
    assert "no benchmark 'amie24', did you mean 'aime24'" in call("benchmarks", "amie24").mistake()


def recipe(**benchmark):
    found = yaml.safe_load(TINY)
    found["evaluate"]["benchmarks"] = [{"name": "aime24", "file": "aime.jsonl", **benchmark}]
    return found


def test_a_recipe_measures_every_arm_and_its_report_names_the_protocol(here):
    Path("r.yaml").write_text(yaml.safe_dump(recipe(max_tokens=4, samples=2, count=6)))
    done("check", "r.yaml")
    assert "benchmark" in done("plan", "r.yaml").out
    done("run", "r.yaml", "--out", "run")
    report = json.loads(Path("run/report/report.json").read_text())
    (section,) = [one for one in report["sections"] if one["title"] == "Benchmarks"]
    (table,) = section["children"]
    assert table["title"] == "AIME 2024 (aime24*)"
    assert [row[:2] for row in table["rows"]] == [[arm, "pass@1"] for arm in ("base", "answers", "traces")]
    assert [row[5:7] for row in table["rows"]] == [[6, 12]] * 3
    assert "other max_tokens, samples, problems" in table["note"]
    changed = recipe(max_tokens=4, samples=2, count=7)
    Path("r.yaml").write_text(yaml.safe_dump(changed))
    told = done("run", "r.yaml", "--out", "run", "--redo").err
    assert "benchmark aime24* of traces: 14/14" in told
    assert "train" not in told, "another benchmark trains nobody again"
    by_hand = done("evaluate", "run", "--benchmark", "aime24", "--problems", "aime.jsonl", "--max-tokens", 4,
                   "--samples", 2, "--count", 6).out  # fmt: skip
    assert by_hand.startswith("aime24* ")
    assert "6 problems, 12 responses" in by_hand


def test_a_student_without_room_is_refused_before_anything_is_trained(here):
    Path("r.yaml").write_text(yaml.safe_dump(recipe()))
    told = call("check", "r.yaml").mistake()
    assert "evaluate.benchmarks.0: aime24 wants 32,768 tokens a response and student.scratch has a cont" in told
    Path("r.yaml").write_text(yaml.safe_dump(recipe(max_tokens=4, sha256="0" * 64)))
    assert "evaluate.benchmarks.0.file" in call("check", "r.yaml").mistake()


def test_a_checkpoint_without_room_is_refused(finished_run):
    Path("aime.jsonl").write_text("".join(json.dumps(row) + "\n" for row in AIME))
    told = call("evaluate", "run", "--benchmark", "aime24", "--problems", "aime.jsonl").mistake()
    assert "aime24 wants 32,768 tokens a response and" in told
    assert "with fewer max_tokens the result is called aime24*" in told
