import math
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.report import plots
from potstill.report.kept import BINS, histogram
from potstill.report.nodes import Bar, Bars, Lines, Point, Points, Series
from potstill.report.study import compute_points

finite = st.floats(-1e9, 1e9)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def inside(svg):
    """Every coordinate of a drawing lies in its view box."""
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    for name, limit in (("x", width), ("y", height)):
        assert all(-0.1 <= float(v) <= limit + 0.1 for v in re.findall(rf' {name}="([^"]+)"', svg))
    for shape in re.findall(r' class="line|d="(M[^"]*L[^"]*)"', svg):
        numbers = [float(number) for number in NUMBER.findall(shape)]
        assert all(-0.1 <= x <= width + 0.1 for x in numbers[::2])
        assert all(-0.1 <= y <= height + 0.1 for y in numbers[1::2])
    assert "nan" not in svg.lower()


@given(st.dictionaries(st.one_of(st.integers(0, 10**6), st.floats(0, 50)), st.integers(1, 10**6), min_size=1))
def test_histogram_counts_everything_in_equal_bins(counts):
    node = histogram("t", "u", counts)
    assert sum(one.count for one in node.bins) == sum(counts.values())
    assert 1 <= len(node.bins) <= BINS
    assert node.bins[0].low == min(counts)
    assert node.bins[-1].high >= max(counts)
    inside(plots.histogram(node))


@given(st.lists(st.lists(st.tuples(finite, finite), max_size=20), max_size=8))
def test_lines_stay_inside_whatever_the_values(series):
    node = Lines(
        title="t", x="x", y="y", lines=tuple(Series(f"s{i}", i, tuple(points)) for i, points in enumerate(series))
    )
    svg = plots.lines(node)
    if svg:
        inside(svg)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_bars_stay_inside(shares):
    inside(
        plots.bars(
            Bars(
                "t",
                tuple(
                    Bar(label=f"b{i}", colour=i, value=share[0], low=share[1], high=share[2])
                    for i, share in enumerate(shares)
                ),
            )
        )
    )


def test_a_name_is_text_in_a_drawing():
    svg = plots.bars(Bars("<t>\"'", (Bar(label="<script>&", colour=0, value=math.nan, low=0, high=1),)))
    assert "&lt;script&gt;&amp;" in svg
    assert "<script" not in svg
    assert 'aria-label="&lt;t&gt;&#34;&#39;"' in svg


def test_a_curve_keeps_its_colour_in_bars_and_lines():
    bars = plots.bars(Bars("t", (Bar(label="traces", colour=2, value=0.5, low=0.4, high=0.6),)))
    lines = plots.lines(Lines(title="t", x="x", y="y", lines=(Series("traces", 2, ((0, 1), (1, 0))),)))
    assert "fill c2" in bars
    assert "line c2" in lines


@pytest.mark.parametrize(("colours", "joined"), [((0, 1, 1), 1), ((0, 1, 2), 0), ((0, 0, 0), 1)])
def test_points_of_one_colour_are_joined(colours, joined):
    drawn = [Point(name=f"p{n}", colour=c, x=n, y=0.5, low=0.4, high=0.6) for n, c in enumerate(colours)]
    svg = plots.points(Points("t", "x", tuple(drawn)))
    assert svg.count('class="line') == joined
    assert svg.count('class="whisker') == 3


@pytest.mark.parametrize(("flops", "drawn"), [((3.18e11, 3.19e11), 0), ((3.0e11, 3.1e11), 1), ((0.0, 0.0), 0), ((), 0)])
def test_arms_of_equal_compute_are_not_spread_over_an_axis(flops, drawn):
    """A thousandth more arithmetic once filled the whole width."""
    share = SimpleNamespace(value=0.5, low=0.4, high=0.6)
    lines = [SimpleNamespace(name="a", flops=each, accuracy=share, problems=9, before=()) for each in flops]
    assert len(compute_points(lines)) == drawn
