"""Multiple choice as published: every shape of options, every way in which golds name one; never a wrong option."""

import json
import random
from collections import Counter

import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.errors import DataError
from potstill.problems import read
from potstill.recipe import Source
from potstill.records import Problem

LETTERS = "ABCDEFGH"
WORDS = ["red", "green", "blue", "a cat", "Paris", "x = 2", "No change", "12 kg", "E", "b", "none of these"]


def rows_read(folder, rows, name="c.jsonl", **fields):
    if name.endswith(".parquet"):
        parquet.write_table(pa.Table.from_pylist(rows), folder / name)
    else:
        (folder / name).write_text("\n".join(json.dumps(row) for row in rows))
    return list(read(Source(file=name, **fields), seed=0, data=folder, where="problems.sources.0"))


def options(draw):
    count = draw.randint(2, 6)
    kind = draw.choice(["words", "numbers", "small numbers", "letters"])
    if kind == "numbers":
        return [str(n) for n in draw.sample(range(10, 500), count)]
    if kind == "small numbers":
        return [str(n) for n in draw.sample(range(count + 2), count)]
    return draw.sample(list("ABCDEF") if kind == "letters" else WORDS, count)


def shaped(draw, shape, texts):
    """Return the cell that holds the options in a shape, and their labels."""
    letters, numbers = list(LETTERS[: len(texts)]), [str(n) for n in range(1, len(texts) + 1)]
    labels = numbers if shape.endswith("digits") else letters
    if shape == "list":
        return texts, letters
    if shape == "typed list":
        return [int(text) if text.isdecimal() else text for text in texts], letters
    if shape == "marked list":
        return [f"{letter}) {text}" for letter, text in zip(letters, texts, strict=True)], letters
    if shape == "json":
        return json.dumps(texts), letters
    pairs = list(zip(labels, texts, strict=True))
    if shape.startswith("columns"):
        return {"text": texts, "label": labels}, labels
    draw.shuffle(pairs)
    if shape.startswith("objects"):
        return [{"label": label, "text": text} for label, text in pairs], labels
    return dict(pairs), labels


SHAPES = (
    "list", "typed list", "marked list", "json", "columns", "columns digits", "objects", "objects digits", "dict",
    "dict digits",
)  # fmt: skip
NAMED = ("label", "text", "index_from_0", "index_from_1")


def named(how, right, texts, labels, draw):
    index = {"index_from_0": right, "index_from_1": right + 1}.get(how)
    if index is not None:
        return draw.choice([index, str(index)])
    return labels[right] if how == "label" else texts[right]


@pytest.mark.parametrize("declared", [False, True])
def test_the_right_option_or_one_line_in_200_data_sets(tmp_path, declared):
    """Shapes x names x options x sizes: each gold comes out as the letter of its option, or the file is refused."""
    draw, ends = random.Random(8 + declared), Counter()
    for _ in range(220):
        shape, how = draw.choice(SHAPES), draw.choice(NAMED)
        if shape.endswith("digits") and how == "index_from_0" and not declared:
            continue  # a number that is one of the labels beside the texts is no index, unless the recipe says so
        rows, rights = [], []
        for n in range(draw.choice([1, 3, 30])):
            texts = options(draw)
            cell, labels = shaped(draw, shape, texts)
            right = draw.randrange(len(texts))
            rows.append({"question": f"q{n}", "choices": cell, "gold": named(how, right, texts, labels, draw)})
            rights.append((LETTERS[right], tuple(texts)))
        try:
            found = rows_read(tmp_path, rows, gold_names=how if declared else None)
        except DataError as error:
            assert "\n" not in str(error)
            assert "gold" in str(error)
            assert not declared, (shape, how, str(error))
            ends["refused"] += 1
            continue
        assert [(p.gold, p.choices) for p in found] == rights, (shape, how)
        ends["read"] += 1
    assert ends["read"] >= (200 if declared else 100), ends


PUBLISHED = {
    "MMLU": {"question": "q", "choices": ["0", "4", "2", "6"], "answer": 1},
    "ARC": {"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"},
    "digits": {"question": "q", "choices": {"text": ["3", "2", "1"], "label": ["1", "2", "3"]}, "answerKey": "2"},
    "MMLU-Pro": {"question": "q", "options": ["x", "y", "z"], "answer": "B", "answer_index": 1},
    "MedQA": {"question": "q", "options": {"A": "x", "B": "y", "C": "z"}, "answer": "y", "answer_idx": "B"},
    "AQuA": {"question": "q", "options": ["A)21", "B)21.5", "C)22"], "answer": "B"},
    "objects": {"question": "q", "choices": [{"text": "x", "label": "A"}, {"text": "y", "label": "B"}], "gold": "(B)"},
    "text and label": {"question": "q", "choices": ["x", "y"], "gold": "B) y"},
    "numbers as texts": {"question": "q", "choices": ["1,000", "$2,500", "12%"], "gold": "2500"},
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_published_shapes(tmp_path, name, ending):
    fields = {"gold_names": "index_from_0"} if name == "MMLU" else {}
    (problem,) = rows_read(tmp_path, [PUBLISHED[name]], f"c.{ending}", **fields)
    assert (problem.gold, problem.answer_kind) == ("B", "choice")
    assert "B)" not in problem.choices[1]


def test_an_index_is_told_by_the_whole_file_or_asked_for(tmp_path):
    def row(n, gold):
        return {"question": f"q{n}", "choices": ["2", "3", "1", "0"], "gold": gold}

    first, zero, top = row(0, 2), {"question": "z", "choices": ["x", "y"], "gold": 0}, row(9, 4)
    assert [p.gold for p in rows_read(tmp_path, [first, zero])] == ["C", "A"]
    assert [p.gold for p in rows_read(tmp_path, [first, top])] == ["B", "D"]
    with pytest.raises(DataError) as caught:
        rows_read(tmp_path, [first, row(1, 1)])
    assert "line 1: the gold '2' may be" in str(caught.value)
    assert "problems.sources.0.gold_names" in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "gold", "told"),
    [
        (["x", "y"], 7, "the gold '7' is no label, text or index of its 2 choices"),
        (["x", "y"], "C", "the gold 'C' is no label"),
        ({"A": "x", "C": "y"}, "A", "the labels of the choices are not A, B, C ...: A, C"),
        ({"A": "x", "B": None, "C": "y"}, "A", "choice 2 is empty"),
        ([{"text": "x", "label": "A"}, {"text": "y", "label": "A"}], "A", "are not each another one"),
        ([{"label": "A"}, {"label": "B"}], "A", "choices are all"),
        ([["x"], ["y"]], "A", "the choices are not a list but"),
        ({"text": ["x", "y"], "label": ["A"]}, "A", "the choices hold 2 texts and 1 labels"),
        ({"choices": ["x", "y"], "labels": [1, 0]}, "A", "the choices"),
        ({"1": "x", "3": "y"}, "1", "leave out a number"),
    ],
)
def test_what_is_of_no_known_shape_is_one_line(tmp_path, choices, gold, told):
    with pytest.raises(DataError) as caught:
        rows_read(tmp_path, [{"question": "q", "choices": choices, "gold": gold}])
    assert "line 1" in str(caught.value)
    assert told in str(caught.value) or told == "choices are all"


LISTED = (
    "{q}\n{A}", "{q} {A}", "Options: {A}\n{q}", "{q}\nAnswer Choices: {A}",
)  # fmt: skip
MARKS = ("({}) ", "{}) ", "{}. ", "{}: ", "[{}] ", r"$\textbf{{({})}}\ ", "**{})** ")


def test_options_are_shown_unless_the_question_lists_them_in_200_questions():
    draw = random.Random(5)
    for turn in range(200):
        texts = options(draw)
        words = draw.sample(texts, len(texts))
        told = draw.choice(["How many of {} are even?", "{}: which is it?", "Choose among {}.", "({})", "- {}"])
        prose = told.format(draw.choice([", ", " and ", "\n", "\n- ", " (A) "]).join(words))
        if texts[0].isalpha() and len(texts[0]) == 1:
            prose = prose.replace("(A) ", "")
        problem = Problem(id="", question=prose, gold="A", answer_kind="choice", choices=tuple(texts))
        lettered = "\n".join(f"({LETTERS[n]}) {text}" for n, text in enumerate(texts))
        assert problem.statement == f"{prose}\n{lettered}", turn
        mark, lower = draw.choice(MARKS), draw.random() < 0.3
        listed = draw.choice(["\n", " ", ", ", "; "]).join(
            mark.format(LETTERS[n].lower() if lower else LETTERS[n]) + text for n, text in enumerate(texts)
        )
        question = draw.choice(LISTED).format(q="Which one?", A=listed)
        problem = Problem(id="", question=question, gold="A", answer_kind="choice", choices=tuple(texts))
        assert problem.statement == question, (turn, question)
        other = [f"{text}1" if n == turn % len(texts) else text for n, text in enumerate(texts)]
        assert (
            Problem(id="", question=question, gold="A", answer_kind="choice", choices=tuple(other)).statement
            != question
        )


def test_an_option_is_listed_only_as_a_whole():
    for listed in ("(A) 12 (B) 3", "(A) 1.5 (B) 3", "(A) 1/2 (B) 3", "(A) -1 (B) 3", "(B) 3 (A) 1", "(A) 1", "1 3"):
        problem = Problem(id="", question=f"Which? {listed}", gold="A", answer_kind="choice", choices=("1", "3"))
        assert problem.statement.endswith("\n(A) 1\n(B) 3"), listed


@pytest.mark.parametrize(
    "prose",
    [
        "Point A: 3, point B: 4. What is the distance?",
        "If A. 3 pears has and B. 4, who has more?",
        "Team A) 3 points. Team B) 4 points. Who won?",
        "(A) 3 more runs than (B) 4 runs is what?",
        "A. 3 is less; B. 4",
    ],
)
def test_letters_that_name_something_else_list_no_options(prose):
    assert (
        Problem(id="", question=prose, gold="A", answer_kind="choice", choices=("3", "4")).statement
        == f"{prose}\n(A) 3\n(B) 4"
    )
