"""Values that a response names and does not assert."""

import pytest

from potstill.verify.doubts import AFTER, BEFORE, doubt_of
from potstill.verify.foreign import language_of


@pytest.mark.parametrize("cue", [*BEFORE, *AFTER], ids=lambda cue: cue.example)
def test_every_cue_takes_its_example_back(cue):
    assert doubt_of(cue.example.replace("@", "12"), "12") == cue.why


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 12.", "It is 12, not 13.", "So she needs at least 12 boxes.",
        "At first 7 seemed right, but it is 12.",
        "If x = 3 then it is 12.", "There are 12 apples and no pears.", "The value that k cannot have is 12.",
        "Not only is it even: it is 12.", "Die Antwort ist 12, nicht 13.", "答案是12，不是13。", "Hay 12 manzanas.",
    ],
)  # fmt: skip
def test_what_is_asserted_is_not_doubted(text):
    assert doubt_of(text, "12") == ""


NAMES = ["x = ", "$x = ", "$f(x) = ", "y_2 = ", "\\boxed{", "$\\boxed{", "**", "k ≈ ", "\\(n = "]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "said", ["The answer is not @.", "It isn't @.", "It cannot be @, as we saw.", "It does not follow that @.",
             "We do not get @ here.", "It is not the case that @."],
)  # fmt: skip
def test_a_name_between_denial_and_value_changes_nothing(said, name):
    assert doubt_of(said.replace("@", f"{name}12"), "12"), (said, name)


@pytest.mark.parametrize("text", ["If not, x = 12.", "y is not 3, so x = 12.", "Since k is not zero, $n = 12$."])
def test_a_denial_of_something_else_is_none(text):
    assert doubt_of(text, "12") == ""


@pytest.mark.parametrize(
    "text",
    [
        "La réponse n'est pas 12.", "Odpowiedź to nie 12.", "Cevap 12 değil.", "Es sind keine 12.", "No es 12.",
        "정답은 12가 아닙니다", "答えは12ではありません。", "उत्तर 12 नहीं है।", "الإجابة ليست 12.",
        "Svaret är inte 12.", "12 is fout, denk ik.",
        "Is it 12?", "At least 12 people came.",
    ],
)  # fmt: skip
def test_what_another_language_denies_is_doubted(text):
    assert doubt_of(text, "12")


def test_languages_are_told_by_their_words():
    told = {
        "en": "So the answer is 5.",
        "de": "Die Antwort ist 5.",
        "fr": "La réponse est 5.",
        "zh": "答案是5",
        "ja": "答えは5です",
    }
    assert {name: language_of(text) for name, text in told.items()} == {name: name for name in told}
    assert language_of("Cevap 12 değil.") == ""
