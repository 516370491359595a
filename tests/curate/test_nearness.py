"""Near copies of traces: what bands find, the exact index decides, in any order of arrival."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.curate.nearness import bands, jaccard, near_copies, shingles

WORDS = [f"word{n}" for n in range(400)]


def edited(dice, words, share):
    """The words with some replaced, and the exact index of both texts."""
    changed = [dice.choice(WORDS) if dice.random() < share else word for word in words]
    return " ".join(changed)


def test_pairs_above_the_threshold_are_met_and_none_below_is():
    dice = random.Random(4)
    above = met = 0
    for _ in range(150):
        words = dice.choices(WORDS, k=dice.choice([60, 300, 900]))
        one, other = " ".join(words), edited(dice, words, dice.uniform(0, 0.06))
        index = jaccard(shingles(one), shingles(other))
        texts = {0: one, 1: other}
        found = near_copies(
            ((n, bands(text, 0.8)) for n, text in texts.items()),
            0.8,
            lambda asked, t=texts: {n: shingles(t[n]) for n in asked},
        )
        assert not found or (index >= 0.8 and found == {1: (0, index)})
        above += index >= 0.8
        met += bool(found)
    assert above > 50
    assert met >= 0.98 * above


@pytest.mark.parametrize(("least", "share"), [(0.8, 0.05), (0.7, 0.08), (0.6, 0.12), (0.5, 0.16)])
def test_what_is_dropped_of_a_corpus_is_within_two_points_of_what_the_exact_index_of_all_pairs_drops(least, share):
    dice = random.Random(9)
    first = [dice.choices(WORDS, k=dice.randint(60, 400)) for _ in range(120)]
    texts = [edited(dice, dice.choice(first), dice.uniform(0, share)) for _ in range(480)]
    runs = dict(enumerate(map(shingles, texts)))
    stay, exact = list[int](), set[int]()
    for number in runs:
        if any(jaccard(runs[number], runs[other]) >= least for other in stay):
            exact.add(number)
        else:
            stay.append(number)
    found = near_copies(
        ((n, bands(text, least)) for n, text in enumerate(texts)), least, lambda asked: {n: runs[n] for n in asked}
    )
    assert len(texts) * 0.3 < len(exact) < len(texts) * 0.75
    assert abs(len(found) - len(exact)) <= 0.02 * len(texts)
    assert len(exact - found.keys()) <= 0.02 * len(exact)


def test_other_numbers_are_another_text():
    one = "Tom has 12 apples and buys 30 more so he has 42 apples in all now"
    assert jaccard(shingles(one), shingles(one.replace("12", "13").replace("42", "43"))) < 0.5
    assert jaccard(shingles(one), shingles(one.upper() + ".")) == 1.0


def test_stacks_of_signs_are_other_texts():
    def stacked(opened):
        lines = [f"{sign} ; the stack is now: {' '.join(opened[: at + 1])}" for at, sign in enumerate(opened)]
        return "\n".join(["We go from left to right.", *lines, "All of it was read, so we close what is open."])

    one, other = stacked(["(", "[", "(", "{", "[", "(", "{"]), stacked(["{", "(", "[", "[", "(", "{", "("])
    assert jaccard(shingles(one), shingles(other)) < 0.6
    assert jaccard(shingles(one), shingles(one.replace("We go", "we  go"))) == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=8), st.randoms(use_true_random=False))
def test_any_texts_end_as_copies_of_what_stays(drawn, dice):
    def text_of(base, edit):
        return edited(random.Random(edit), random.Random(base).choices(WORDS, k=70), 0.02 * edit)

    texts = [text_of(*one) for one in drawn]
    order = list(range(len(texts)))
    dice.shuffle(order)
    found = near_copies(
        ((n, bands(texts[n], 0.8)) for n in order), 0.8, lambda asked: {n: shingles(texts[n]) for n in asked}
    )
    for copy, (other, index) in found.items():
        assert other not in found
        assert index == jaccard(shingles(texts[copy]), shingles(texts[other])) >= 0.8
    assert len(texts) - len(found) >= len(set(texts)) - sum(edit > 0 for _, edit in drawn)


@pytest.mark.parametrize("text", ["", " ", "one", "The answer is (I).", "so " * 500])
def test_short_texts_are_copies_of_nothing(text):
    assert len(bands(text, 0.5)) == 0
