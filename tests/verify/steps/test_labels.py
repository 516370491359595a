"""Step labels of three shapes, and one clear line for each way in which a row can be broken."""

import json

import pytest

from potstill.errors import DataError
from potstill.verify.steps import read_step_labels


def written(tmp_path, *rows):
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def step(*ratings, chosen=0, human=None):
    completions = [{"text": f"says {rating}", "rating": rating, "flagged": None} for rating in ratings]
    return {"completions": completions, "human_completion": human, "chosen_completion": chosen}


def prm800k(*steps, finish="found_error"):
    return {
        "labeler": "x",
        "question": {"problem": "1 + 1?", "ground_truth_answer": "2"},
        "label": {"steps": list(steps), "total_time": 5, "finish_reason": finish},
    }


def test_a_prm800k_row_gives_the_chosen_solution(tmp_path):
    human = {"text": "by hand", "rating": None}
    row = prm800k(step(1), step(-1, 0, chosen=1), step(human=human, chosen=None), step(-1, -1, chosen=None))
    (found,) = read_step_labels(written(tmp_path, row))
    assert found.problem == "1 + 1?"
    assert found.steps == ("says 1", "says 0", "by hand", "says -1")
    assert found.labels == (1, 0, None, -1)
    assert (found.first_wrong_step, found.finish, found.id) == (3, "found_error", "labels.jsonl:1")


def test_a_process_bench_row_says_nothing_of_the_steps_behind_the_first_wrong_one(tmp_path):
    rows = ({"id": "a", "problem": "p", "steps": ["s", "t", "u"], "label": 1},
            {"id": 7, "problem": "p", "steps": ["s", "t"], "label": -1})  # fmt: skip
    wrong, right = read_step_labels(written(tmp_path, *rows))
    assert (wrong.id, wrong.labels, wrong.first_wrong_step) == ("a", (1, -1, None), 1)
    assert (right.id, right.labels, right.first_wrong_step) == ("7", (1, 1), None)


def test_a_math_shepherd_row_is_cut_at_its_tags(tmp_path):
    tagged = "How many? Step 1: 1+1=2 ки\nStep 2: 2+2=5 ки"
    row = {"input": tagged, "label": "How many? Step 1: 1+1=2 +\nStep 2: 2+2=5 -", "task": "GSM8K"}
    (found,) = read_step_labels(written(tmp_path, row))
    assert (found.problem, found.steps) == ("How many?", ("Step 1: 1+1=2", "Step 2: 2+2=5"))
    assert (found.labels, found.first_wrong_step) == ((1, -1), 1)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"question": "x", "steps": 3}, "no known shape"),
        (prm800k(), "at least one step"),
        (prm800k(step(1), step(2)), "label.steps[1]: rating is 2"),
        (prm800k(step(True)), "rating is True"),
        (prm800k(step(1, chosen=4)), "no completion 4 among 1"),
        (prm800k("s"), "label.steps[0] must be an object"),
        (prm800k(step(1, chosen="a")), "chosen_completion a number"),
        ({"question": {"problem": 3}, "label": {"steps": [step(1)]}}, "question.problem must be a text, not int"),
        ({"problem": "p", "steps": ["s"], "label": 1}, "label is 1, which must be -1"),
        ({"problem": "p", "steps": ["s"], "label": True}, "label is True"),
        ({"problem": "p", "steps": ["s", 3], "label": 0}, "steps[1] must be a text, not int"),
        ({"steps": ["s"], "label": 0}, "problem must be a text, not NoneType"),
        ({"input": "no tags", "label": "no tags"}, "no 'ки'"),
        ({"input": "a ки b ки", "label": "a + b"}, "(step 2)"),
        ({"input": "a ки", "label": "b +"}, "(step 1)"),
    ],
)
def test_a_broken_row_is_named_with_its_file_and_line(tmp_path, row, says):
    good = {"problem": "p", "steps": ["s"], "label": 0}
    with pytest.raises(DataError) as error:
        list(read_step_labels(written(tmp_path, good, row)))
    assert says in str(error.value)
    assert "labels.jsonl: line 2" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.jsonl"):
        list(read_step_labels(tmp_path / "nothing.jsonl"))
