"""Behaviours of many reasonings, counted by hand."""

import pytest

from potstill.evaluate.behaviours import behaviours_of
from potstill.report.behaviours import TITLES, behaviours
from potstill.verify.behaviours import BEHAVIOURS

QUESTION = "Ana has 7 pens and buys 5 more. She loses 2. How many pens are left?"
TEXTS = [
    (QUESTION, "7 + 5 = 12. 12 - 2 = 10.", "The answer is 10."),
    (QUESTION, "7 + 5 = 12. 12 - 2 = 10. Check: 10 + 2 = 12.", "The answer is 10."),
    (QUESTION, "7 - 5 = 2. Wait, that is not right. 7 + 5 = 12. 12 - 2 = 10.", "The answer is 10."),
    (QUESTION, "7 + 5 = 12. 12 - 2 = 10. Check: 10 + 2 = 12. Let me check again.", "The answer is 10."),
]


def test_shares_and_rates_are_those_counted_by_hand():
    found = behaviours_of("t", iter(TEXTS))
    assert (found.number, found.words) == (4, 10 + 16 + 20 + 20)
    assert found.having == {"check": 2, "backtrack": 1, "restatement": 0, "alternative": 0}
    assert found.times == {"check": 3, "backtrack": 1, "restatement": 0, "alternative": 0}
    assert found.share("check").value == 0.5
    assert found.rate("check") == pytest.approx(1000 * 3 / 66)


def test_the_table_has_a_row_for_everybody_who_reasons():
    (table,) = behaviours([behaviours_of("teacher", TEXTS), behaviours_of("answers", [(QUESTION, "", "10")])])
    assert [row[:2] for row in table.rows] == [(TITLES[name], "teacher") for name in BEHAVIOURS]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert list(behaviours([])) == []
