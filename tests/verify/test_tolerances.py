"""Golds that say how near is near enough; and golds that only look so."""

import pytest

from potstill.recipe import Policy
from potstill.verify.answers import judge_answer
from potstill.verify.tolerances import allowed_by

INSIDE = [
    ("12 ± 0.5 mm", ["12 mm", "12.5 mm", "11.5", "1.2 cm", "12 ± 0.5 mm"], ["12.6 mm", "11.4", "12 cm", "12 kg"]),
    ("12 mm +/- 0.5 mm", ["12.3 mm"], ["13 mm"]),
    ("(3.0 \\pm 0.1) s", ["3.05 s", "2900 ms"], ["3.2 s"]),
    ("230 V +- 10 %", ["210 V", "0.25 kV"], ["260 V"]),
    ("12 ± 4%", ["12.4"], ["12.6"]),
    ("-5 ± 1 °C", ["-5.5 °C"], ["5.5 °C", "-7 °C"]),
    ("10-12 bar", ["10 bar", "11.9 bar", "1100 kPa", "10-12 bar"], ["9 bar", "13"]),
    ("1.5 – 2.5 kg", ["2 kg", "1800 g"], ["3 kg"]),
    ("20 to 25 minutes", ["22 minutes"], ["26 minutes"]),
]


@pytest.mark.parametrize(("gold", "right", "wrong"), INSIDE)
def test_what_a_gold_allows(gold, right, wrong):
    found = {said: judge_answer(said, gold, "auto", (), Policy(), seconds=5).outcome for said in right + wrong}
    assert found == dict.fromkeys(right, "right") | dict.fromkeys(wrong, "wrong")


@pytest.mark.parametrize("gold", ["2 \\pm 3", "5 ± 0.1", "10-12", "2-1/2 inches", "5-6 apples", "x ± 1", "12 mm", "±3"])
def test_what_only_looks_like_a_tolerance(gold):
    assert allowed_by(gold) is None


def test_two_roots_stay_two_and_a_unit_may_be_required():
    assert judge_answer("5, -1", "2 \\pm 3", "auto", (), Policy(), seconds=5).outcome == "right"
    assert judge_answer("3", "2 \\pm 3", "auto", (), Policy(), seconds=5).outcome != "right"
    assert judge_answer("12", "12 ± 0.5 mm", "auto", (), Policy(units="required"), seconds=5).outcome != "right"
