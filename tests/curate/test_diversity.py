from hypothesis import given
from hypothesis import strategies as st

from potstill.curate.diversity import SKETCH, distance, in_turns, most_diverse, sketch, sketch_of_values

words = st.lists(
    st.sampled_from(["add", "take", "the", "number", "seven", "from", "nine", "so", "we", "get", "two"]), max_size=60
).map(" ".join)


def shingles(text):
    tokens = text.split()
    width = min(3, len(tokens))
    return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)} if tokens else set()


@given(words, words)
def test_distance_is_exact_for_short_texts(a, b):
    left, right = shingles(a), shingles(b)
    expected = 1 - len(left & right) / len(left | right) if left | right else 0.0
    assert abs(distance(sketch(a), sketch(b)) - expected) < 1e-12


def test_distance_of_long_texts_is_close():
    a = " ".join(f"w{i} x{i * 7}" for i in range(2000))
    b = " ".join(f"w{i} x{i * 7}" for i in range(1000, 3000))
    assert len(sketch(a)) == SKETCH
    assert abs(distance(sketch(a), sketch(b)) - (1 - 1 / 3)) < 0.13


def test_distance_ignores_case_spacing_and_width_and_reads_scripts_without_spaces():
    assert distance(sketch("Add THE  numbers now"), sketch("add the\nｎumbers now")) == 0
    assert 0 < distance(sketch("三加四等于七所以答案是七"), sketch("三加四等于七因此结果是七")) < 1


@given(st.lists(words, max_size=8), st.integers(1, 4), st.randoms(use_true_random=False))
def test_choice_is_independent_of_arrival_and_extends_as_k_grows(texts, k, random):
    candidates = [(0, f"key{i}", sketch(text)) for i, text in enumerate(texts)]
    chosen = [candidates[i][1] for i in most_diverse(candidates, k)]
    assert len(chosen) == len(set(chosen)) == min(k, len(texts))
    mixed = random.sample(candidates, len(candidates))
    assert [mixed[i][1] for i in most_diverse(mixed, k)] == chosen
    assert [candidates[i][1] for i in most_diverse(candidates, k + 1)][: len(chosen)] == chosen


def test_near_copies_lose_against_another_way():
    copies = [f"First add 3 and 4 to get 7, then double it to get 14. Version {i}." for i in range(5)]
    other = "Twice three is six and twice four is eight; six and eight make fourteen."
    candidates = [(0, f"k{i}", sketch(text)) for i, text in enumerate([*copies, other])]
    assert 5 in most_diverse(candidates, 2)


def test_of_several_strategies_each_has_its_turn_before_one_has_two():
    texts = ["one two three", "one two four", "nine ten eleven", "one two five"]
    rows = [(0, str(n), sketch(text)) for n, text in enumerate(texts)]
    kinds = ["plain", "tree", "plain", "tree"]
    assert {kinds[i] for i in in_turns(rows, kinds, 2)} == {"plain", "tree"}
    assert sorted(in_turns(rows, kinds, 4)) == [0, 1, 2, 3]
    worse = [(2 if kind == "tree" else 0, key, one) for (_, key, one), kind in zip(rows, kinds, strict=True)]
    assert {kinds[i] for i in in_turns(worse, kinds, 2)} == {"plain"}, "right ones go first"


def test_solutions_that_compute_the_same_values_are_alike_whatever_their_words():
    assert distance(sketch_of_values([4, 8, 8]), sketch_of_values([8, 4])) == 0
    assert distance(sketch_of_values([4, 8]), sketch_of_values([5, 9])) == 1
