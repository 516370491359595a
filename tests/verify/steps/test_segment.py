"""Steps tile the text, whatever the text, and no cut falls into mathematics or code."""

import gzip
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.verify.steps import segment

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


def pieces(text):
    return [text[span.start : span.end] for span in segment(text)]


def assert_tiles(text):
    spans = segment(text)
    assert [*(span.start for span in spans), len(text)] == [0, *(span.end for span in spans)]
    assert all(span.start < span.end for span in spans)
    assert "".join(text[span.start : span.end] for span in spans) == text


def test_paragraphs_are_steps():
    assert pieces("First, add.\n\nThen, stop.\n \n\tDone.") == ["First, add.\n\n", "Then, stop.\n \n\t", "Done."]


def test_the_empty_text_has_no_steps():
    assert segment("") == ()


def test_lines_are_steps_where_no_line_is_blank():
    assert pieces("5 + 5 = 10\n10 * 2 = 20\n#### 20") == ["5 + 5 = 10\n", "10 * 2 = 20\n", "#### 20"]


def test_a_short_paragraph_keeps_its_lines_where_paragraphs_are_steps():
    assert pieces("one\ntwo\n\nthree") == ["one\ntwo\n\n", "three"]


@pytest.mark.parametrize("label", ["Step 2: more", "**Step 2** more", "### Step 2 more", "  STEP 2. more"])
def test_numbered_steps_begin_steps(label):
    assert pieces(f"Some reasoning here.\n\nStep 1: begin.\n{label}\nand so on.\n") == [
        "Some reasoning here.\n\n",
        "Step 1: begin.\n",
        f"{label}\nand so on.\n",
    ]


def test_second_thoughts_begin_steps():
    text = "So it is 5. Wait, that is wrong. But 6 fits. Alternatively, use 7. Hmm, no."
    assert pieces(text) == ["So it is 5. ", "Wait, that is wrong. But 6 fits. ", "Alternatively, use 7. ", "Hmm, no."]


def test_a_long_line_is_cut_at_its_sentences():
    sentence = "Mr. Lee bought 3.5 kg of rice, e.g. for the soup, and paid it at once. "
    found = pieces(sentence * 10 + "\n\nEnd.")
    assert found == [sentence] * 9 + [sentence + "\n\n", "End."]


@pytest.mark.parametrize(
    "whole",
    [
        "$a. Wait, b$", "$ a. Wait, b $", "$$a\n\nStep 1: b$$", "\\[a\n\nb. Wait, c\\]", "\\(a. Hmm, b\\)",
        "\\begin{align}a\n\nb\\end{align}", "\\begin{a}\\begin{a}x\n\n\\end{a}\n\ny\\end{a}", "```python\na\n\nb\n```",
        "~~~\na\n\nb\n~~~", "`a. Wait, b`", "```\nnever closed\n\nStep 2: x",
    ],
)  # fmt: skip
def test_nothing_is_cut_inside_mathematics_or_code(whole):
    text = f"Before.\n\nNow\n{whole}\nand after.\n\nLast."
    at = text.index(whole)
    assert not [span for span in segment(text) if at < span.start < at + len(whole)]
    assert segment(text)[0].end <= at


def test_money_is_not_mathematics():
    assert pieces("He pays $5. Wait, he pays $10. Hmm, then $3 more.") == [
        "He pays $5. ",
        "Wait, he pays $10. ",
        "Hmm, then $3 more.",
    ]


def test_unclosed_mathematics_hides_nothing():
    assert len(segment("A \\[ begins.\n\nB \\( begins.\n\nC $x begins.\n\nD \\begin{a} begins.\n\nE")) == 5


def test_a_heading_belongs_to_what_follows_and_a_formula_to_what_precedes():
    assert pieces("## Step 1: Add\n\nWe add:\n\n$$\n1 + 1\n$$\n\n---\n\nDone.") == [
        "## Step 1: Add\n\nWe add:\n\n$$\n1 + 1\n$$\n\n---\n\n",
        "Done.",
    ]


@given(st.text(alphabet="ab.?! \n\t$\\[](){}`~#*StepWait,Hmbegind1290。é\r\u2028"))
@settings(max_examples=250, deadline=None)
def test_steps_tile_any_text(text):
    assert_tiles(text)


PARTS = ["$a. B$", "$$a\n\nb$$", "\\(a. B\\)", "\\[a\n\nb\\]", "\\begin{x}a\n\nb\\end{x}", "```\na\n\nb\n```",
         "Wait, so. ", "So it is. ", "\n\n", "\n", "Step 3: ", "word " * 30, "He pays 5 dollars. "]  # fmt: skip
FENCED = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\begin.*?\\end\{x\}|```.*?```", re.DOTALL)


@given(st.lists(st.sampled_from(PARTS), max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_cut_falls_into_balanced_mathematics_or_code(parts):
    text = "\n".join(parts)
    assert_tiles(text)
    starts = {span.start for span in segment(text)}
    for found in FENCED.finditer(text):
        assert not starts & set(range(found.start() + 1, found.end()))


@pytest.mark.parametrize(
    "unit",
    ["$", "$ ", "$1", "$$ ", "\\[", "\\begin{a}", "\\begin{a}\\end{b}", "```\n", "`", "\n", "\n ", " ", ". ", "Wait. "],
)
def test_hostile_texts_take_linear_time(unit):
    text = unit * (300_000 // len(unit))
    started = time.process_time()
    assert_tiles(text)
    assert time.process_time() - started < 3


def test_steps_tile_every_trace_of_the_shared_data():
    files = sorted(SHARED.glob("*.jsonl*"))
    if not files:
        pytest.skip("no shared data")
    count = 0
    for file in files:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                for text in (row.get("response"), row.get("reasoning")):
                    if isinstance(text, str):
                        assert "".join(text[span.start : span.end] for span in segment(text)) == text, row["id"]
                        count += 1
    assert count > 20_000
