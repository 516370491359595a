"""Hugging Face datasets from local folders; without a network a hub name ends in one line."""

import json
import warnings

import pytest

from potstill.errors import DataError, RecipeError
from potstill.problems import read
from potstill.recipe import Source

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = [{"problem": f"What is {n} + 1?", "answer": n + 1} for n in range(5)]


def found(folder, name, **fields):
    return list(read(Source(dataset=name, **fields), seed=0, data=folder, where="problems.sources.0"))


def test_a_folder_of_files_is_read(tmp_path):
    folder = tmp_path / "sums"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    got = found(tmp_path, "sums", split="test", count=3)
    assert [(p.id, p.gold, p.source) for p in got] == [
        (f"sums-test-{n + 1}", str(n + 1), "dataset:sums") for n in range(3)
    ]
    with pytest.raises(RecipeError, match=r"problems.sources.0.split: no split 'tset', did you mean 'test'"):
        found(tmp_path, "sums", split="tset")
    with pytest.raises(RecipeError, match="say which"):
        found(tmp_path, "sums")
    with pytest.raises(DataError, match="did you mean 'answer'"):
        found(tmp_path, "sums", split="test", columns={"gold": "anwser"})


def test_a_dataset_saved_to_disk_is_read(tmp_path):
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"a": one, "b": one}).save_to_disk(str(tmp_path / "two"))
    assert [p.gold for p in found(tmp_path, "one")] == [str(n + 1) for n in range(5)]
    assert len(found(tmp_path, "two", split="b")) == 5


def test_what_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.jsonl").write_text('{"problem": "a"}\n{"problem": \n')
    (tmp_path / "file.jsonl").write_text("")
    for name in ("empty", "broken", "file.jsonl", "no-such-owner/no-such-dataset-here"):
        with pytest.raises((DataError, RecipeError)) as caught:
            found(tmp_path, name)
        told = "broken/train.jsonl: line 2 is not JSON" if name == "broken" else "problems.sources.0"
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_one_split_of_a_folder_cannot_be_called_otherwise(tmp_path):
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "one"))
    with pytest.raises(RecipeError, match="split"):
        found(tmp_path, "one", split="test")


def test_numbers_of_a_folder_of_texts_keep_their_digits(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train-1.jsonl").write_text('{"question": "q", "gold": 0.12345678901234567890}\n')
    (tmp_path / "d" / "train-2.jsonl").write_text('{"question": "r", "gold": 1.50, "gold2": 1}\n')
    found = list(read(Source(dataset="d"), seed=0, data=tmp_path, where="w"))
    assert [(p.id, p.gold) for p in found] == [("d-1", "0.12345678901234567890"), ("d-2", "1.50")]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "test.csv").write_text("question,gold\nq,007\nr,1.50\n")
    (tmp_path / "c" / "train.csv").write_text("question,gold\ns,5\n")
    found = read(Source(dataset="c", split="test"), seed=0, data=tmp_path, where="w")
    assert [p.gold for p in found] == ["007", "1.50"]
    with pytest.raises(RecipeError, match=r"w\.split: the dataset has several, say which \(train, test\)"):
        list(read(Source(dataset="c"), seed=0, data=tmp_path, where="w"))
    (tmp_path / "c" / "test.csv").write_text("question,gold,gold\nq,1,2\n")
    with pytest.raises(DataError, match="names the column 'gold' twice"):
        list(read(Source(dataset="c", split="test"), seed=0, data=tmp_path, where="w"))
