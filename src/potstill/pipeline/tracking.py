"""What trackers are told while a run goes on: each arm's losses as they come, and what it scored."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from potstill.durable import read_record, to_record, write_durably
from potstill.errors import DamageError
from potstill.evaluate.metrics import summarise
from potstill.graph import ArmNode, graph_of
from potstill.pipeline import naming
from potstill.pipeline.stage import Stage
from potstill.progress import Event
from potstill.recipe import Recipe
from potstill.records import Measure, content_key
from potstill.store import Committed, Run
from potstill.trackers import TRACKERS
from potstill.trackers.tracker import About, Tracker, TrackerError

Said = tuple[int, Mapping[str, float]]
"""An optimiser step of the arm, and figures as of it."""
TOLD = ".trackers.json"
"""In a run folder: tracker -> arm -> key of the outputs that it was told of, so that it is told once."""


class _Arm:
    """One arm and its trackers. They are opened when there is something new to tell, and told all that came before."""

    def __init__(self, about: About) -> None:
        self.about = about
        self.open: dict[str, Tracker] | None = None
        self.parts: list[Callable[[], Iterable[Said]]] = []
        self.outputs: list[str] = []
        self.steps = 0

    def begin(self, names: Iterable[str]) -> None:
        """Open these trackers, unless any are open, and tell them what was said before."""
        if self.open is not None:
            return
        self.open = {}
        for name in names:
            with self._heard(name):
                self.open[name] = TRACKERS[name](self.about)
        for part in self.parts:
            self._tell(part())

    def add(self, output: Committed, said: Callable[[], Iterable[Said]], *, told: bool) -> None:
        """Take the figures of an output; `told` where they were told one by one as they came."""
        self.parts.append(said)
        self.outputs.append(output.fingerprint)
        if self.open is not None and not told:
            self._tell(said())

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Tell the figures of a step that was made now; steps count on from the phases before."""
        self._tell([(self.steps + step, values)])

    def finish(self, final: Mapping[str, float]) -> None:
        """Tell what came out."""
        self._each(lambda tracker: tracker.finish(final))

    def close(self) -> list[str]:
        """Close the trackers; return the names of those that took everything."""
        self._each(lambda tracker: tracker.close())
        taken, self.open = list(self.open or ()), None
        return taken

    def _tell(self, said: Iterable[Said]) -> None:
        for one in said:
            self._each(partial(_log, one))

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for name, tracker in list((self.open or {}).items()):
            with self._heard(name):
                act(tracker)

    @contextmanager
    def _heard(self, name: str) -> Iterator[None]:
        """Go on without a tracker that fails: a run is not lost over where its figures go."""
        try:
            yield
        except TrackerError as error:
            print(f"{error}: arm {self.about.arm} goes on without it", file=sys.stderr)
            if self.open is not None:
                self.open.pop(name, None)


def _log(said: Said, tracker: Tracker) -> None:
    tracker.log(*said)


class Tracking:
    """Tells the trackers of a recipe's `report_to` of its arms, stage by stage, while its block lasts."""

    def __init__(self, recipe: Recipe, folder: Run) -> None:
        self.run, self.names = folder, recipe.report_to
        self.arms: dict[str, _Arm] = {}
        self.of_stage: dict[str, _Arm] = {}
        self.live = ""
        """The stage whose steps were told as they came."""
        if not self.names:
            return
        graph = graph_of(recipe)
        for name, node in graph.arms.items():
            arm = self.arms[name] = _Arm(_about(recipe, node, folder))
            for stage in (*(naming.training(phase) for phase in node.phases), naming.measures(node)):
                self.of_stage[stage] = arm

    def heard(self, event: Event) -> None:
        """Open the trackers of an arm when it is trained or measured now, and tell them each step."""
        arm = self.of_stage.get(event.stage)
        if arm is None or event.state != "working":
            return
        arm.begin(self.names)
        if event.figures:
            self.live = event.stage
            arm.log(int(event.figures["step"]), _of_step(event.figures))

    def committed(self, stage: Stage, output: Committed) -> None:
        """Take an output, made now or there already; with the report's everything is told that was not yet."""
        arm = self.of_stage.get(stage.name)
        if stage.kind == "train" and arm is not None:
            before = arm.steps
            arm.add(output, lambda: _of_training(output, before), told=self.live == stage.name)
            arm.steps += int(output.counts["steps"])
        elif stage.kind == "evaluate" and arm is not None:
            after = arm.steps
            arm.add(output, lambda: _of_evaluation(output, after), told=False)
        elif stage.kind == "report" and self.names:
            self._finish(json.loads(output.read("report.json"))["measures"])

    def __enter__(self) -> Tracking:
        return self

    def __exit__(self, *error: object) -> None:
        """Close what is open: a run that goes on later tells the arm again from the start."""
        for arm in self.arms.values():
            arm.close()

    def _finish(self, measures: Iterable[Mapping[str, Any]]) -> None:
        final = {row["student"]: _numbers(row) for row in measures}
        told = self._told()
        for name, arm in self.arms.items():
            key = content_key(arm.outputs)
            arm.begin([tracker for tracker in self.names if told.get(tracker, {}).get(name) != key])
            arm.finish(final.get(name, {}))
            for tracker in arm.close():
                told.setdefault(tracker, {})[name] = key
        write_durably(self.run.path / TOLD, to_record({"told": told}))

    def _told(self) -> dict[str, dict[str, str]]:
        try:
            return dict(read_record(self.run.path / TOLD).get("told", {}))
        except DamageError:
            return {}  # then it is told again


def _about(recipe: Recipe, arm: ArmNode, folder: Run) -> About:
    own = {
        "seed": recipe.seed,
        "student": dataclasses.asdict(arm.recipe.student),
        "train": [dataclasses.asdict(phase.recipe.train) for phase in arm.phases],
    }
    return About(
        folder=folder.path, run=recipe.name, arm=arm.name, settings=json.loads(json.dumps(own)),
        key=content_key("arm", str(folder.path.resolve()), arm.name)[:16],
    )  # fmt: skip


def _of_step(log: Mapping[str, float]) -> dict[str, float]:
    """Name the figures of a step `train/loss`, and those of a look `look/loss`."""
    return {
        f"look/{name.removeprefix('look_')}" if name.startswith("look_") else f"train/{name}": float(value)
        for name, value in log.items() if name != "step"
    }  # fmt: skip


def _of_training(output: Committed, before: int) -> Iterator[Said]:
    for log in json.loads(output.read("losses.json")):
        yield before + int(log["step"]), _of_step(log)


def _of_evaluation(output: Committed, step: int) -> Iterator[Said]:
    """Yield the figures of each way in which the arm was asked: `held_out/accuracy`, `held_out_few_shot/accuracy`."""
    values: dict[str, float] = {}
    for table in output.counts["tables"]:
        found = summarise(list(output.rows(table, Measure)))
        where = "held_out" if table == "zero_shot" else f"held_out_{table}"
        figures = {
            "accuracy": found.accuracy.value, "accuracy_low": found.accuracy.low, "accuracy_high": found.accuracy.high,
            "truncated": found.truncated_rate, "looped": found.looped_rate, "unscored": float(found.unscored),
            "tokens_per_response": found.mean_tokens,
        }  # fmt: skip
        values |= {f"{where}/{name}": value for name, value in figures.items() if math.isfinite(value)}
    yield step, values


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
