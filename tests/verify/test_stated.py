"""Where answers are stated: boxes, tags, sentences, JSON fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.fields import json_answers, mended, unescaped
from potstill.verify.stated import last_boxes, last_tag, statements_of


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("\\boxed{1} \\boxed{2} \\boxed{3}", ["2", "3"]), ("\\boxed{a_{1}^{2}}", ["a_{1}^{2}"]), ("\\boxed {5}", ["5"]),
        ("\\boxed{\\{1\\}}", ["\\{1\\}"]), ("\\boxed 7", ["7"]), ("\\boxed{5", []), ("\\boxed{}", []),
        ("\\boxed{answer}", []), ("$\\boxed{[your answer]}$", []), ("\\boxed{...}", []),
        ("\\boxed{\\text{answer}}", []),
        ("Question: give \\boxed{3} + 4", []), ("> what is \\boxed{3}", []), ("\\boxed{> } >}", ["> } >"]),
        ("\\frac{\\boxed{5}}{3}", ["5"]), ("The answer \\boxed{5} answers the question: 2 + 3", ["5"]),
    ],
)  # fmt: skip
def test_boxes(text, boxes):
    assert [box.text for box in last_boxes(text)] == boxes


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("<answer>5</answer>", "5"), ("<answer>4</answer> no, <answer>5</answer>", "5"), ("<ANSWER>5", "5"),
        ("[ANSWER]5[/ANSWER]", "5"), ("<final_answer>5</final_answer>", "5"), ("[answer] is a placeholder", None),
        ("<answer></answer>", None), ("nothing", None),
    ],
)  # fmt: skip
def test_tags(text, inner):
    found = last_tag(text)
    assert (found.text if found else None) == inner


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The answer is 5.", ["5"]), ("the final answer to this is: $5$", ["$5$"]), ("#### 5", ["5"]),
        ("x\nA: 5", ["5"]),
        ("**Answer**: 5", ["5"]), ("## Answer\n5", ["5"]), ("Answer = 5", ["5"]),
        ("The answers are 5 and 6.", ["5 and 6"]),
        ("This answer is correct.", []), ("The answer is not 5.", []), ("That is not the answer: 5", []),
        ("the answer is 4. The answer is 5.", ["4", "5"]), ("the answer is 4 the answer is 5", ["4 the ", "5"]),
        ("The answer is 5</s>", ["5"]), ("The answer is 3.5 cm.", ["3.5 cm"]),
        ("The answer is $a. b$ here.", ["$a. b$ here"]),
        ("The answer is 11,\\! 111.", ["11,\\! 111"]), ("The answer is 5! * 2", ["5! * 2"]),
    ],
)  # fmt: skip
def test_statements(text, said):
    assert [statement.text for statement in statements_of(text, "number")] == said


def test_what_is_only_expected_is_not_firm():
    first, last = statements_of("The answer should be 5. The answer is 6.", "number")
    assert (first.firm, last.firm) == (False, True)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ('{"answer": "5"}', ["5"]), ('{"answer": 5}', ["5"]), ('{"answer": [1, 2]}', ["[1, 2]"]),
        ("{'answer': 5,", ["5"]),
        ('{"answer": "[\\"a\\", \\"b\\"]"}', ['["a", "b"]']), ('{"answer": "["a", "b"]"}', ['["a", "b"]']),
        ('{"answer": "say \\"no\\""}', ['say "no"']), ('{"final_answer": "5"', ["5"]), ('{"answer": null}', []),
        ('{"answer": ""}', []), ('{"answer": "\\\\frac{1}{2}"}', ["\\frac{1}{2}"]),
        ('{"answer": "\\frac{1}{2}"}', ["\\frac{1}{2}"]),
        ('{"answer": "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"}', ["\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"]),
        ('{"answer": "a\\nb"}', ["a\nb"]), ('{"answer": "x \\neq 3"}', ["x \\neq 3"]), ('{"answer": "\\u00bd"}', ["½"]),
        ('`"answer": "15"`.\n{"reasoning": "x", "answer": "16"}', ["15", "16"]), ("the answer is 5", []),
        ('{"answer": "5", "unit": "cm"}', ["5"]), ('{"answer": {"a": 1, "b": 2}}', ['{"a": 1, "b": 2}']),
    ],
)  # fmt: skip
def test_json_fields(text, answers):
    assert [field.text for field in json_answers(text)] == answers


def test_commands_that_a_parser_ate_are_mended():
    assert mended("\x0crac{1}{2} \x08oxed{5} \text{cm} 2 \times 3") == "\\frac{1}{2} \\boxed{5} \\text{cm} 2 \\times 3"
    assert mended("\ta table\tof words\r\nand lines\n") == "\ta table\tof words\r\nand lines\n"


@given(st.text(alphabet='abc"\\{}\n0123', max_size=40))
def test_a_proper_json_string_is_read_as_json_reads_it(text):
    import json

    written = json.dumps({"reasoning": "x", "answer": text}, ensure_ascii=False)
    found = json_answers(written)
    if text.strip() in ("", "null"):
        assert found == []
    elif '"' not in text and unescaped(json.dumps(text)[1:-1]) == text:
        assert [field.text for field in found] == [text]
