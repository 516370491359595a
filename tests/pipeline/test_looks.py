"""A recipe that looks at rows set apart: what is counted, matched, drawn and told, and where it is refused."""

import json

import pytest
from commands import TINY, call, done

pytest.importorskip("torch")

# at such a rate no weight changes, so no look is lower than the first
STILL = "{learning_rate: 1.0e-30, steps: 12, look: {every: 2, share: 0.3, patience: 1}}"
ARMS = f"""\
arms:
  traces: {{train: {STILL}}}
  equal: {{train: {{match: {{tokens: traces}}}}}}
  all: {{train: {{steps: 4, look: {{every: 3, share: 0.3, keep: best}}}}}}
  asked: {{train: {{steps: 4, look: {{every: 3, share: 0.3, answers: 3, max_tokens: 6, by: accuracy, keep: best}}}}}}
deliver: traces
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("looks")
    (folder / "r.yaml").write_text(TINY + ARMS)
    told = done("run", folder / "r.yaml", "--out", folder / "run")
    assert "problems are set apart, " in told.err
    assert "where the patience was used up; kept are the weights of step 4" in told.err
    return folder / "run"


def counts(out, stage):
    return json.loads((out / stage / "manifest.json").read_bytes())["counts"]


def test_counts_say_what_was_trained_and_a_matched_arm_gets_as_much(out):
    ended, equal, whole = (counts(out, f"train-{arm}") for arm in ("traces", "equal", "all"))
    logs = json.loads((out / "train-traces" / "losses.json").read_bytes())
    assert ended["steps"] == len(logs) == 4
    assert ended["rows"] == 16
    assert ended["tokens"] == logs[-1]["tokens"]
    assert ended["tokens"] <= equal["tokens"] < ended["tokens"] + 256
    assert ended["examples"] + ended["looks"]["rows"] == equal["examples"] == counts(out, "rows-equal")["examples"]
    assert whole["looks"]["rows"] == ended["looks"]["rows"], "the same problems"
    assert ended["looks"]["number"] == whole["looks"]["number"] == 2
    assert (ended["looks"]["best_step"], ended["looks"]["kept_step"], ended["looks"]["stopped_early"]) == (2, 4, True)
    assert (whole["looks"]["best_step"], whole["looks"]["kept_step"]) == (4, 4)
    assert 0 < ended["looks"]["flops"] < ended["flops"]


def test_the_report_draws_looks_and_says_what_was_kept(out):
    (training,) = (s for s in json.loads((out / "report.json").read_text())["sections"] if s["title"] == "Training")
    lines, table, _ = training["children"]
    looked = {line["name"]: line["points"] for line in lines["lines"] if line["dotted"]}
    assert list(looked) == [f"{arm}, rows set apart" for arm in ("traces", "all", "asked")]
    assert looked["traces, rows set apart"][0][1] == looked["traces, rows set apart"][1][1]
    assert [row[0] for row in table["rows"]] == ["traces", "all", "asked"]
    assert table["rows"][0][-2:] == ["4 of 4", "patience used up"]
    assert "all, rows set apart" in (out / "report.html").read_text()


def test_problems_set_apart_are_answered_and_judged(out):
    told, logs = counts(out, "train-asked")["looks"], json.loads((out / "train-asked" / "losses.json").read_bytes())
    seen = [log for log in logs if "look_accuracy" in log]
    assert [log["step"] for log in seen] == [3, 4]
    assert all(0 <= log["look_accuracy"] <= 1 and 0 < log["look_length"] <= 6 for log in seen)
    assert told["best_accuracy"] == max(log["look_accuracy"] for log in seen)
    assert told["last_accuracy"] == seen[-1]["look_accuracy"]
    assert told["flops"] - counts(out, "train-all")["looks"]["flops"] == sum(log["look_flops"] for log in seen) > 0
    assert not list((out / "train-asked").rglob("look-*")), "the journal goes with the training"
    (training,) = (s for s in json.loads((out / "report.json").read_text())["sections"] if s["title"] == "Training")
    (table,) = (child for child in training["children"] if child.get("title") == "Accuracy on problems set apart")
    assert table["rows"][0][0] == "asked"


def test_looks_at_nothing_and_at_everything_are_one_line(out, tmp_path):
    recipe = out.parent / "r.yaml"
    told = call("run", recipe, "--out", tmp_path / "x", "--set", "arms.all.train.look.share=0.95").mistake()
    assert "arms.all.train.look.share" in told
    for keys, line in {
        "{steps: 2, look: {by: accuracy}}": "train.look.by: there is no accuracy without answers",
        "{steps: 2, processes: 2, look: {answers: 2}}": "train.look.answers: answers are drawn in one process",
    }.items():
        assert (
            line
            in call("run", recipe, "--out", tmp_path / "z", "--set", f"arms={{traces: {{train: {keys}}}}}").mistake()
        )
    few = ("--set", "problems.sources.0.count=5", "--set", "arms={traces: {train: {steps: 2, look: {share: 0.9}}}}")
    told = call("run", recipe, "--out", tmp_path / "y", *few).mistake()
    assert "train.look: no row is left to train on, for all 1 are of problems that would be set apart" in told
