import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.pipeline.differences import differences
from potstill.records import content_key

KEYS = st.text("ab", min_size=1, max_size=2)
LEAVES = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from([0.0, 1.0, 2.5, "", "1", "null", "true"])
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=8)


@given(st.dictionaries(KEYS, VALUES, max_size=3), st.dictionaries(KEYS, VALUES, max_size=3))
def test_settings_of_another_fingerprint_always_have_a_difference_with_a_name(old, new):
    for one, other in ((old, new), (old, copy.deepcopy(old)), ({"a": old}, {"a": {**old, "b": None}})):
        found = differences(one, other)
        assert bool(found) == (content_key(one) != content_key(other))
        assert not any(name.startswith((".", " ")) for name in found)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1.0}}, "extra.a.b (1 -> 1.0)"),
        ({"a": {"b": 1}}, {"a": {"b": True}}, "extra.a.b (1 -> true)"),
        ({"a": {"b": "1"}}, {"a": {"b": 1}}, 'extra.a.b ("1" -> 1)'),
        ({"a": {}}, {"a": {"b": None}}, "extra.a.b (absent -> null)"),
        ({"a": [1, [2]]}, {"a": [1, [3]]}, "extra.a.1.0 (2 -> 3)"),
        ({"a": [1]}, {"a": [1, 2]}, "extra.a ([1] -> [1, 2])"),
        ({"a": "x"}, {"a": "y"}, "extra.a (x -> y)"),
        ({}, {"a": "x" * 50}, f'extra.a (absent -> "{"x" * 36}...)'),
    ],
)
def test_what_changed_is_named_with_its_key(old, new, named):
    assert differences({"extra": old}, {"extra": new}) == [named]
