"""Nodes -> inline SVG; `Markup.format` escapes what it inserts.

Colours come from the page's style sheet, so one drawing serves light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from potstill.report.display import label, percent
from potstill.report.display import points as in_points
from potstill.report.nodes import Bars, Forest, HeatCell, HeatMap, Histogram, Lines, Points

WIDTH = 400
HEIGHT = 210
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 40
ACROSS = 4
"""Columns of a heat map side by side; further ones come below, so that figures stay as large as other text."""
CELL, NAMED, SHADES = 44, 18, 5
"""Height of a heat map's cell and of the name above its row, and how many strengths of colour there are."""
SERIES = 6
"""Colours in the style sheet; further students repeat them."""


def bars(node: Bars) -> Markup:
    """Draw horizontal bars from 0% to 100% with 95% whiskers."""
    row = 46
    parts = []
    for index, bar in enumerate(node.bars):
        top = index * row
        low, high = _share(bar.low), _share(bar.high)
        middle = top + 32
        whisker = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
        parts += [
            _text(0, top + 16, label(bar.label, 28), "start"),
            _text(WIDTH, top + 16, f"{percent(bar.value)}  ({percent(bar.low)} to {percent(bar.high)})", "end"),
            _rect(0, top + 24, WIDTH, 16, "track"),
            _rect(0, top + 24, _share(bar.value), 16, f"fill c{bar.colour % SERIES}"),
            _path(whisker, "halo"),
            _path(whisker, "whisker"),
        ]
    return _svg(node.title, parts, len(node.bars) * row)


def histogram(node: Histogram) -> Markup:
    """Draw vertical bars over equal bins, with counts up the side."""
    if not node.bins:
        return Markup("")
    most = max(one.count for one in node.bins)
    ticks = _ticks(0, most, whole=True)
    top = max(most, ticks[-1])
    across = _Scale(node.bins[0].low, node.bins[-1].high, LEFT, WIDTH - RIGHT)
    up = _Scale(0, top, HEIGHT - BOTTOM, TOP)
    parts = _axes(across, up, _ticks(across.low, across.high), ticks, node.unit)
    for one in node.bins:
        left, right = across(one.low), across(one.high)
        parts.append(_rect(left + 0.5, up(one.count), max(0.5, right - left - 1), up(0) - up(one.count), "fill c0"))
    return _svg(node.title, parts, HEIGHT)


def lines(node: Lines) -> Markup:
    """Draw series over common axes, with a legend of names below."""
    drawn = [line for line in node.lines if line.points]
    if not drawn:
        return Markup("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    sides = _ticks(min(0.0, *ys), max(ys))
    if len(sides) > 1 and max(ys) > sides[-1]:
        sides.append(2 * sides[-1] - sides[-2])
    across = _Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = _Scale(min(sides[0], *ys), max(sides[-1], *ys), HEIGHT - BOTTOM, TOP)
    parts = _axes(across, up, _ticks(min(xs), max(xs)), sides, node.x)
    for index, line in enumerate(drawn):
        style = f"line c{line.colour % SERIES}"
        points = [(across(x), up(y)) for x, y in line.points]
        legend = HEIGHT + 14 + index * 18
        if line.dotted or len(points) == 1:
            dots = [*points, (LEFT + 11.0, legend - 4.0)] if line.dotted else points
            parts += [_rect(x - 2, y - 2, 4, 4, f"fill c{line.colour % SERIES}") for x, y in dots]
        parts.append(_path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), style))
        parts.append(_path(f"M{LEFT} {legend - 4}h22", style))
        parts.append(_text(LEFT + 30, legend, label(line.name, 40), "start"))
    return _svg(node.title, parts, HEIGHT + 4 + 18 * len(drawn))


def points(node: Points) -> Markup:
    """Draw named shares with whiskers over common axes, with a legend of marks and names below.

    Those of one colour are joined in their order.
    """
    if not node.points:
        return Markup("")
    xs = [point.x for point in node.points]
    across, up = _Scale(min(xs), max(xs), LEFT + 8, WIDTH - RIGHT - 8), _Scale(0.0, 100.0, HEIGHT - BOTTOM, TOP)
    parts = _axes(across, up, _ticks(min(xs), max(xs)), (0, 25, 50, 75, 100), node.x)
    for colour in dict.fromkeys(point.colour for point in node.points):
        joined = [f"{across(p.x):.1f} {up(100 * p.y):.1f}" for p in node.points if p.colour == colour]
        if len(joined) > 1:
            parts.append(_path(f"M{'L'.join(joined)}", f"line c{colour % SERIES}"))
    for index, point in enumerate(node.points):
        x, y, low, high = across(point.x), up(100 * point.y), up(100 * point.low), up(100 * point.high)
        legend = HEIGHT + 14 + index * 18
        parts.append(
            _path(f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8", "whisker")
        )
        for left, middle in ((x, y), (LEFT + 11, legend - 4)):
            parts.append(_mark(point.colour, left, middle))
        parts.append(_text(LEFT + 30, legend, label(point.name, 40), "start"))
    return _svg(node.title, parts, HEIGHT + 4 + 18 * len(node.points))


def forest(node: Forest) -> Markup:
    """Draw differences as marks with whiskers, one a row, around a line of no difference; the axis is in points."""
    if not node.spans:
        return Markup("")
    row = 40
    reach = 100 * max(max(abs(span.low), abs(span.high)) for span in node.spans) or 1.0
    bottom = len(node.spans) * row + 8
    across = _Scale(-reach, reach, 10, WIDTH - 10)
    parts = [_path(f"M{across(tick):.1f} 4V{bottom}", "grid") for tick in _ticks(-reach, reach)]
    parts.append(_path(f"M{across(0):.1f} 4V{bottom}", "whisker"))
    for index, span in enumerate(node.spans):
        middle = index * row + 30
        low, value, high = (across(100 * each) for each in (span.low, span.value, span.high))
        told = f"{in_points(span.value)} ({in_points(span.low)} to {in_points(span.high)})"
        parts += [
            _text(0, middle - 12, label(span.label, 30), "start", "clear"),
            _text(WIDTH, middle - 12, told, "end", "clear"),
            _path(f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8", "whisker"),
            _mark(0, value, middle),
        ]  # fmt: skip
    parts += [_text(across(tick), bottom + 16, f"{tick:g}", "middle") for tick in _ticks(-reach, reach)]
    return _svg(node.title, parts, bottom + 22)


def heat(node: HeatMap) -> Markup:
    """Draw differences as cells with their figures: colour says again what sign and size say.

    A cell whose interval leaves 0 out has a frame. The name of a row stands above its cells.
    """
    parts: list[Markup] = []
    top = 0.0
    beside = math.ceil(len(node.columns) / math.ceil(len(node.columns) / ACROSS))
    width = WIDTH / max(beside, 2)
    for start in range(0, len(node.columns), beside):
        columns = node.columns[start : start + beside]
        parts += [_text((at + 0.5) * width, top + 14, label(name, 14), "middle") for at, name in enumerate(columns)]
        top += 20
        for name, cells in zip(node.rows, node.cells, strict=True):
            parts.append(_text(0, top + 14, label(name, 50), "start"))
            for at, cell in enumerate(cells[start : start + beside]):
                parts += _heat_cell(cell, at * width, top + NAMED, width)
            top += NAMED + CELL + 6
        top += 8
    return _svg(node.title, parts, top)


def _heat_cell(cell: HeatCell, x: float, y: float, width: float) -> list[Markup]:
    middle = x + width / 2
    if math.isnan(cell.value):
        return [_rect(x + 1, y, width - 2, CELL, "track"), _text(middle, y + 26, "-", "middle")]
    shade = min(SHADES, math.ceil(abs(cell.value) * 2 * SHADES))
    style = f"heat {'more' if cell.value > 0 else 'less'} s{shade}"
    told = f"{100 * cell.low:+.0f} to {100 * cell.high:+.0f}"  # with decimals it would run out of a narrow cell
    surely = cell.low > 0 or cell.high < 0
    return [
        _rect(x + 1, y, width - 2, CELL, "track"), _rect(x + 1, y, width - 2, CELL, style),
        *([_rect(x + 2, y + 1, width - 4, CELL - 2, "sure")] if surely else []),
        _text(middle, y + 20, in_points(cell.value), "middle"), _text(middle, y + 36, told, "middle", "small"),
    ]  # fmt: skip


def _mark(colour: int, x: float, y: float) -> Markup:
    """Draw a square, diamond or one of two triangles: marks differ in shape too, for those who see no colours."""
    style = f"fill c{colour % SERIES}"
    shape = (
        f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z",
        f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6-6z",
        f"M{x:.1f} {y - 6:.1f}l6 10h-12z",
        f"M{x:.1f} {y + 6:.1f}l6-10h-12z",
    )[colour % 4]
    return _path(shape, style)


class _Scale:
    """Maps [low, high] onto [start, end]; a range of no width lands in the middle."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _share(value: float) -> float:
    return 0.0 if math.isnan(value) else max(0.0, min(1.0, value)) * WIDTH


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return three to six round values that span most of [low, high]."""
    reach = high - low
    if reach <= 0 or not math.isfinite(reach):
        return [low]
    raw = reach / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    step = max(1.0, math.ceil(step)) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _axes(across: _Scale, up: _Scale, below: Sequence[float], beside: Sequence[float], unit: str) -> list[Markup]:
    parts = []
    for value in beside:
        parts.append(_path(f"M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}", "grid"))
        parts.append(_text(LEFT - 6, up(value) + 4, _short(value), "end"))
    for value in below:
        # A label at either end would run out of the drawing if it were centred.
        x = across(value)
        place, anchor = (WIDTH - 2.0, "end") if x > WIDTH - RIGHT - 16 else (x, "middle")
        parts.append(_text(place, HEIGHT - BOTTOM + 16, _short(value), anchor))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, label(unit, 48), "middle"))
    return parts


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def _svg(title: str, parts: Iterable[Markup], height: float) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">')
    head = head.format(WIDTH, math.ceil(height), label(title, 120))
    return head + Markup("").join(parts) + Markup("</svg>")


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> Markup:
    drawn = Markup('<text x="{}" y="{}" text-anchor="{}"{}>{}</text>')
    named = Markup(' class="{}"').format(style) if style else ""
    return drawn.format(round(x, 1), round(y, 1), anchor, named, text)


def _rect(x: float, y: float, width: float, height: float, style: str) -> Markup:
    sides = [round(side, 1) for side in (x, y, width, max(0.0, height))]
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(*sides, style)


def _path(shape: str, style: str) -> Markup:
    return Markup('<path d="{}" class="{}"/>').format(shape, style)
