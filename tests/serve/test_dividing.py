"""A reply divides the same way however it is cut into pieces, and as the run divided it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from potstill.recipe import Student
from potstill.serve.dividing import Channel, Divider, StopWatch
from potstill.train.render import split

PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "thi", "nk>", "</", " ", "\n", "4", "so ", "</thin", "é"]), max_size=12
)


def divided(pieces, *, opened=False, marks=("<think>\n", "\n</think>\n")):
    divider = Divider(*marks, opened=opened)
    out = {Channel.REASONING: "", Channel.CONTENT: ""}
    for passed in [one for piece in pieces for one in divider.feed(piece)] + list(divider.end()):
        assert passed.text
        out[passed.channel] += passed.text
    return out[Channel.REASONING], out[Channel.CONTENT]


@given(PIECES)
@example(["<think>", " ", "</think>", " "])
@example(["<thi"])
def test_any_cut_gives_what_the_whole_gives(pieces):
    for opened in (False, True):
        assert divided(pieces, opened=opened) == divided(["".join(pieces)], opened=opened)
        assert divided("".join(pieces), opened=opened) == divided(["".join(pieces)], opened=opened)


@given(PIECES)
def test_a_reply_that_begins_with_thinking_divides_as_the_run_divides_it(pieces):
    text = "<think>" + "".join(pieces).replace("<think>", "")
    assert divided([text]) == split(Student(), text)


@pytest.mark.parametrize(
    ("text", "opened", "wanted"),
    [
        (" <think>\n2+2 \n</think>\n 4 ", False, ("2+2", "4")),
        ("2+2\n</think>\n4", True, ("2+2", "4")),
        ("<think>\n2+2\n</think>\n4", True, ("2+2", "4")),
        ("2+2", True, ("2+2", "")),
        ("4, not <think>x</think>", False, ("", "4, not <think>x</think>")),
        ("<think>\n2+2 </thi", False, ("2+2 </thi", "")),
        ("<think>\n</think>\n4\n\n5 </think>", False, ("", "4\n\n5 </think>")),
        ("", False, ("", "")),
    ],
)
def test_what_is_thinking(text, opened, wanted):
    assert divided(text, opened=opened) == wanted


def test_without_marks_nothing_is_thinking():
    assert divided(["<think>a</think>b"], marks=("", "</think>")) == ("", "<think>a</think>b")


@given(st.text("abc", max_size=30), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_a_reply_ends_before_the_first_stop(text, stops):
    watch, shown = StopWatch(stops), ""
    for piece in text:
        shown += watch.feed(piece)
        if watch.stopped:
            break
    ends = min((end for stop in stops if (at := text.find(stop)) >= 0 for end in [at + len(stop)]), default=None)
    if ends is None:
        assert (shown + watch.end(), watch.stopped) == (text, False)
    else:
        assert watch.stopped
        assert not any(stop in shown for stop in stops)
        assert text.startswith(shown)
