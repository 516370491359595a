"""A probe times real steps; the plan that follows from it is kept, and the report has it beside what came."""

import json
import time
from types import SimpleNamespace

import pytest
from commands import TINY, done

from potstill.planning import probe
from potstill.planning.timing import Timing
from potstill.store import Run


def test_a_probe_is_kept_and_the_report_says_planned_and_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(probe, "SECONDS", 0.2)
    hours, real = [0.0], probe._steps
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + hours[0]))
    monkeypatch.setattr(probe, "_steps", lambda *given: (real(*given), hours.insert(0, 3600.0))[0])
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
    kinds = [(1, 4, 50), (1, 4, 200), (2, 4, 50), (1, 2, 200), (2, 2, 100)]
    law = {"call": 0.02, "token": 1e-4, "pair": 2e-7, "step": 0.05}
    seconds = [
        law["call"] * many + law["token"] * many * n * t + law["pair"] * many * n * t * t + law["step"]
        for many, n, t in kinds
    ]
    found = probe._fitted(list(zip(kinds, seconds, strict=True)))
    for name, value in law.items():
        assert found[name] == pytest.approx(value, rel=0.05), name
    assert min(probe._fitted([(kind, 1.0) for kind in kinds]).values()) >= 0
    timing = Timing(
        **found, start=1.0, held=1e8, held_token=1000.0, held_pair=0.0, write_call=0.01, write_row=0.001, read=1e-5,
        held_sampling=1e8,
    )  # fmt: skip
    assert timing.training([(4, 50)] * 10, 10).value == pytest.approx(1 + 10 * seconds[0], rel=0.05)
    assert timing.most_rows(100, 1e8 + 1e6) == 10


def test_memory_grows_as_it_was_seen_to():
    grown = probe._grown({(1, 4, 50): 1000, (1, 4, 200): 2200, (1, 2, 200): 1500})
    assert (grown["held"], grown["held_token"]) == (pytest.approx(600), pytest.approx(2))
    assert probe._grown({(1, 4, 50): 900})["held_token"] == 0
