"""A probe times real steps; the plan that follows from it is kept, and the report has it beside what came."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from commands import TINY, done

from potstill.planning import probe
from potstill.planning.figures import known
from potstill.planning.stages import _timed
from potstill.planning.timing import Timing
from potstill.planning.trainings import PhaseFigures
from potstill.recipe import Train
from potstill.store import Run


def test_a_probe_is_kept_and_the_report_says_planned_and_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(probe, "SECONDS", 0.2)
    hours, real = [0.0], probe._taken
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + hours[0]))
    monkeypatch.setattr(probe, "_taken", lambda *given: (real(*given), hours.insert(0, 3600.0))[0])
    (tmp_path / "r.yaml").write_text(TINY)
    told = done("plan", "r.yaml", "--out", "run", "--probe").out
    assert "the steps that --probe timed" in told
    assert "the steps that --probe timed" in done("plan", "r.yaml", "--out", "run").out
    record = json.loads((tmp_path / "run" / "plan.json").read_text())
    (timing,) = record["probes"]["timings"].values()
    assert timing["token"] >= 0
    assert timing["held"] > 5e7
    assert timing["start"] < 3600, "what its steps take is no part of starting up"

    done("run", "r.yaml", "--out", "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    table = next(node for node in tables(report) if node.get("title") == "Planned and taken")
    rows = {row[0]: row for row in table["rows"]}
    committed = Run(tmp_path / "run").committed("train-traces")
    assert rows["train-traces"][-1] == committed.counts["tokens"]
    assert rows["train-traces"][1] < rows["train-traces"][2]
    assert committed.clock["peak_bytes"] > 1e8
    assert not done("plan", "r.yaml", "--out", "run").err
    assert json.loads((tmp_path / "run" / "plan.json").read_text())["stages"] == record["stages"], "as it was planned"


def tables(value):
    """Yield every object of a report."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from tables(item)


def test_steps_that_follow_the_law_give_the_law_back():
    kinds = [((4, 50),), ((4, 200),), ((4, 50),) * 2, ((2, 200),), ((2, 100), (2, 60))]
    law = {"call": 0.02, "token": 1e-4, "pair": 2e-7, "step": 0.05}
    seconds = [
        sum(law["call"] + law["token"] * n * t + law["pair"] * n * t * t for n, t in kind) + law["step"]
        for kind in kinds
    ]
    taken = list(zip(kinds, seconds, strict=True))
    found = probe._fitted(taken[:3], taken[3:])
    for name, value in law.items():
        assert found[name] == pytest.approx(value, rel=0.05), name
    assert min(probe._fitted([], [(kind, 1.0) for kind in kinds]).values()) >= 0
    uneven = [(kinds[0], taken) for taken in (1.0, 1.0, 1.0, 5.0)]
    fitted = probe._fitted([], uneven)
    each = fitted["call"] + fitted["token"] * 200 + fitted["pair"] * 10_000 + fitted["step"]
    assert each == pytest.approx(2.0), "their mean, not what most of them take"
    timing = Timing(
        **found, start=1.0, held=1e8, held_token=1000.0, held_pair=0.0, write_call=0.01, write_row=0.001, read=1e-5,
        held_sampling=1e8,
    )  # fmt: skip
    assert timing.training([(4, 50)] * 10, 10).value == pytest.approx(1 + 10 * seconds[0], rel=0.05)
    assert timing.most_rows(100, 1e8 + 1e6) == 10


def test_memory_grows_as_it_was_seen_to():
    grown = probe._grown([(200, 1000), (800, 2200)])
    assert (grown["held"], grown["held_token"]) == (pytest.approx(600), pytest.approx(2))
    assert probe._grown([(200, 900), (200, 900)])["held_token"] == 0


def test_a_probe_tries_the_steps_of_its_trainings():
    long, short = (
        PhaseFigures(rows=None, tokens=None, flops=None, longest=max(sizes), sizes=sizes)
        for sizes in ([7, 90, 30, 12, 55, 41, 8, 64], [5, 6, 9])
    )
    train = Train(batch=8, micro_batch=1, steps=1)
    steps = probe._steps_of([(short, train), (long, train)])
    assert steps.longest == 90
    assert len(steps.largest) == probe.MIXED
    assert {len(step) for step in steps.drawn} == {3}, "the largest, a middle one and the smallest of eight"
    every = {tokens for step in steps.drawn for _, tokens in step}
    assert every <= {*long.sizes, *short.sizes}
    assert every & {*short.sizes}
    assert every & {*long.sizes}
    assert {tokens for step in steps.even for _, tokens in step} == {6, 41}
    whole = probe._steps_of([(long, replace(train, micro_batch=8))])
    assert all(step[0][0] == 8 for step in [*whole.largest, *whole.drawn])


def test_the_first_step_holds_no_moments_yet():
    order = SimpleNamespace(steps=[[0, 1], [2, 3], [4]])
    figures = PhaseFigures(rows=None, tokens=None, flops=None, longest=90, sizes=[90, 80, 30, 20, 70], plan=order)
    assert figures.largest(2, 2) == (1, 70)
    assert figures.largest(2, 1) == (1, 70)
    assert replace(figures, plan=SimpleNamespace(steps=[[0, 1]])).largest(2, 2) == (2, 90)
    assert replace(figures, plan=None).largest(8, 2) == (2, 90)


def test_a_training_without_a_step_takes_its_start_alone():
    none = PhaseFigures(
        rows=known(0, ""), tokens=None, flops=None, longest=9, sizes=[], plan=SimpleNamespace(steps=[], rows=0)
    )
    timing = Timing(**dict.fromkeys(Timing.__dataclass_fields__, 1.0))
    recipe = SimpleNamespace(train=Train(batch=8, micro_batch=8, steps=1))
    assert _timed(timing, none, recipe).value == 1.0
