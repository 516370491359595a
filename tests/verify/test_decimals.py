"""Decimal commas and grouping: read where golds, policy or language say so, unknown where doubtful, never wrong."""

import random

import pytest

from potstill.recipe import Checks, Numbers, Policy
from potstill.records import Problem
from potstill.verify import settled
from potstill.verify.answers import judge_answer, judge_response
from potstill.verify.decimals import evidence, pointed, told_by

COMMA = Policy(numbers=Numbers("comma"))
UNITS = ("", " kWh", " EUR", " €", " kg", " CHF", " m", " %")
PROSE = (
    "Die Antwort ist {}.", "Also kostet es {}.", "La réponse est {}.", "Le résultat vaut donc {}.", "La respuesta es {}.",
    "La risposta è {}.", "Het antwoord is {}.", "Odpowiedź to {}.", "Ответ: {}.",
)  # fmt: skip


def said(prediction, gold, policy=None, judge=judge_answer, kind="auto"):
    return judge(prediction, gold, kind, (), policy or Policy(), seconds=5.0).outcome


def spelled(dice):
    """Return (value with a point, the ways to write it with a decimal comma)."""
    whole, part = dice.choice((dice.randint(1, 99), dice.randint(1_000, 9_999_999))), dice.randint(1, 9)
    decimals = f"{dice.randint(0, 9)}{part}" if dice.random() < 0.7 else f"{part}"
    groups = f"{whole:,}"
    ways = [f"{groups.replace(',', mark)},{decimals}" for mark in (".", " ", "\u00a0", "\u202f", "'")]
    return f"{whole}.{decimals}", [f"{whole},{decimals}", f"{whole}{{,}}{decimals}", *ways]


def variations(count=200):
    dice = random.Random(20261129)
    for _ in range(count):
        value, ways = spelled(dice)
        yield value, dice.choice(ways), dice.choice(UNITS), dice.choice(PROSE)


def test_variations_are_right_where_told_and_never_wrong():
    for value, way, unit, prose in variations():
        written, other = f"{way}{unit}", f"{value[:-1]}{(int(value[-1]) + 1) % 10}"
        assert said(written, value) != "wrong", (written, value)
        assert said(written, value, COMMA) == "right", (written, value)
        assert said(value, written, COMMA) == "right", (value, written)
        assert said(prose.format(written), value, judge=judge_response) == "right", (prose.format(written), value)
        assert said(prose.format(f"**{written}**"), value, COMMA, judge_response) == "right"
        for policy in (Policy(), COMMA):
            assert said(written, other, policy) != "right", (written, other)
            assert said(prose.format(written), other, policy, judge_response) != "right"


@pytest.mark.parametrize(
    ("prediction", "gold", "outcome"),
    [
        ("25,2", "25.2", "unknown"), ("1.234", "1234", "unknown"), ("1,234", "1.234", "unknown"), ("1,234", "1234", "right"),
        ("1'234'567", "1234567", "right"), ("12万", "120000", "right"), ("3.5億", "350000000", "right"),
        ("1亿2000万", "120000000", "right"), ("1万2千", "12000", "right"), ("三万二千", "32000", "right"), ("答案是二十五", "25", "right"),
        ("一百零五", "15", "wrong"), ("１２，５", "12.5", "unknown"), ("12,34,567", "1234567", "unknown"),
        ("12,34,567", "12, 34, 567", "right"), ("12,34,567.50", "1234567.5", "unknown"),
        ("1,5 Millionen", "1500000", "unknown"), ("1,5 Mio. €", "1.5", "wrong"), ("3,5 Mrd. €", "3500000000", "unknown"),
        ("2,5 und 3,5", "2.5, 3.5", "right"), ("2,5 ou 3,5", "2.5 or 3.5", "unknown"), ("R$ 5,20", "5.2", "unknown"),
        ("1,5 млн", "1500000", "right"), ("5 y 6", "5, 6", "right"), ("2 y -3", "2y-3", "right"), ("12万", "12", "wrong"), ("6.252,50 EUR", "6252.5", "right"),
        ("6.252,50 EUR", "6252.51", "wrong"), ("3.14", "3,14", "right"), ("3 and 14", "3,14", "right"), ("3.15", "3,14", "wrong"),
        ("(3,4)", "(3, 4)", "right"), ("{1,2,3}", "{3,2,1}", "right"), ("x = 1,5", "1.5", "unknown"), ("0,375", "3/8", "right"),
        ("1.234.567", "1234567", "right"), ("12.03", "12,03", "right"),
    ],
)  # fmt: skip
def test_single_spellings(prediction, gold, outcome):
    assert said(prediction, gold) == outcome


def test_a_text_in_its_own_language_and_numbers():
    german = "Die 3 Packungen kosten zusammen 7,50 €, also kostet eine Packung 2,50 €."
    assert said(german, "2.5", judge=judge_response) == "right"
    assert said("So each of the 3 packs costs 2,50.", "2.5", judge=judge_response) == "unknown"
    assert said("Die Antwort ist 3.5, denn 7.0 / 2 = 3.5.", "3.5", judge=judge_response) == "right"


def test_the_golds_of_a_data_set_tell():
    assert told_by(["25,2", "4,5 kWh", "7", "1.234,5"]) == "comma"
    assert told_by(["25.2", "7"]) == "point"
    assert told_by(["7", "1,234"]) == "auto"
    assert told_by(["2,3", "0.5"]) == "auto"
    problems = [
        Problem(id=str(n), question="?", gold=gold, answer_kind="auto")
        for n, gold in enumerate(("25,2", "4,5 kWh", "12"))
    ]
    assert settled(Checks(), problems).policy.numbers.decimal == "comma"
    assert settled(Checks(policy=Policy(numbers=Numbers("point"))), problems).policy.numbers.decimal == "point"


def test_pointed_leaves_what_is_no_decimal():
    for text in ("(3,4)", "1,2,3", "12.03.2024", "x_1,2", "f(1, 2)", "v1.2.3", r"\{3,4\}"):
        assert pointed(text, comma=True) == text
    assert evidence("1,234 and (3,4)") == (False, False)
