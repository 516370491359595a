"""Conditions, copies, quotes and mixes through a whole run, what checks say of them, and two sets compared."""

import json

import pytest
from commands import TINY, call, done

from potstill.curate.known import tokens_of
from potstill.records import Drop, Example, Trace
from potstill.store import Run

CURATED = """\
curate:
  per_problem: 3
  where: tokens < 70 or difficulty < 0.9
  quotes: 0.5
  near: 0.9
  mix:
    - {where: tokens >= 40, share: 0.5}
    - {where: tokens < 40, share: 0.5}
  weights: [{where: tokens >= 40, weight: 0.25}]
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    tests = [
        {"question": f"A test of number {n} asks what {n} and {n + 1} make together", "gold": "1"} for n in range(3)
    ]
    (folder / "tests.jsonl").write_text("\n".join(map(json.dumps, tests)))
    against = "problems:\n  against: [tests.jsonl]\n"
    (folder / "plain.yaml").write_text(f"{TINY}data: {folder}\nstrategy: {{samples: 3}}\n")
    (folder / "mixed.yaml").write_text(
        f"{TINY}data: {folder}\nstrategy: {{samples: 3}}\n{CURATED}".replace("problems:\n", against)
    )
    for name in ("plain", "mixed"):
        done("run", folder / f"{name}.yaml", "--out", folder / name, "--until", "examples")
    return folder


def test_what_a_recipe_says_is_done_and_all_traces_are_accounted_for(runs):
    examples, traces = Run(runs / "mixed").committed("examples"), Run(runs / "mixed").committed("traces")
    kept, dropped = list(examples.rows("examples", Example)), list(examples.rows("dropped", Drop))
    assert len(kept) + len(dropped) == traces.total("traces")
    assert examples.counts["dropped"]["over its share of the mix"] > 0
    long = {trace.key: tokens_of(trace) >= 40 for trace in traces.rows("traces", Trace)}
    assert {(long[row.trace_key], row.weight) for row in kept} == {(True, 0.25), (False, 1.0)}
    assert {row.trace_key for row in kept} < {
        row.trace_key for row in Run(runs / "plain").committed("examples").rows("examples", Example)
    }


def test_an_edited_file_of_tests_is_a_changed_setting(runs):
    status = done("status", runs / "mixed").out
    assert "stale" not in status.split("student")[0]
    before = (runs / "tests.jsonl").read_bytes()
    (runs / "tests.jsonl").write_bytes(before + b'\n{"question": "What is new here?", "gold": "2"}')
    try:
        assert "stale" in done("status", runs / "mixed").out
    finally:
        (runs / "tests.jsonl").write_bytes(before)


def test_two_sets_are_compared_with_the_reasons(runs):
    told = done("diff", runs / "plain", runs / "mixed", "--out", runs / "changes.jsonl").out
    rows = [json.loads(line) for line in (runs / "changes.jsonl").read_text().splitlines()]
    assert "in both: " in told.splitlines()[0]
    assert "curate.where" in told.splitlines()[1]
    assert f"only {runs / 'plain'}: " in told
    assert {row["in"] for row in rows} == {"first"}
    assert "over its share of the mix" in {row["reason"] for row in rows}
    same = done("diff", runs / "plain", runs / "plain").out.splitlines()
    assert same[1:] == ["settings: the same"]
    assert "no curated set" in call("diff", runs / "plain", runs / "nothing").mistake()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("curate.where=pass_rat > 0.5", "curate.where: 'pass_rat > 0.5' is no condition: 'pass_rat' is no value"),
        ("curate.weights=[{where: verdict > 1, weight: 2}]", "compares what cannot be compared"),
        ("curate.mix=[{where: tokens, share: 1}]", "'tokens' is no condition: tokens is compared with nothing"),
    ],
)
def test_what_is_no_condition_is_refused_before_anything_runs(runs, value, told):
    assert told in call("check", runs / "plain.yaml", "--set", value).mistake()
