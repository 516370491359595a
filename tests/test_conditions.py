import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.conditions import DEEPEST, NUMBERS, WORDS, ConditionError, condition

KNOWN = {"pass_rate": 0.5, "tokens": 900, "domain": "mathematics", "score": None}


def said(text, known=KNOWN):
    return condition(text, NUMBERS, WORDS)(known)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 < pass_rate < 0.9", True),
        ("0 < pass_rate < 0.5", False),
        ("0.1 <= pass_rate <= 0.5 <= 1", True),
        ("tokens >= 900 and domain == 'mathematics'", True),
        ('domain != "mathematics" or tokens == 9e2', True),
        ("not (tokens > 100 and pass_rate > 0.9)", True),
        ("not tokens > 100", False),
        ("tokens > 100 or tokens > 10 and tokens < 1", True),
        ("score > 0.5", None),
        ("not score > 0.5", None),
        ("score > 0.5 or tokens > 1", True),
        ("score > 0.5 and tokens < 1", False),
        ("score > 0.5 and tokens > 1", None),
        ("difficulty < 1", None),
    ],
)
def test_conditions_say_true_false_or_unknown(text, wanted):
    assert said(text) is wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("pass_rate", "compared with nothing"),
        ("pass_rate <", "ends where a value belongs"),
        ("passrate < 1", "'passrate' is no value .*pass_rate"),
        ("(tokens < 1", "not closed"),
        ("tokens < 1 tokens", "cannot go on with 'tokens'"),
        ("domain < 'm'", "cannot be compared"),
        ("domain == 3", "cannot be compared"),
        ("__import__('os') == 1", "'__import__' is no value"),
        ("tokens < 1; tokens", "cannot go on|cannot read ';"),
        ("tokens ** 9 > 1", r"cannot read '\*"),
        ("(" * (DEEPEST + 1) + "tokens < 1" + ")" * (DEEPEST + 1), "brackets"),
        ("tokens < 1 or " * 60 + "tokens < 1", "longer than"),
    ],
)
def test_what_is_no_condition_is_said_in_a_line(text, told):
    with pytest.raises(ConditionError, match=told):
        said(text)


@given(st.text(alphabet="()<>=!andortkes 0.9'\"_;", max_size=60))
def test_any_text_is_a_condition_or_refused(text):
    try:
        assert said(text) in (True, False, None)
    except ConditionError as error:
        assert "\n" not in str(error)
