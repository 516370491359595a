"""A statement read as a choice, as yes and no, as a number or a quantity; Python values."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.amounts import last_number, read_number, read_quantity
from potstill.verify.python_values import same_python_value
from potstill.verify.readings import read_choice, read_yes_no

FOUR = ("red", "green", "blue", "5100 B.P.")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"), ("(b)", "B"), ("(b) green", "B"), ("5100 B.P", "D"), ("not A but B", "B"), ("(A) and (B)", "A, B"),
        ("A, B", "A, B"), ("either (b) green or (c) blue", "B, C"), ("(C), (A) is wrong", "C"), ("green", "B"),
        ("E", None),
        ("A triangle", None), ("purple", None),
    ],
)  # fmt: skip
def test_choices(text, letter):
    assert read_choice(text, "stated", FOUR).value == letter


def test_letters_that_are_only_mentioned_are_ambiguous():
    found = read_choice("the one that (A) or his friend C would take is B", "stated", FOUR)
    assert found.ambiguous
    assert {found.value, *found.others} == {"A", "B", "C"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Yes.", "Yes"), ("no, it is not", "no"), ("So, true", "true"), ("$\\text{False}$", "False"),
        ("It is false", "false"),
        ("no one knows", None), ("it is not true", None), ("neither yes nor no", None), ("maybe", None),
    ],
)  # fmt: skip
def test_yes_and_no(text, word):
    assert read_yes_no(text, "stated").value == word


@pytest.mark.parametrize(
    ("sentence", "before", "number"),
    [
        ("So they need 8 meals to have enough for all 12 friends.", "12 / 1.5 = 8", "8"),
        ("3 loaves of bread cost $4 more than 2 bagels.", "\\$6 - \\$2 = \\$4. \\]", "$4"),
        ("Katherine will spend $70.00 filling all 5 baskets.", "$14.00/basket * 5 baskets = $70.00", "$70.00"),
        ("Kelly paid $9.00 and Becky paid $8.00, so Kelly paid $1.00 more.", "$10.00 - $1.00 = $9.00", "$1.00"),
        ("Since each box contains 3 sleeves, they need 1 box.", "24 / 8 = 3 sleeves", "1"),
        ("the most that he could have left is 2, because if he had 3 he would share", "", "2"),
        ("together they make 720 + 1080 = 1800 pounds in 12 hours.", "90 * 12 = 1080", "1800"),
        ("she can cut 144 / 12 = 12 inches, so if she makes 3 bows she needs 36", "", "36"),
        ("**Therefore, Josh makes **$120** in 2 weeks.**", "", "$120"),
        ("Jeff has 86 glasses and 42 plates", "48 - 6 = 42", "42"),
    ],
)
def test_the_number_of_a_sentence_with_several(sentence, before, number):
    assert last_number(sentence, before).value == number


def test_a_statement_with_several_numbers_is_read_the_same_way():
    assert read_number("40 dwarves can mine 43,200 pounds", "stated", "1440 * 30 = 43,200 pounds").value == "43,200"
    assert read_number("40 dwarves can mine 43,200 pounds", "stated").others == ("43,200",)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5 cm", "5 cm"), ("the rope is 5 cm long", "5 cm"), ("3 hours and 20 minutes", "3 hours and 20 minutes"),
     ("He goes 12 km/h on the road", "12 km/h"), ("it costs 5 when it rains", "5")],
)  # fmt: skip
def test_quantities(text, value):
    assert read_quantity(text, "stated").value == value


@pytest.mark.parametrize(
    ("stated", "wanted", "same"),
    [
        ('{"a": 1, "b": 2}', "{'b': 2, 'a': 1}", True), ("['a']", '["a"]', True), ("('a')", "'a'", True),
        ("'A'", "'a'", False),
        ("[1, 2]", "(1, 2)", False), ("1, 2", "[1, 2]", False), ("[1.0]", "[1]", True), ("{1, 2}", "{2, 1}", True),
        ("hello", "'hello'", True), ("Hello", "'hello'", None), ("2", "'2'", False), ("[1,]", "[1]", True),
        ("'\\n'", '"\\n"', True), ("b'a'", "'a'", False), ("set()", "{}", False), ("", "''", True),
        ("5", "5", None), ("[1, 2", "[1, 2]", None), ("__import__('os')", "['x']", None), ("[" * 5000, "[1]", None),
    ],
)  # fmt: skip
def test_python_values(stated, wanted, same):
    assert same_python_value(stated, wanted) is same


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_python_values_compare_as_python_compares_them(one, other):
    for value in (one, other):
        if isinstance(value, (str, list, dict)):
            assert same_python_value(repr(value), repr(value)) is True
    if isinstance(other, (list, dict)):
        assert same_python_value(repr(one), repr(other)) is (ast.literal_eval(repr(one)) == other)
