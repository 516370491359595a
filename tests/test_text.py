"""Splitting of responses and detection of repetition, on made and on real text."""

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.marks import MARKS
from potstill.text import Closing, Split, is_looping, join, repeated_share, split_response

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


def rows(name):
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}")
    with gzip.open(SHARED / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", MARKS)
def test_every_family_of_marks_is_split(name):
    opening, closing = MARKS[name]
    assert split_response(f"{opening}\na b\n{closing}\n\nfour") == Split("a b", "four", name)
    assert split_response(f"a b\n{closing}\n\nfour") == Split("a b", "four", name, Closing.ONLY)
    assert split_response(f"{opening}\na b so the answer is 4") == Split(
        "a b so the answer is 4", "", name, Closing.NEVER
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The total is 4.", Split("", "The total is 4.", "none")),
        ("", Split("", "", "none")),
        ("think\nOkay, 2+2\nanswer\nAnswer: 4", Split("Okay, 2+2", "Answer: 4", "words")),
        ("think\r\nOkay\r\nanswer\r\n4", Split("Okay", "4", "words")),
        ("think\nthe answer\nis not here", Split("the answer\nis not here", "", "words", Closing.NEVER)),
        ("I think\nso: 4\nanswer\n4", Split("", "I think\nso: 4\nanswer\n4", "none")),
        ("Sure!\n<think>x</think>\n4", Split("x", "Sure!\n\n4", "think")),
        ("<think>a</think>b<think>c</think>d", Split("a\n\nc", "b\n\nd", "think")),
        ("<think>a <think> b</think>4", Split("a <think> b", "4", "think")),
        ("a</think>b</think>4", Split("a\n\nb", "4", "think", Closing.ONLY)),
        ("<think>a</think>4</think>", Split("a", "4", "think")),
        ("Wrap it in <think> tags.", Split("", "Wrap it in <think> tags.", "none")),
        ("<think>a</think>Use <think> here", Split("a", "Use <think> here", "think")),
        ("<think>a</think>\n<think>b", Split("a\n\nb", "", "think", Closing.NEVER)),
        ("<THINK>a</Think>4", Split("a", "4", "think")),
        ("<think></think>4", Split("", "4", "think")),
        (
            "<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>4<|end_of_solution|>",
            Split("a", "4", "begin_of_thought"),
        ),
    ],
)
def test_shapes(text, expected):
    assert split_response(text) == expected


PIECES = st.lists(
    st.sampled_from([m for pair in MARKS.values() for m in pair] + ["think\n", "\nanswer\n", " ", "\n", "4", "so"])
    | st.text(max_size=8),
    max_size=12,
).map("".join)


@given(PIECES)
def test_a_split_joins_into_text_that_splits_the_same(text):
    split = split_response(text)
    assert split.reasoning == split.reasoning.strip()
    assert split.answer == split.answer.strip()
    assert not (split.closing is Closing.NEVER and split.answer)
    if split.marks == "none":
        assert split.answer == text.strip()
        assert join(split) == text.strip()


WORDS = st.text(alphabet="abc 12.\n", max_size=40).map(str.strip)


@given(WORDS, WORDS, st.sampled_from(sorted(MARKS)), st.sampled_from(Closing))
def test_join_is_undone_by_split(reasoning, answer, name, how):
    split = Split(reasoning, "" if how is Closing.NEVER else answer or "x", name, how)
    assert split_response(join(split)) == split


@given(WORDS.filter(lambda w: "answer" not in w), WORDS)
def test_words_join_is_undone_by_split(reasoning, answer):
    split = Split(reasoning, answer or "x", "words")
    assert split_response(join(split)) == split


@given(st.text(alphabet="ab<>/think \n", max_size=60))
def test_nothing_written_is_lost(text):
    split = split_response(text)
    bare = text
    for mark in ("<think>", "</think>"):
        bare = bare.replace(mark, "") if split.marks != "none" else bare
    kept = split.reasoning + split.answer
    for mark in ("<think>", "</think>"):
        kept = kept.replace(mark, "") if split.marks != "none" else kept
    if split.marks != "words":
        assert sorted("".join(kept.split())) == sorted("".join(bare.split()))


@pytest.mark.parametrize(
    "unit",
    ["<think>", "</think>", "<think></think>", "a<think>", "<think>a</think>b", "a<thought><think>", " ", "\nanswer"],
)
def test_time_is_linear_on_hostile_text(unit):
    def seconds(size):
        text = "think\n" * (unit == "\nanswer") + unit * (size // len(unit))
        started = time.process_time()
        split_response(text)
        return time.process_time() - started

    small = min(seconds(100_000) for _ in range(3))
    assert seconds(2_000_000) < max(150 * small, 1.0), "20 times the text; a quadratic splitter takes 400 times as long"


def test_real_long_traces_are_split_as_labelled():
    traces = rows("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz")
    wrong = [t["id"] for t in traces if split_response(t["response"]).answer != t["answer_part"].strip()]
    assert (len(traces), wrong) == (1144, [])


def test_natural_reasoning_repeats_little_and_never_loops():
    traces = [t for t in rows("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz") if t["correct"]][::4]
    shares = sorted(repeated_share(t["response"]) for t in traces)
    assert shares[-1] < 0.35
    assert shares[len(shares) // 2] < 0.05
    assert not any(is_looping(t["response"]) for t in traces)


def test_degenerate_real_text_is_found():
    traces = [t for t in rows("traces_theoremqa_2models.jsonl.gz") if "base" in t["model"].lower()]
    traces = traces or rows("traces_theoremqa_2models.jsonl.gz")
    looping = [t for t in traces if is_looping(t["response"])]
    assert len(looping) > len(traces) / 4
    for trace in looping:
        tail = trace["response"][-60:]
        assert trace["response"][-4000:].count(tail[:30]) >= 1


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("The answer is 8.\n" * 40, True),
        ("A start that is fine. " + "So we get 3 + 4 = 7. " * 12 + "So we get 3 +", True),
        ("0" * 500, True),
        ("Paragraph with words that go on, and on, then end in a full stop.\n\n" * 3, False),
        ("Paragraph with words that go on for long enough to matter here, and on, then end in a stop.\n\n" * 6, True),
        (
            "The answer is 8. " * 30 + "But then it ends with a sentence that was never said before, and it is fine.",
            False,
        ),
        ("The total is 540.", False),
        ("ha ha ha ha", False),
        ("", False),
        ("| - | - | - | - |\n| 1 | 2 | 3 | 4 |", False),
    ],
)
def test_loops(text, looping):
    assert is_looping(text) is looping


@given(st.text(alphabet="abcd ", min_size=3, max_size=60).filter(lambda unit: any(unit.split())), st.integers(0, 59))
def test_any_unit_repeated_for_long_is_a_loop_wherever_it_is_cut(unit, cut):
    text = "A fine beginning, not repeated. " + unit * 200
    assert is_looping(text[: len(text) - cut % len(unit)])


@given(st.text(max_size=400))
def test_share_is_a_share(text):
    assert 0.0 <= repeated_share(text) <= 1.0
    is_looping(text)


def test_share_of_equal_paragraphs():
    paragraph = " ".join(f"word{n} and" for n in range(50)) + "\n\n"
    for count in (3, 5, 10):
        assert repeated_share(paragraph * count) == pytest.approx((count - 1) / count, abs=0.02)
    assert repeated_share(paragraph * 2) == 0.0
