"""Verdicts and curation as many parts: by one process or several, killed anywhere, the bytes are the same."""

import random
import signal
import sys
import time
from dataclasses import replace

import pytest
from commands import call, ended
from pipeline.parts_run import KILLS, RECIPE, SLOW, SMALL, killed, killed_at_random, lasting, started, written
from soak import runs

from potstill import pipeline
from potstill.curate.deciding import decide
from potstill.curate.seen import Looker
from potstill.curate.select import select
from potstill.pipeline import curating, judging, parts
from potstill.pipeline.helping import Helper
from potstill.pipeline.jobs import FolderPlace
from potstill.recipe_file import parse
from potstill.records import Drop, Example, Group, Problem, Trace, Verdict
from potstill.store import Run


@pytest.fixture
def small(monkeypatch):
    """SharedParts of a few rows, so that a small run has many; children of the run get the same by `small_parts`."""
    monkeypatch.setattr(judging, "AT_ONCE", 16)
    monkeypatch.setattr(curating, "HELD_CHARACTERS", 4_000)
    monkeypatch.setattr(curating, "TOGETHER", 2)
    for module in (curating, sys.modules["potstill.pipeline.stages.examples"]):
        monkeypatch.setattr(module, "PART_ROWS", 10)
    monkeypatch.setattr(sys.modules["potstill.pipeline.stages.examples"], "TOGETHER", 2)


def rows(run):
    examples = run.committed("examples")
    return list(examples.rows("examples", Example)), list(examples.rows("dropped", Drop))


def in_memory(run, recipe):
    problems, verdicts = run.committed("problems"), run.committed("verdicts")
    held_out = {key for p in problems.rows("evaluation", Problem) for key in (p.key, p.overlap_key)}
    looker = Looker(
        training={p.key: p for p in problems.rows("train", Problem)}, held_out=held_out, settings=recipe.curate,
        groups={g.problem_key: g for g in verdicts.rows("groups", Group)}, seed=recipe.seed,
    )  # fmt: skip
    traces = run.committed("traces")
    return list(
        select(lambda: zip(traces.rows("traces", Trace), verdicts.rows("verdicts", Verdict), strict=True), looker)
    )


@pytest.mark.parametrize("order", ["shuffled", "easy_to_hard"])
def test_parts_buckets_and_files_change_nothing_that_curation_in_memory_gives(tmp_path, small, order):
    recipe, run = parse(RECIPE.replace("ORDER", order), "r"), Run(tmp_path / "run")
    pipeline.run(recipe, run, until="examples", workers=1)
    kept, dropped = rows(run)
    assert [*dropped, *kept] == in_memory(run, recipe)
    assert len(kept) > 100
    assert len(run.committed("examples").parts("examples")) == 11
    assert not list(run.stages.glob("*/scratch"))


def test_examples_with_the_reasoning_of_another_problem_keep_their_own_answers(tmp_path):
    own, run = Run(tmp_path / "own"), Run(tmp_path / "run")
    text = RECIPE.replace("ORDER", "shuffled")
    pipeline.run(parse(text, "r"), own, until="examples", workers=1)
    pipeline.run(parse(text.replace("{per_problem: 2", "{per_problem: 2, reasoning: another"), "r"), run,
                 until="examples", workers=1)  # fmt: skip
    (before, _), (after, _) = rows(own), rows(run)
    written = {one.reasoning: one.problem_key for one in before}
    assert [replace(one, reasoning="") for one in after] == [replace(one, reasoning="") for one in before]
    assert all(written[one.reasoning] != one.problem_key for one in after)


def test_parts_of_any_size_give_the_same_bytes(tmp_path):
    found = []
    for name, at_once in (("a", 1000), ("b", 7)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(judging, "AT_ONCE", at_once)
            patch.setattr(curating, "HELD_CHARACTERS", 10 * at_once)
            run = Run(tmp_path / name)
            pipeline.run(parse(RECIPE.replace("ORDER", "shuffled"), "r"), run, until="examples", workers=1)
        found.append(
            {file: run.committed("examples").files[file]["sha256"] for file in run.committed("examples").files}
        )
    assert found[0] == found[1]


def test_no_order_of_rows_changes_what_is_decided():
    problems = [Problem(id=str(n), question=f"What is {n} and {n}?", gold=str(2 * n)) for n in range(5)]
    from potstill.recipe import Curate

    looker = Looker(
        training={p.key: p for p in problems}, held_out=set(), settings=Curate(per_problem=2, drop_unknown=False),
        groups={}, seed=1, crowded={p.key for p in problems},
    )  # fmt: skip
    dice = random.Random(3)
    seen = []
    for number in range(60):
        words = " ".join(dice.choices(["so", "we", "add", "it", "twice"], k=dice.choice([3, 40])))
        trace = Trace(
            problem_key=dice.choice(problems).key, teacher="t", strategy="s", prompt_key="", sample=number, attempt=0,
            sampling="{}", reasoning=words, answer="4", finish="stop",
        )  # fmt: skip
        seen.append(looker.look(trace, None))
    seen += [replace(row, key=f"{row.key}x", sample=row.sample + 100) for row in seen[:20] if not row.reason]
    wanted = [item.key for item in decide(seen, looker, runs_of=dict).kept]
    for _ in range(10):
        dice.shuffle(seen)
        assert [item.key for item in decide(seen, looker, runs_of=dict).kept] == wanted


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The files of a run that one process made."""
    folder = tmp_path_factory.mktemp("alone")
    assert ended(started(SMALL, "run", written(folder), "--out", folder / "run", "--until", "examples")).code == 0
    return runs.digest(folder / "run")


def test_workers_take_parts_and_the_bytes_are_those_of_one_process(tmp_path, alone):
    recipe = written(tmp_path)
    driver = started(SLOW, "run", recipe, "--out", tmp_path / "run", "--until", "examples")
    workers = [started(SMALL, "work", tmp_path / "run", "--wait", 60) for _ in range(2)]
    assert ended(driver).code == 0
    told = [ended(worker) for worker in workers]
    assert [one.code for one in told] == [0, 0]
    made = [int(one.err.split("parts made here")[0].split()[-1].replace(",", "")) for one in told]
    assert sum(made) > 5, told
    assert runs.digest(tmp_path / "run") == alone


@pytest.mark.soak
def test_a_worker_killed_at_each_of_its_commit_points_changes_nothing(tmp_path, alone):
    recipe = written(tmp_path)
    driver = started(SLOW, "run", recipe, "--out", tmp_path / "run", "--until", "examples")
    begun = []
    for point in range(1, 7):
        worker = started(SMALL + killed(point), "work", tmp_path / "run", "--wait", 60)
        begun.append((point, worker))
    assert ended(driver).code == 0
    codes = {point: ended(worker).code for point, worker in begun}
    assert list(codes.values()).count(-signal.SIGKILL) >= 3, codes
    assert runs.digest(tmp_path / "run") == alone


@pytest.mark.soak
def test_workers_and_the_run_killed_at_random_times_change_nothing(tmp_path, alone):
    recipe, out, code = written(tmp_path), tmp_path / "run", lasting(tmp_path / "go-on")
    driver, pair = killed_at_random(
        random.Random(17), KILLS,
        lambda: started(code, "run", recipe, "--out", out, "--until", "examples"),
        lambda: started(code, "work", out, "--wait", 60),
    )  # fmt: skip
    (tmp_path / "go-on").touch()
    assert ended(driver).code == 0
    assert {ended(one).code for one in pair} <= {0, 2}, "a worker may begin when all is done"
    assert runs.digest(out) == alone


@pytest.mark.soak
def test_a_run_that_is_killed_goes_on_with_its_parts(tmp_path, alone):
    recipe = written(tmp_path)
    for seconds in (1.5, 2.0, 2.5):
        runs.kill_after(started(SLOW, "run", recipe, "--out", tmp_path / "run", "--until", "examples"), seconds)
    assert ended(started(SMALL, "run", recipe, "--out", tmp_path / "run", "--until", "examples")).code == 0
    assert runs.digest(tmp_path / "run") == alone


def test_one_line_where_there_is_nothing_to_work_for(tmp_path):
    assert "no process is at" in call("work", tmp_path / "none").mistake()


def test_a_worker_of_another_version_is_refused(tmp_path, monkeypatch):
    recipe = written(tmp_path)
    driver = started(SLOW, "run", recipe, "--out", tmp_path / "run", "--until", "examples")
    place = FolderPlace(Run(tmp_path / "run"))
    while driver.poll() is None and not list(place.jobs()):
        time.sleep(0.01)
    helping = sys.modules["potstill.pipeline.helping"]
    monkeypatch.setattr(helping, "versions", lambda: parts.versions() | {"pyarrow": "1.0"})
    with pytest.raises(Exception, match=r"run by another version: pyarrow .* there and 1\.0 here"):
        Helper(place).work()
    monkeypatch.undo()
    with pytest.raises(Exception, match="with the sandbox"):
        Helper(place, without_sandbox=True).work()
    monkeypatch.setattr(sys.modules["potstill.pipeline.jobs"].os, "access", lambda path, mode: False)
    with pytest.raises(Exception, match="cannot be written by this process: mount its folder for writing"):
        Helper(place).work()
    driver.kill()
    driver.communicate()


def test_a_run_starts_processes_of_its_own_that_take_parts(tmp_path, monkeypatch):
    """The run makes no second part before another process has made one."""
    recipe = parse(RECIPE.replace("count: 60", "count: 500").replace("ORDER", "shuffled"), "r")
    one, two = Run(tmp_path / "one"), Run(tmp_path / "two")
    pipeline.run(recipe, one, until="examples", workers=1)
    monkeypatch.setattr(parts, "FEW", 1)
    made, waited = parts.SharedParts.commit, []

    def commit(self, number, data):
        made(self, number, data)
        until = time.monotonic() + 60
        while "verdicts" in str(self.folder) and len(list(self.folder.glob("*.part"))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        waited.append(number)

    monkeypatch.setattr(parts.SharedParts, "commit", commit)
    pipeline.run(recipe, two, until="verdicts", workers=2)
    assert 0 < len(waited) < 6, "of six parts another process made some"
    monkeypatch.undo()
    pipeline.run(recipe, two, until="examples", workers=1)
    assert runs.digest(one.path) == runs.digest(two.path)
