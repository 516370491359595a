"""An answer that is set apart from another one: `x = 4, not x = 5` is 4; and texts that only look so."""

import pytest

from potstill.recipe import Policy
from potstill.verify.answers import judge_response

CONTRASTS = [
    "The solution is x = @, not x = 97.", "The answer is @, not 97.", "So x = @ and not 97.",
    "Therefore x = @ rather than x = 97.", "The answer is x = @ (not x = 97).", "x = @, instead of x = 97.",
    "The area is $@$ cm, not $97$ cm.", "We get $n = @$, not $n = 97$ as first thought.", "It is @, not 90 + 7 = 97.",
    "Die Antwort ist @, nicht 97.", "La réponse est @, et non 97.", "La respuesta es x = @, no 97.",
    "答案是@，不是97。", "Il risultato è @, non 97.", "The answer is @ as opposed to 97.",
]  # fmt: skip
NO_ANSWER = [
    "So 12 is not 4.", "12 is not a root.", "Is it 12, not 97?", "It is not 12, not 97.", "Someone said 12, not 97.",
    "12, not 97, or 13", "It is 12, not 97, but 13.", "It's wrong to say 12, not 97.", "I have no answer, not 12.",
    "The answer is 97, not 12.", "x = 97, not x = 12.",
]  # fmt: skip


def outcome(said, gold):
    return judge_response(said, gold, "auto", (), Policy(), seconds=5).outcome


@pytest.mark.parametrize("said", CONTRASTS)
def test_what_an_answer_is_set_apart_from_is_none(said):
    assert outcome(said.replace("@", "12"), "12") == "right"
    assert outcome(said.replace("@", "12"), "97") != "right"


@pytest.mark.parametrize("said", NO_ANSWER)
def test_what_only_looks_like_a_contrast(said):
    assert outcome(said, "12") != "right"


def test_words_are_set_apart_too():
    assert outcome("So it is Paris, not Lyon.", "Paris") == "right"
    assert outcome("So it is Paris, not Lyon.", "Lyon") != "right"
