"""Labels of people: nothing saved is lost, they go out and come in equal, and people who differ are told apart."""

import json
import multiprocessing
import random
import threading
from http.client import HTTPException

import pytest
from view.made_run import make_run
from view.served import serving

from potstill.errors import DataError
from potstill.evaluate.agreement import cohen
from potstill.verify.steps.labels import read_step_labels
from potstill.verify.steps.people import Saying, differing, latest, read_sayings, settled
from potstill.view.index import Query
from potstill.view.labels import LabelFiles, exported, file_of, imported
from potstill.view.room import Viewer


def saying(labeller="ada", solution="s", ratings=(1, -1, None), **more):
    return Saying(
        kind="steps", labeller=labeller, solution=solution, question="Why?", gold="4", seconds=2.5,
        at="2026-11-30T00:00:00Z",
        steps=tuple(f"step {number}\u2028<b>" for number in range(len(ratings))), ratings=ratings, **more,
    )  # fmt: skip


def save_many(folder, labeller):
    labels = LabelFiles(folder)
    for number in range(20):
        labels.save(saying(labeller, f"s{number}"))


def test_two_processes_and_two_of_one_name_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=save_many, args=(tmp_path / "labels", name)) for name in ("ada", "ada", "bob")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = list(read_sayings(tmp_path / "labels"))
    assert len(rows) == 60
    assert set(latest(rows)) == {("steps", f"s{number}") for number in range(20)}


def test_what_a_kill_left_is_passed_over_and_goes_on(tmp_path):
    labels = LabelFiles(tmp_path)
    labels.save(saying(solution="one"))
    path = file_of(tmp_path, "ada")
    whole = path.read_bytes()
    for cut in (1, 20, len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        assert [one.solution for one in read_sayings(tmp_path)] == ["one"]
        labels.save(saying(solution="two"))
        found = [one.solution for one in read_sayings(tmp_path)]
        assert found in (["one", "two"], ["one", "one", "two"])  # only the end of the line was missing of the last one
    path.write_bytes(whole + b"not a label\n")
    with pytest.raises(DataError, match="line 2 is no JSON"):
        list(read_sayings(tmp_path))


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 61, "a\u202eb"])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(DataError):
        file_of(tmp_path, name)


def test_names_never_leave_the_folder_and_never_meet(tmp_path):
    names = ["../../etc/passwd", "Ada", "ada", "Zoë", "*", "a/b"]
    files = [file_of(tmp_path, name) for name in names]
    assert {file.parent for file in files} == {tmp_path}
    assert len(set(files)) == len(names)


def test_the_last_word_counts_and_an_adjudication_decides():
    rows = [saying(ratings=(1, 1)), saying(ratings=(1, -1)), saying("bob", ratings=(-1, None))]
    assert latest(rows)["steps", "s"]["ada"].first_wrong_step == 1
    assert differing(rows) == [("steps", "s")]
    assert settled(rows) == {}
    rows.append(saying("eve", ratings=(1, -1), adjudicated=True))
    assert differing(rows) == []
    assert settled(rows)["steps", "s"].labeller == "eve"
    rows.append(saying("bob", ratings=(0, None), skipped=True))  # who skips takes nothing back
    assert latest(rows)["steps", "s"]["bob"].first_wrong_step == 0


def test_kappa_by_hand():
    """Of 50 things both say yes to 20, both no to 15; 5 and 10 lie apart: 0.7 alike, 0.5 expected."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    agreed = cohen(pairs)
    assert (agreed.number, agreed.alike, round(agreed.kappa, 12)) == (50, 0.7, 0.4)
    assert cohen([(1, 1)] * 3).kappa is None
    assert cohen([]).number == 0


def test_labels_go_out_and_come_in_equal(tmp_path):
    rows = [saying(solution=f"s{n}", ratings=ratings, comment="why", problem_key="p") for n, ratings in enumerate(
        [(1, -1, None), (1, 1, 0), (-1, None, None), (1, 1, 1)])]  # fmt: skip
    for shape in ("prm800k", "potstill"):
        out = [json.loads(json.dumps(row)) for row in exported(rows, shape)]
        back = list(imported(((f"line {n}", row) for n, row in enumerate(out)), "somebody"))
        if shape == "prm800k":
            back = [one.__class__(**{**one.__dict__, "finish": ""}) for one in back]
        assert back == rows
    file = tmp_path / "prm.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in exported(rows, "prm800k")))
    assert [(one.steps, one.labels) for one in read_step_labels(file)] == [(one.steps, one.ratings) for one in rows]
    bench = list(exported(rows, "processbench"))
    assert [row["label"] for row in bench] == [1, -1, 0, -1]
    back = list(imported((("line", row) for row in bench), "somebody"))
    assert [one.first_wrong_step for one in back] == [one.first_wrong_step for one in rows]
    labels = LabelFiles(tmp_path / "labels")
    labels.save_all(rows)
    native = list(read_step_labels(tmp_path / "labels"))
    assert [(one.id, one.problem, one.labels) for one in native] == [(s.solution, s.question, s.ratings) for s in rows]
    with pytest.raises(DataError, match="no known shape"):
        list(imported([("line 1", {"a": 1})], "somebody"))


def label(served, key, **more):
    steps = served.json(f"/api/response/{key}?count=0")["steps"]["total"]
    return served.json("/api/label", {
        "kind": "steps", "labeller": "ada", "solution": key, "ratings": [1] * steps, "seconds": 1, **more,
    })  # fmt: skip


def killed(tmp_path, times, draw):
    """Kill the server while somebody labels, again and again; return (called saved, found)."""
    make_run(tmp_path / "run", problems=10, samples=4)
    saved = []
    for _ in range(times):
        with serving(tmp_path / "run", cache=tmp_path / "cache") as served:
            keys = [row["key"] for row in served.json("/api/list?limit=40&of=set%20traces")["rows"]]
            label(served, keys[0], comment="first")
            killer = threading.Timer(draw.uniform(0.02, 0.4), served.kill)
            killer.start()
            try:
                while True:
                    comment = f"{len(saved)}"
                    label(served, draw.choice(keys), comment=comment)
                    saved.append(comment)
            except (OSError, AssertionError, ValueError, HTTPException):
                pass
            killer.join()
    found = {one.comment for one in read_sayings(tmp_path / "run" / "labels")}
    return saved, found


def test_no_kill_loses_what_was_called_saved(tmp_path):
    saved, found = killed(tmp_path, 2, random.Random(1))
    assert saved
    assert set(saved) <= found


@pytest.mark.soak
def test_twenty_kills_lose_nothing(tmp_path):
    saved, found = killed(tmp_path, 20, random.Random(2))
    assert len(saved) > 100
    assert set(saved) <= found


def test_checks_beside_people(tmp_path):
    from potstill.view.agreeing import checks_against_people

    make_run(tmp_path / "run", problems=5, samples=3)
    room = Viewer.open([str(tmp_path / "run")], tmp_path / "cache")
    keys = room.index.rows["key"].to_pylist()[:6]
    for number, key in enumerate(keys):
        its = room.response(key, 0, 500)["steps"]
        ratings = tuple(-1 if step["outcome"] == "wrong" else 1 for step in its["rows"])
        room.labels("run").save(
            Saying(
                kind="steps", labeller="ada", solution=key, steps=tuple(room.details.steps_of(number)), ratings=ratings
            )
        )
    rows = {(row["check"], row["what"]): row for row in checks_against_people(room)}
    assert rows["calculator", "the first wrong step"]["alike"] == 1.0
    assert rows["calculator", "each step"]["number"] > 20
    assert rows["reward model", "each step"]["alike"] < 0.9
    assert room.people()["run"]["people"]["ada"]["steps"] == 6
    assert dict(room.page(Query())["facets"]["human"])["labelled"] == 6
