import math
import random
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.evaluate import statistics
from potstill.evaluate.statistics import (
    clustered,
    conclude,
    over_seeds,
    paired,
    paired_over_seeds,
    sign_flip,
    student_t,
    two_level,
)
from potstill.intervals import Interval, wilson

shares = st.fractions(0, 1, max_denominator=8)


def test_wilson_matches_published_values():
    # Newcombe 1998, table I (method 3): 81/263, 15/148, 0/20, 1/29.
    for right, size, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = wilson(right / size, size)
        assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [
        (1, 12.7062),
        (2, 4.30265),
        (3, 3.18245),
        (4, 2.77645),
        (5, 2.57058),
        (10, 2.22814),
        (30, 2.04227),
        (1000, 1.96234),
    ],
)
def test_student_t_matches_tables(freedom, quantile):
    assert student_t(freedom) == pytest.approx(quantile, rel=2e-3)


def test_one_sample_a_problem_is_wilson():
    assert clustered([1.0] * 30 + [0.0] * 70, 100) == wilson(0.3, 100)


def test_repeating_every_sample_does_not_narrow_the_interval():
    rates = [1.0] * 12 + [0.0] * 28
    once, often = clustered(rates, 40), clustered(rates, 40 * 64)
    assert often.high - often.low >= once.high - once.low


def test_interval_stays_open_at_the_ends_and_for_one_problem():
    assert clustered([1.0] * 40, 160).low == pytest.approx(wilson(1.0, 40).low)
    assert clustered([0.0] * 40, 160).high == pytest.approx(wilson(0.0, 40).high)
    single = clustered([0.5], 64)
    assert single.low < 0.1
    assert single.high > 0.9
    assert (clustered([], 0).low, clustered([], 0).high) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 16))
def test_interval_always_holds_its_estimate_inside_the_unit(rates, samples):
    found = clustered(rates, len(rates) * samples)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(
    ("problems", "samples", "spread"),
    [(40, 1, 2.0), (200, 1, 2.0), (30, 8, 0.5), (60, 4, 8.0), (30, 16, 0.2), (30, 64, 1.0), (10, 16, 1.0)],
)
@pytest.mark.parametrize("mean", [0.03, 0.1, 0.3, 0.8])
def test_interval_covers_the_truth_about_19_times_in_20(problems, samples, spread, mean):
    draw = random.Random(problems * 1000 + samples)
    held = 0
    repeats = 600
    for _ in range(repeats):
        rates = []
        for _ in range(problems):
            chance = draw.betavariate(mean * spread, (1 - mean) * spread)
            rates.append(sum(draw.random() < chance for _ in range(samples)) / samples)
        found = clustered(rates, problems * samples)
        held += found.low <= mean <= found.high
    # 600 repeats: three standard errors of a coverage of 0.95 are 0.027.
    assert 0.92 <= held / repeats <= 0.995


def brute_force(differences):
    observed = abs(sum(differences))
    signs = list(product((1, -1), repeat=len(differences)))
    return sum(abs(sum(s * d for s, d in zip(sign, differences, strict=True))) >= observed for sign in signs) / len(
        signs
    )


@given(st.lists(st.fractions(-1, 1, max_denominator=6), min_size=1, max_size=9))
def test_exact_sign_flip_counts_every_sign_vector(differences):
    assert sign_flip(differences)[0] == pytest.approx(brute_force(differences))


def test_mcnemar_is_the_binomial_test_of_the_discordant():
    # 10 against 2 discordant: 2 * (1 + 12 + 66) / 4096.
    a = [Fraction(1)] * 10 + [Fraction(0)] * 2 + [Fraction(1)] * 50
    b = [Fraction(0)] * 10 + [Fraction(1)] * 2 + [Fraction(1)] * 50
    found = paired(a, b)
    assert found.p == pytest.approx(2 * 79 / 4096)
    assert (found.test, found.better, found.worse) == ("exact McNemar", 10, 2)


def test_drawn_test_agrees_with_the_exact_one_and_repeats(monkeypatch):
    draw = random.Random(3)
    differences = [Fraction(draw.randint(-3, 5), 8) for _ in range(60)]
    exact, name = sign_flip(differences)
    assert name == "exact sign-flip"
    monkeypatch.setattr(statistics, "EXACT_WORK", 0)
    drawn, name = sign_flip(differences)
    assert "draws" in name
    assert drawn == pytest.approx(exact, abs=4 * math.sqrt(exact / statistics.DRAWS))
    assert sign_flip(differences)[0] == drawn
    assert sign_flip([Fraction(1, 2)] * 300)[0] == pytest.approx(1 / (statistics.DRAWS + 1))


def test_a_very_large_discordant_table_has_no_lost_tail():
    found = paired([Fraction(1)] * 900, [Fraction(0)] * 900)
    assert found.p == pytest.approx(2.0**-899)
    assert found.low < found.difference == found.high == 1.0


@given(st.lists(st.tuples(shares, shares), max_size=30))
def test_swapping_students_mirrors_everything(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one, other = paired(a, b), paired(b, a)
    assert (one.p, one.better, one.worse) == (other.p, other.worse, other.better)
    assert 0 < one.p <= 1
    assert -1 <= one.low <= one.high <= 1
    if pairs:
        assert one.low <= one.difference <= one.high
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@pytest.mark.parametrize(("samples", "problems"), [(1, 40), (4, 25)])
def test_paired_test_and_interval_are_honest_under_no_difference(samples, problems):
    draw = random.Random(samples)
    rejected = missed = 0
    repeats = 500
    for _ in range(repeats):
        chances = [draw.betavariate(1, 1) for _ in range(problems)]
        a, b = (
            [Fraction(sum(draw.random() < chance for _ in range(samples)), samples) for chance in chances]
            for _ in range(2)
        )
        found = paired(a, b)
        rejected += found.p <= 0.05
        missed += not found.low <= 0 <= found.high
    assert rejected / repeats <= 0.08
    assert missed / repeats <= 0.08


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), shares, min_size=1), min_size=1, max_size=4))
def test_interval_over_seeds_holds_its_mean_and_swapping_students_mirrors_it(seeds):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 40)
        found = over_seeds(seeds)
        assert found.value == pytest.approx(sum(sum(seed.values()) / len(seed) for seed in seeds) / len(seeds))
        assert 0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1
        flipped = [{key: 1 - share for key, share in seed.items()} for seed in seeds]
        there, back = paired_over_seeds(seeds, flipped), paired_over_seeds(flipped, seeds)
    assert there.interval.value == pytest.approx(-back.interval.value)
    assert (there.interval.low, there.interval.high) == pytest.approx((-back.interval.high, -back.interval.low))
    assert (there.better, there.worse, there.problems) == (back.worse, back.better, sum(map(len, seeds)))
    assert there.by_seed == pytest.approx([-value for value in back.by_seed])


def test_interval_over_seeds_never_collapses_and_one_seed_is_its_problems():
    nothing = [{str(number): Fraction(0) for number in range(100)}] * 3
    assert over_seeds(nothing) == wilson(0, 100)
    assert paired_over_seeds(nothing, nothing).interval.high > 0
    one = [{str(number): Fraction(number % 2) for number in range(400)}]
    found, plain = over_seeds(one), wilson(0.5, 400)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.01)
    assert math.isnan(over_seeds([{}]).value)
    assert paired_over_seeds(one, [{}]).problems == 0


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("spread", [0.0, 0.08])
def test_interval_over_seeds_covers_the_truth_about_19_times_in_20(shared, spread, monkeypatch):
    """With 3 seeds of 60 problems; where seeds hardly differ it is wider than need be."""
    monkeypatch.setattr(statistics, "RESAMPLES", 200)
    dice = random.Random(11)
    covered = 0
    for _ in range(100):
        rates = [0.6 + dice.gauss(0, spread) for _ in range(3)]
        seeds = [
            {f"{'' if shared else seed}-{number}": float(dice.random() < rate) for number in range(60)}
            for seed, rate in enumerate(rates)
        ]
        _, low, high = two_level(seeds)
        covered += low <= 0.6 <= high
    assert covered >= 88
    assert spread or covered >= 95


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.001, 0.01, "different"), (-0.2, -0.001, "different"), (-0.029, 0.029, "equivalent"),
        (0.0, 0.01, "equivalent"), (-0.03, 0.01, "open"), (-0.01, 0.031, "open"), (-1.0, 1.0, "open"),
    ],
)  # fmt: skip
def test_no_difference_is_not_equivalence(low, high, said):
    assert conclude(Interval((low + high) / 2, low, high), 0.03) == said
