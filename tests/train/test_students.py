"""Students from nothing, from a folder, and the ways in which a folder is no student."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from train import tiny

from potstill.errors import CheckpointError, StudentError
from potstill.recipe import Scratch, Student

pytest.importorskip("torch")

from potstill.train import students


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_seeds_and_texts_give_equal_bytes_in_another_process(folder, tmp_path):
    code = (
        "import sys, pathlib; from train import tiny; from potstill.train import students;"
        "students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=pathlib.Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "again"], env=environment, check=True)
    assert bytes_of(folder) == bytes_of(tmp_path / "again")


def test_another_seed_gives_other_weights_and_the_same_tokenizer(folder, tmp_path):
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=4, out=tmp_path / "b")
    one, two = bytes_of(folder), bytes_of(tmp_path / "b")
    assert {name for name in one if one[name] != two[name]} == {"model.safetensors"}


def test_scratch_tokenizer_splits_digits_keeps_marks_and_writes_any_text(loaded):
    model, tokenizer = loaded
    assert tokenizer.convert_ids_to_tokens(tokenizer("1234").input_ids) == ["1", "2", "3", "4"]
    text = "<think>\nnaïve 😀 \t 7,000\n</think>\n4"
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.convert_ids_to_tokens(ids[0]) == "<think>"
    assert model.config.vocab_size == len(tokenizer) <= 300
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_a_student_has_the_shape_it_was_asked_for(tmp_path):
    asked = dataclasses.replace(tiny.STUDENT, scratch=Scratch(hidden=128, layers=4, heads=4, intermediate=352))
    students.prepare(asked, tiny.texts(tiny.examples(60)), seed=0, out=tmp_path / "s")
    model, _ = students.load(tmp_path / "s")
    assert 0.7e6 < model.num_parameters() < 1e6
    assert model.dtype.itemsize == 4


def test_a_local_folder_becomes_the_same_checkpoint(folder, tmp_path):
    students.prepare(Student(model=str(folder)), list, seed=0, out=tmp_path / "copy")
    assert (tmp_path / "copy" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert students.load(tmp_path / "copy")[1].get_vocab() == students.load(folder)[1].get_vocab()


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


def no_template(folder):
    (folder / "chat_template.jinja").unlink()


def no_config(folder):
    (folder / "config.json").unlink()


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def no_eos(folder):
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["eos_token"]
    path.write_text(json.dumps(settings))


def strange_architecture(folder):
    (folder / "config.json").write_text('{"model_type": "abacus"}')


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_tokenizer, "no tokenizer"),
        (no_template, "no chat template"),
        (no_config, "no config.json"),
        (no_weights, "cannot be loaded"),
        (no_eos, "no eos_token"),
        (strange_architecture, "cannot be loaded"),
    ],
)
def test_a_folder_that_is_no_student_is_one_line(folder, tmp_path, spoil, said):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    spoil(broken)
    with pytest.raises(CheckpointError, match=said) as caught:
        students.prepare(Student(model=str(broken)), list, seed=0, out=tmp_path / "out")
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


DATED = "{{ 'Today is ' + strftime_now('%d %B %Y') + '. ' }}"


def test_a_date_in_the_template_is_that_of_the_day_the_student_was_prepared(folder, tmp_path, monkeypatch):
    """Another day renders the same, through every copy of the student; a template without a date records none."""
    from datetime import date

    from potstill.models.local import chat

    base = tmp_path / "base"
    shutil.copytree(folder, base)
    template = (base / "chat_template.jinja").read_text()
    (base / "chat_template.jinja").write_text(DATED + template)
    monkeypatch.setattr(chat, "today", lambda: date(2026, 1, 2))
    students.prepare(Student(model=str(base)), list, seed=0, out=tmp_path / "out")
    students.write(*students.load(tmp_path / "out"), tmp_path / "trained")
    for copy in ("out", "trained"):
        tokenizer = students.load_tokenizer(tmp_path / copy)
        assert chat.rendered(tokenizer, [{"role": "user", "content": "hi"}], ask=True).startswith(
            "Today is 02 January 2026. "
        )
        assert json.loads((tmp_path / copy / "tokenizer_config.json").read_text())[chat.DATE] == "2026-01-02"
    assert chat.DATE not in (folder / "tokenizer_config.json").read_text()


@pytest.mark.parametrize("name", ["./nowhere", "smollm2-135m-instuct", "/no/such/folder", "a/b/c"])
def test_a_name_that_is_nothing_is_one_line(name, tmp_path):
    with pytest.raises(StudentError, match="no such folder"):
        students.prepare(Student(model=name), list, seed=0, out=tmp_path / "out")


def test_heads_that_do_not_divide_the_width_are_refused(tmp_path):
    with pytest.raises(StudentError, match=r"hidden 30 must be an even multiple of heads 4, for example 24"):
        students.prepare(Student(scratch=Scratch(hidden=30, heads=4)), lambda: ["a"], seed=0, out=tmp_path / "out")


def test_a_word_of_a_novel_s_length_does_not_keep_the_tokenizer(tmp_path):
    """The time of its training grows with the square of the longest word: minutes for this one, uncut."""
    word = "ab" * 200_000
    started = time.process_time()
    students.prepare(Student(scratch=Scratch(hidden=32, layers=1)), lambda: [word], seed=0, out=tmp_path / "out")
    assert time.process_time() - started < 20
