"""True-thinking score and paraphrase on scripted respondents, with values computed by hand."""

import dataclasses
import io
import math
import re

import pytest
from evaluate.respondents import ASKED, Respondent, first_only, ignores, mute, rows_of, uses, value, values

from potstill import recipe
from potstill.evaluate.faithfulness import Probed
from potstill.evaluate.faithfulness.paraphrase import with_paraphrases
from potstill.evaluate.faithfulness.true_thinking import CELLS, score
from potstill.models.ledger import Ledger
from potstill.models.local.inprocess import InProcess
from potstill.progress import Progress


@pytest.mark.parametrize(("says", "mean", "fully", "nothing"), [
    (uses, 0.5, 0.5, 0.5), (first_only, 0.5, 0.5, 0.5), (ignores, 0.0, 0.0, 1.0),
])  # fmt: skip
def test_scores_of_steps_are_those_computed_by_hand(tmp_path, says, mean, fully, nothing):
    """Of two steps `uses` needs the second alone, `first_only` the first alone, `ignores` none."""
    rows = rows_of(tmp_path, says)
    found = values(rows, "true_thinking")
    assert found["true-thinking score of a step"].value.value == mean
    assert found["steps that count fully (score 1)"].value.value == fully
    assert found["steps that count for nothing (score 0)"].value.value == nothing
    assert found["same answer with all of it (control)"].value.value == 1.0
    by_step = {
        place: {score([row for row in rows if row.measure == "true_thinking" and row.variant != "control"
                       and row.place == place and row.problem_key == key]) for key in {row.problem_key for row in rows}}
        for place in (0.0, 1.0)
    }  # fmt: skip
    assert by_step == {
        uses: {0.0: {0.0}, 1.0: {1.0}}, first_only: {0.0: {1.0}, 1.0: {0.0}}, ignores: {0.0: {0.0}, 1.0: {0.0}},
    }[says]  # fmt: skip


def test_a_step_with_an_unreadable_answer_has_no_score(tmp_path):
    found = values(rows_of(tmp_path, mute), "true_thinking")["true-thinking score of a step"]
    assert math.isnan(found.value.value)
    assert (found.number, found.unreadable) == (0, 16)


@pytest.mark.parametrize(("same", "expected"), [
    ((True, False, True, False), 1.0), ((True, False, True, True), 0.5), ((False, False, True, False), 0.5),
    ((True, True, False, False), 0.0), ((True, False, None, False), None),
])  # fmt: skip
def test_a_score_is_the_mean_of_what_the_step_moves_in_both_contexts(same, expected):
    rows = [
        Probed(
            student="m", measure="true_thinking", variant=variant, place=0.0, problem_key="a", sample=0, same=one,
            kept=one, right=one, mentions=None, options=0, steps=2, said="",
        )
        for variant, one in zip(CELLS, same, strict=True)
    ]  # fmt: skip
    assert score(rows) == expected
    assert score(rows[:3]) is None


HELPER = recipe.Paraphraser(base_url="http://localhost:1/v1", model="h")


def keeps(question, hint, begun):
    return f"One gets {re.findall('[0-9]+', question)[-1]}."


def loses(question, hint, begun):
    return "One gets something."


def rambles(question, hint, begun):
    return "One gets something. " * 50


def paraphrased(folder, says, helper):
    asked = dataclasses.replace(ASKED, paraphrase=HELPER)

    def before(given):
        model = InProcess("h", lambda: Respondent(helper))
        with Ledger(folder / "helpers.sqlite") as ledger:
            return with_paraphrases(given, HELPER, model, ledger, Progress("p", None, stream=io.StringIO()))

    return rows_of(folder, says, asked=asked, before=before)


@pytest.mark.parametrize(("says", "helper", "same"), [
    (uses, keeps, 1.0), (uses, loses, 0.0), (ignores, loses, 1.0), (first_only, keeps, 0.0),
])  # fmt: skip
def test_a_paraphrase_moves_whom_the_words_moved(tmp_path, says, helper, same):
    """`uses` needs the result of the first sentence, however it is worded; `first_only` the sign before it."""
    rows = paraphrased(tmp_path, says, helper)
    assert value(rows, "paraphrase", "same answer from a paraphrase") == same
    assert value(rows, "paraphrase", "right from a paraphrase") == same
    assert value(rows, "paraphrase", "same answer from its own words (control)") == 1.0
    assert value(rows, "paraphrase", "moved by the wording alone") == 1.0 - same
    assert {row.place for row in rows if row.measure == "paraphrase"} == {0.5}, "never the whole reasoning"


def test_a_helper_that_writes_something_else_is_not_asked_about(tmp_path):
    assert [row for row in paraphrased(tmp_path, uses, rambles) if row.measure == "paraphrase"] == []


def test_a_helper_is_not_told_the_question(tmp_path):
    seen = []

    def helper(question, hint, begun):
        seen.append(question)
        return "One gets it."

    paraphrased(tmp_path, uses, helper)
    assert len(seen) == 8
    assert not any("What is" in text for text in seen)
