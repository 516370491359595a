"""The index: its filters are those of a plain loop, it leaves the run alone, and it says what is missing."""

import json
import re
import shutil
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from view.made_run import make_run

from potstill.errors import DataError, PotstillError
from potstill.verify.steps.people import Saying
from potstill.view.building import index_of
from potstill.view.index import FACETS, Query, query_of
from potstill.view.queue import ordered
from potstill.view.room import Viewer, opened

CHOICES = {"outcome": ["right", "wrong", "unknown"], "model": ["r1", "qwq", "traces"], "drop": ["kept", "wrong", ""]}


def plain(index):
    rows = index.rows.to_pylist()
    return [{**row, "number": number} for number, row in enumerate(rows)]


@given(
    values=st.fixed_dictionaries({}, optional={
        name: st.lists(st.sampled_from(some), min_size=1, unique=True) for name, some in CHOICES.items()
    }),
    low=st.none() | st.integers(0, 600), sort=st.sampled_from(["", "characters", "tokens", "score", "model"]),
    descending=st.booleans(),
)  # fmt: skip
def test_a_query_is_a_plain_loop(room, values, low, sort, descending):
    index = room.index
    query = Query(
        values=values, low={} if low is None else {"characters": low}, sort=sort, descending=descending, limit=1000
    )

    def passes(row, but=""):
        return (low is None or row["characters"] >= low) and all(
            row[name] in some for name, some in values.items() if name != but
        )

    rows = plain(index)
    page = index.page(query)

    wanted = [row for row in rows if passes(row)]
    assert page["total"] == len(wanted)
    if sort:
        there = sorted((row for row in wanted if row[sort] is not None), key=lambda row: row[sort], reverse=descending)
        assert [row[sort] for row in page["rows"] if row[sort] is not None] == [row[sort] for row in there]
    else:
        assert [row["key"] for row in page["rows"]] == [row["key"] for row in wanted]
    for name in set(FACETS) - {"human"}:
        counts = Counter(row[name] for row in rows if passes(row, name))
        assert {value: number for value, number in page["facets"][name] if number} == dict(counts), name


def test_everything_is_there_once_with_its_fate(made, room):
    rows = plain(room.index)
    assert len({row["key"] for row in rows}) == len(rows) == 12 * 4 + 3 * 3
    teachers = [row for row in rows if row["who"] == "teacher"]
    assert {row["drop"] == "kept" for row in teachers if row["outcome"] == "right"} == {True}
    assert all(row["drop"] and row["drop"] != "kept" for row in teachers if row["outcome"] != "right")
    assert {row["of"] for row in rows} == {"set traces", "arm base", "arm answers", "arm traces"}
    assert {row["part_of"] for row in rows} == {"training", "held out"}
    for row in rows:  # what the page of each shows is of this very response
        its = room.response(row["key"])
        assert (its["outcome"], its["characters"]) == (row["outcome"], row["characters"])
        assert its["verdict"]["outcome"] == row["outcome"]
        assert len(its["steps"]["rows"]) == its["steps"]["total"]
        if row["who"] == "teacher":
            assert its["steps"]["scores"]["steps"] == [step["score"] for step in its["steps"]["rows"]]


def test_the_run_is_left_alone_and_the_index_is_built_once(tmp_path, capsys):
    make_run(tmp_path / "run", problems=5, samples=2)

    def state():
        return {p: p.stat().st_mtime_ns for p in sorted((tmp_path / "run").rglob("*"))}

    before = state()
    first = index_of(opened([str(tmp_path / "run")]), tmp_path / "cache")
    assert "index" in capsys.readouterr().err
    second = index_of(opened([str(tmp_path / "run")]), tmp_path / "cache")
    assert capsys.readouterr().err == ""
    assert state() == before
    assert first.folder == second.folder
    assert len(first) == len(second)


def test_broken_and_unfinished_runs_say_what_is_missing(tmp_path):
    make_run(tmp_path / "run", problems=5, samples=2)
    run = tmp_path / "run"
    (run / "examples").unlink()
    (run / "evaluate-base").unlink()
    room = Viewer.open([str(run)], tmp_path / "cache")
    told = "\n".join(room.about()["notes"])
    assert "the examples of the set traces" in told
    assert "the answers of the arm base" in told
    assert {row["drop"] for row in plain(room.index)} == {""}

    part = next((run / "verdicts").resolve().glob("verdicts-*.parquet"))
    part.write_bytes(part.read_bytes()[:-8] + b"x" * 8)
    shutil.rmtree(tmp_path / "cache")
    room = Viewer.open([str(run)], tmp_path / "cache")
    assert "was changed or removed after it was committed" in "\n".join(room.about()["notes"])
    assert len(room.index) > 0  # the arms' answers are whole

    for name in (tmp_path / "none", tmp_path):
        with pytest.raises(PotstillError, match="is no run folder and no file of traces"):
            opened([str(name)])


@pytest.mark.parametrize("shape", ["openthoughts", "openr1", "sharegpt", "messages"])
def test_published_shapes_are_read(made, tmp_path, shape):
    from potstill.pipeline.published import export_traces

    export_traces(made, shape, tmp_path / "traces.jsonl", kept=False)
    room = Viewer.open([str(tmp_path / "traces.jsonl")], tmp_path / "cache")
    rows = plain(room.index)
    assert len(rows) == 48
    its = room.response(rows[0]["key"])
    assert its["asked"]["question"]["text"].startswith("A train has 3 wagons")
    assert its["steps"]["rows"][0]["outcome"] == "right"
    if shape == "messages":
        assert its["asked"]["gold"] == "6"
        assert Counter(row["outcome"] for row in rows)["right"] > 10


def test_a_broken_file_names_its_line(tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps({"question": "?", "response": "4"}) + "\n{\n")
    with pytest.raises(DataError, match="line 2"):
        Viewer.open([str(tmp_path / "t.jsonl")], tmp_path / "cache")


@pytest.mark.parametrize(
    "wrong", [{"colour": ["red"]}, {"min_tokens": ["much"]}, {"sort": ["colour"]}, {"offset": ["1e99"]}]
)
def test_links_that_mean_nothing_are_refused(wrong):
    with pytest.raises(DataError):
        query_of(wrong)


@pytest.mark.parametrize(
    ("words", "pattern"), [("seats", False), ("x^{2} = 1", False), (r"step \d7", True), ("Wagons OF 2", False)]
)
def test_a_search_is_a_plain_loop(room, words, pattern):
    find = re.compile(words if pattern else re.escape(words), re.IGNORECASE)
    wanted = set()
    for number in range(len(room.index)):
        record, row = room.texts.record(number), room.index.row(number)
        question = room.index.problem(row["problem"])["question"]
        if any(find.search(text) for text in (question, record.reasoning, record.answer)):
            wanted.add(number)
    found = list(room.texts.search(words, room.index.chosen(Query()).to_pylist(), pattern=pattern))
    hits = [one for one in found if not isinstance(one, int)]
    assert {hit.row for hit in hits} == wanted
    assert len(hits) == len(wanted)
    assert sum(one for one in found if isinstance(one, int)) == len(room.index)
    if not pattern:
        assert all(hit.found.casefold() == words.casefold() for hit in hits)


@pytest.mark.parametrize("words", ["", "  ", "x" * 401, "("])
def test_searches_for_nothing_are_refused(room, words):
    with pytest.raises(DataError):
        list(room.texts.search(words, [0], pattern=True))


@pytest.mark.parametrize("by", ["uncertain", "random", "filter", "double"])
def test_a_queue_is_seeded_leaves_out_what_is_done_and_says_why(room, by):
    def queue(sayings=(), seed=1, labeller="ada"):
        return ordered(
            room.index, room.details, sayings, Query(values={"of": ["set traces"]}), by=by, labeller=labeller,
            seed=seed, count=40,
        )  # fmt: skip

    first = queue()
    said = [
        Saying(kind="steps", labeller=name, solution=row["key"], steps=("a",), ratings=(1,))
        for name, row in zip(("ada", "bob", "bob"), room.index.shown([0, 1, 2]), strict=True)
    ]
    after = [row["key"] for row in queue(said)]
    if by == "double":
        assert first == []
        assert set(after) == {one.solution for one in said[1:]}
        return
    assert first == queue()
    assert said[0].solution not in after
    assert all(row["why"] for row in first)
    if by == "random":
        assert [row["key"] for row in first] != [row["key"] for row in queue(seed=2)]
    if by == "uncertain":
        assert "calculator" in first[0]["why"]
        assert first[0]["outcome"] == "right"
