import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.teach.plain import split_plain


@pytest.mark.parametrize(
    ("response", "reasoning", "answer"),
    [
        ("3 + 4 = 7.\nThen 7 * 2 = 14.\nThe answer is 14.", "3 + 4 = 7.\nThen 7 * 2 = 14.", "The answer is 14."),
        ("Twice 6 is 12. The answer is 12.", "Twice 6 is 12.", "The answer is 12."),
        ("6 * 2 = 12\n\n#### 12", "6 * 2 = 12", "#### 12"),
        ("6 * 2 = 12\n\\boxed{12}\nHope that helps!", "6 * 2 = 12", "\\boxed{12}\nHope that helps!"),
        ("12", "", "12"),
        ("\\boxed{12}\n", "", "\\boxed{12}"),
        ("", "", ""),
        ("So we add.\nIn all there are 9 eggs left", "So we add.", "In all there are 9 eggs left"),
    ],
)
def test_where_unmarked_reasoning_ends(response, reasoning, answer):
    assert split_plain(response, "number") == (reasoning, answer)


@pytest.mark.parametrize(
    ("response", "reasoning", "answer"),
    [
        ("We add.\n\ncount: 3\ntotal: 12.5", "We add.", "count: 3\ntotal: 12.5"),
        ("We add. The answer is count: 3; total: 12.", "We add.", "The answer is count: 3; total: 12."),
        ('So:\n```json\n{\n"count": 3,\n"total": 12\n}\n```', "So:", '```json\n{\n"count": 3,\n"total": 12\n}\n```'),
        ("We add.\ncount: 3\nDone!", "We add.", "count: 3\nDone!"),
    ],
)
def test_an_answer_of_several_values_stays_whole(response, reasoning, answer):
    assert split_plain(response, "parts") == (reasoning, answer)


@given(st.text(max_size=300), st.sampled_from(["number", "text", "choice", "parts"]))
def test_nothing_is_lost(response, kind):
    reasoning, answer = split_plain(response, kind, ("a", "b"))
    assert "".join((reasoning + answer).split()) == "".join(response.split())
    assert answer or not response.strip()
