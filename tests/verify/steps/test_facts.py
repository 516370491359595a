"""Exact labels of steps against solutions whose mistake is known, since it was put there."""

import json

import pytest

from potstill.records import Problem
from potstill.verify.steps.facts import exact_labels, knows
from potstill.verify.steps.segment import segment

CHAIN = Problem(
    id="c", question="q", gold="15", source="family:chain",
    facts=json.dumps({"name": "Ida", "thing": "eggs", "start": 5, "steps": [["-", 2], ["+", 2], ["*", 3]]}),
)  # fmt: skip


def labels(text, problem=CHAIN):
    return exact_labels(problem, [text[span.start : span.end] for span in segment(text, "sentences")])


@pytest.mark.parametrize(("text", "wanted"), [
    ("Start with 5. 5 - 2 = 3. 3 + 2 = 5. 5 * 3 = 15.", (True, True, True, True)),
    ("Start with 5. 5 - 2 = 3. 2 + 3 = 5. 3 * 5 = 15.", (True, True, True, True)),
    ("Start with 5. 5 - 2 = 3. 3 + 2 = 6. 6 * 3 = 18.", (True, True, False, None)),
    ("Start with 5. 5 - 2 = 3. 3 * 3 = 9.", (True, True, False)),
    ("Start with 6. 6 - 2 = 4.", (False, None)),
    ("Start with 5. 5 - 3 = 2. 2 + 2 = 4.", (True, False, None)),
    ("Start with 5. 6 - 3 = 3.", (True, False)),
    ("Let us see. Ida starts with 5 eggs. 2 go away: 5 - 2 = 3.", (None, True, True)),
    ("Start with 5. 5 + 2 = 7. Wait, that is not right. 5 - 2 = 3.", (True, False, None, None)),
    ("Start with 5. 5 - 2 = 3. 3 + 2 = 5. 5 * 3 = 15. Check: 15 / 3 = 5, as before.", (True,) * 5),
    ("Start with 5. 5 - 2 = 3. 3 + 2 = 5. 5 * 3 = 15. 15 + 1 = 16.", (True, True, True, True, False)),
])  # fmt: skip
def test_a_step_is_right_where_it_states_the_next_value(text, wanted):
    assert labels(text) == wanted


def test_a_change_in_parts_counts_as_one():
    facts = {"start": 12, "steps": [["*", 3], ["-", 14]]}
    problem = Problem(id="c", question="q", gold="22", source="family:chain", facts=json.dumps(facts))
    text = "At first 12. 10 * 3 = 30, 2 * 3 = 6, 30 + 6 = 36. 36 - 10 = 26, 26 - 4 = 22."
    assert labels(text, problem) == (True, True, True)
    assert labels(text.replace("26 - 4 = 22", "26 - 4 = 21"), problem)[-1] is False


def test_only_families_of_one_number_are_known():
    assert knows(CHAIN)
    assert not knows(Problem(id="w", question="q", gold="x", source="family:weekday"))
