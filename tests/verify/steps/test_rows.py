"""Rows of `potstill steps`."""

import pytest

from potstill.errors import DataError
from potstill.verify.steps import steps_of_rows


def test_a_row_of_steps():
    (row,) = steps_of_rows([("f.jsonl: line 1", {"id": "a", "steps": ["1 + 1 = 2", "So 2 * 3 = 7.", "Done."]})])
    assert (row["id"], row["first_wrong_step"]) == ("a", 1)
    assert [step["outcome"] for step in row["steps"]] == ["right", "wrong", "unknown"]
    assert row["steps"][1]["stated"] == "2 * 3 = 7"
    assert row["steps"][1]["recomputed"] == "6"
    assert "start" not in row["steps"][0]


def test_a_response_is_cut_and_its_steps_carry_their_place():
    response = "First, 1 + 1 = 2.\n\nThen 2 * 3 = 6."
    (row,) = steps_of_rows([("f.jsonl: line 1", {"id": 3, "response": response})])
    assert row["first_wrong_step"] is None
    assert [(step["start"], step["end"]) for step in row["steps"]] == [(0, 19), (19, len(response))]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"steps": []}, "id must be a text or a whole number, not nothing"),
        ({"id": True, "steps": []}, "id must be"),
        ({"id": 1}, "it needs steps, a list of texts, or response, a text, not nothing"),
        ({"id": 1, "response": 3}, "not int"),
        ({"id": 1, "steps": "a"}, "steps must be a list of texts"),
        ({"id": 1, "steps": ["a", None]}, "steps must be a list of texts"),
    ],
)
def test_a_bad_row_is_named(row, says):
    with pytest.raises(DataError) as error:
        list(steps_of_rows([("f.jsonl: line 4", row)]))
    assert str(error.value).startswith("f.jsonl: line 4: ")
    assert says in str(error.value)


def test_a_row_without_steps_has_none_wrong():
    assert list(steps_of_rows([("f: line 1", {"id": 1, "steps": []})])) == [
        {"id": 1, "first_wrong_step": None, "steps": []}
    ]
