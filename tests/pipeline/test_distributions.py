"""A recipe that learns a teacher's distribution: run whole, its accounts, edited, killed, and where it is no sense."""

import json
import os
import shutil
import signal
import time

import pytest
from commands import TINY, call, done, ended, start

pytest.importorskip("torch")

BIG = "{student: {scratch: {hidden: 32}}, train: {steps: 6}}"
LEARNING = f"arms={{big: {BIG}, top: {{train: {{loss: {{kl: {{arm: big, top_k: 4, precision: fp32}}}}}}}}}}"
ARMS = f"""\
arms:
  big: {BIG}
  ce: {{train: {{}}}}
  top: {{train: {{loss: {{kl: {{arm: big, top_k: 4, precision: fp32}}}}}}}}
  half: {{train: {{loss: {{kl: {{arm: big, top_k: 4, precision: fp32, reasoning: 0.5, answer: 0}}}}}}}}
  full: {{train: {{loss: {{kl: {{arm: big, top_k: null, precision: fp32, direction: reverse}}}}}}}}
  equal: {{train: {{match: {{flops: full}}}}}}
deliver: top
"""
RECIPE = TINY + ARMS


def counts(out, stage):
    return json.loads((out / stage / "manifest.json").read_bytes())["counts"]


def logs(out, arm):
    return json.loads((out / f"train-{arm}" / "losses.json").read_bytes())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributions")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


def test_each_arm_learns_what_its_recipe_says(whole):
    out = whole / "run"
    assert {key for log in logs(out, "ce") for key in log if "_" in key and key.split("_")[0] in ("ce", "kl")} == {
        "ce_reasoning", "ce_answer", "ce_format",
    }  # fmt: skip
    assert {key for key in logs(out, "top")[0] if key[:3] in ("ce_", "kl_")} == {
        "kl_reasoning", "kl_answer", "kl_format",
    }  # fmt: skip
    half = logs(out, "half")[0]
    assert {key for key in half if key[:3] in ("ce_", "kl_")} == {
        "ce_reasoning", "ce_answer", "ce_format", "kl_reasoning",
    }  # fmt: skip
    one, ce = logs(out, "top")[0], logs(out, "ce")[0]
    assert 0 < one["kl_reasoning"] < ce["ce_reasoning"]
    assert half["kl_reasoning"] == pytest.approx(one["kl_reasoning"], rel=1e-6), "the same untrained student and rows"
    assert half["ce_answer"] == pytest.approx(ce["ce_answer"], rel=1e-6)
    report = json.loads((out / "report.json").read_text())
    assert [row["student"] for row in report["measures"]] == ["big", "ce", "top", "half", "full", "equal"]
    card = (out / "export" / "model" / "README.md").read_text()
    assert (
        "forward divergence from the top 4 tokens and a tail of the arm big as 1 of reasoning and 1 of answers" in card
    )


def test_arms_of_one_teacher_share_its_logits_and_the_shares_do_not_change_them(whole, tmp_path):
    out = whole / "run"
    assert (out / "logits-top").resolve() == (out / "logits-half").resolve()
    assert not (out / "logits-full").exists()
    copy = tmp_path / "run"
    shutil.copytree(out, copy, symlinks=True)
    told = call("run", whole / "r.yaml", "--out", copy, "--set", "arms.half.train.loss.kl.reasoning=0.25").mistake()
    assert "this would redo train-half (" in told
    assert "logits" not in told
    told = call("run", whole / "r.yaml", "--out", copy, "--set", "arms.half.train.loss.kl.top_k=5").mistake()
    assert "logits-half" in told
    assert "logits-top" not in told


def test_the_teachers_readings_are_in_the_account(whole):
    out = whole / "run"
    ce, top, full, equal = (counts(out, f"train-{arm}") for arm in ("ce", "top", "full", "equal"))
    assert ce["rows"] == top["rows"] == full["rows"] == 12
    read = full["flops"] - ce["flops"]
    assert read > 0
    assert top["flops"] - ce["flops"] == read == top["captured_flops"], "12 different rows, each read once either way"
    assert "captured_flops" not in full
    assert counts(out, "logits-top")["scoring"]["flops"] > read, "there are more rows than were trained"
    longest = ce["flops"] / 12 * 2
    assert full["flops"] <= equal["flops"] < full["flops"] + longest
    sections = json.loads((out / "report.json").read_text())["sections"]
    tables = [node for section in sections for node in section.get("children", ()) if "rows" in node]
    (rows,) = [{row[0]: row for row in table["rows"]} for table in tables if table["title"] == "Compute"]
    assert "logits-half" not in rows, "it is the same output"
    assert (rows["logits-top"][1], rows["logits-top"][4]) == ("big", 0)
    assert rows["logits-top"][5] == pytest.approx(counts(out, "logits-top")["scoring"]["flops"] / 1e12)
    assert rows["train-top"][5] == pytest.approx(ce["flops"] / 1e12), "the stage of the logits has the other part"


@pytest.mark.soak
def test_killed_while_it_captures_and_while_it_trains_it_ends_the_same(whole, tmp_path):
    """Each stage of the learning arm is killed once it has begun; every file is that of the undisturbed run."""
    out, how = tmp_path / "run", ("--set", LEARNING, "--set", "deliver=top")
    for stage in ("logits", "train"):
        process = start("run", whole / "r.yaml", "--out", out, *how, OMP_NUM_THREADS="1")
        deadline = time.monotonic() + 100
        while not (begun := [path for path in out.glob("stages/*.partial/begun.json") if stage in str(path)]):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        ended(process)
        assert begun[0].exists(), "killed while it was under way"
    done("run", whole / "r.yaml", "--out", out, *how)
    for stage in ("logits-top", "train-top"):
        one, two = (json.loads((run / stage / "manifest.json").read_bytes()) for run in (whole / "run", out))
        assert one["files"] == two["files"], stage
        assert one["fingerprint"] == two["fingerprint"]


def test_a_checkpoint_teaches_a_checkpoint_of_its_tokenizer_and_no_other(whole, tmp_path):
    """Folders in place of arms: looked at before the run, and known by their contents."""
    from potstill.recipe import Scratch, Student
    from potstill.train import students

    for name, stage in (("pupil", "student"), ("big", "train-big")):
        shutil.copytree((whole / "run" / stage).resolve() / "model", tmp_path / name)
    other = Student(scratch=Scratch(hidden=16, layers=1, heads=2, intermediate=32, vocabulary=310, context=256))
    students.prepare(other, lambda: ["What is 4 plus 3?"] * 9, 1, tmp_path / "other")
    text = TINY.replace(TINY[TINY.index("  scratch:") : TINY.index("train:")], "  model: ./pupil\n")
    kl = "{train: {loss: {kl: {model: ./big, top_k: 4, precision: fp32}}}}"
    (tmp_path / "r.yaml").write_text(f"{text}arms:\n  top: {kl}\n")
    told = call("check", tmp_path / "r.yaml", "--set", "arms.top.train.loss.kl.model=./other").mistake()
    assert "train.loss.kl.model: its tokenizer is not the student's" in told
    out = tmp_path / "run"
    done("run", tmp_path / "r.yaml", "--out", out)
    assert counts(out, "train-top")["captured_flops"] == counts(whole / "run", "train-top")["captured_flops"]
    again = logs(out, "top")[0]["kl_reasoning"]
    assert again == pytest.approx(logs(whole / "run", "top")[0]["kl_reasoning"], rel=1e-6)
    (tmp_path / "big" / "generation_config.json").write_text('{"eos_token_id": 1, "max_length": 9}')
    told = call("run", tmp_path / "r.yaml", "--out", out).mistake()
    assert "would redo logits-top (" in told
    assert "teacher contents" in told


FAULTS = {
    "no such arm": ("top.train.loss.kl.arm=bit", "top.train.loss.kl.arm: there is no arm 'bit', did you mean 'big'?"),
    "itself": ("top.train.loss.kl.arm=top", "a circle: arm top <- arm top"),
    "two teachers": ("top.train.loss.kl.model=big", "name the teacher with exactly one of arm and model"),
    "none": ("top.train.loss.kl.arm=null", "name the teacher with exactly one of arm and model"),
    "no share": ("half.train.loss.kl.reasoning=0", "its shares are both 0: leave kl out"),
    "jsd of top tokens": ("top.train.loss.kl.direction=jsd", "jsd needs the whole distribution: set top_k: null"),
    "a server": (
        "top.train.loss.kl={model: 'http://localhost:8000/v1'}", "a server is not asked for distributions"),
    "a folder that is none": (
        "top.train.loss.kl={model: ./nowhere}", "train.loss.kl.model: there is no folder"),
    "restricted weights": (
        "top.train.loss.kl={model: meta-llama/Llama-3.1-8B}", "if you may, say so with train.loss.kl.allow_restricted"),
    "another vocabulary": (
        "big.student.scratch.vocabulary=320", "train.loss.kl.arm: the student of big has another tokenizer, and only"),
    "a packaged student": (
        "big.student={model: smollm2-135m-instruct}", "the student of big has another tokenizer, and only text"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_learnt_is_told_before_anything_runs(whole, fault):
    change, told = FAULTS[fault]
    assert told in call("check", whole / "r.yaml", "--set", f"arms.{change}").mistake()
