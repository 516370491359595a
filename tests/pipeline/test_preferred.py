"""A recipe with an arm that learns from pairs of its own answers: run whole, its accounts, its file, its refusals."""

import json

import pytest
from commands import TINY, call, done

pytest.importorskip("torch")

RECIPE = (
    TINY
    + """\
strategy: {samples: 4}
curate: {per_problem: 4}
sets:
  traces: {teacher: {kind: worked, error_rate: 0.5}}
arms:
  start: {train: {}}
  dpo: {from: start, train: {method: dpo, steps: 2, batch: 4}}
  sharp: {from: start, train: {method: dpo, steps: 2, batch: 4, dpo: {beta: 0.5}}}
  more: {from: start, train: {match: {flops: dpo}}}
deliver: dpo
"""
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dpo")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


def counts(folder, stage):
    return json.loads((folder / "run" / stage / "manifest.json").read_bytes())["counts"]


def test_it_is_measured_accounted_for_and_delivered_like_any_arm(whole):
    out = whole / "run"
    assert (out / "reference-dpo").resolve() == (out / "reference-sharp").resolve(), "read once for both"
    made, rows, dpo = counts(whole, "pairs-dpo"), counts(whole, "rows-dpo"), counts(whole, "train-dpo")
    assert made["pairs"] == sum(made["rules"].values()) == rows["examples"] + sum(rows["dropped"].values())
    assert made["rules"]["right_over_wrong"] > 0
    assert dpo["examples"] == rows["examples"]
    assert counts(whole, "train-more")["flops"] >= dpo["flops"]
    report = json.loads((out / "report.json").read_text())
    assert [row["student"] for row in report["measures"]] == ["start", "dpo", "sharp", "more"]
    assert "dpo, prefer" in (out / "export" / "model" / "README.md").read_text()
    assert "pairs; the better answer of the first" in (out / "train-dpo" / "audit.txt").read_text()


def test_pairs_stand_in_a_file_as_other_trainers_read_them(whole):
    lines = [json.loads(line) for line in (whole / "run" / "pairs-dpo" / "pairs.jsonl").read_text().splitlines()]
    assert len(lines) == counts(whole, "pairs-dpo")["pairs"]
    for line in lines:
        assert [m["role"] for part in ("prompt", "chosen", "rejected") for m in line[part]] == [
            "user", "assistant", "assistant",
        ]  # fmt: skip
        assert line["chosen"] != line["rejected"]
    assert any(line["chosen"][0]["content"].startswith("<think>\n") for line in lines)


def test_rows_can_be_shown_and_planned(whole):
    shown = done("show-rows", whole / "run", "--arm", "dpo").out
    assert "rows-dpo" in shown
    assert "nothing here plans" not in done("plan", whole / "r.yaml", "--set", "name=none").out


def test_settings_of_pairs_are_those_of_no_other_arm(whole):
    told = call("run", whole / "r.yaml", "--out", whole / "run", "--set", "arms.dpo.train.dpo.per_problem=1").mistake()
    assert "pairs-dpo (" in told
    assert "train-start" not in told
    assert "train-sharp" not in told


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("strategy.samples=1", "the set traces has one a problem: raise strategy.samples"),
        ("sets.traces.teacher.error_rate=0.0", "the set traces makes no pair (20 problems: "),
    ],
)
def test_no_pairs_are_told_in_one_line_before_training(whole, tmp_path, change, line):
    told = call(
        "run", whole / "r.yaml", "--out", tmp_path / "run", "--set", change, "--set",
        "arms.more={}",
    ).mistake()  # fmt: skip
    assert line in told
    assert not (tmp_path / "run" / "train-dpo").exists()
