"""A plan as text: one line a stage, the memory of each training by part, and what every figure rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from potstill.planning.figures import Figure, product
from potstill.printed import harmless

if TYPE_CHECKING:
    from potstill.planning.making import RunPlan
    from potstill.planning.stage_plan import StagePlan

LETTER = {"known": "k", "measured": "m", "formula": "f", "assumed": "a"}
LEGEND = "k known, m measured, f by formula, a assumed; in brackets the interval"
MISSING = "?"
_SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
COLUMNS = ("tokens", "seconds", "peak", "disk", "dollars")
TITLES = {"tokens": "tokens", "seconds": "time", "peak": "memory", "disk": "disk", "dollars": "dollars"}


def told(plan: RunPlan) -> str:
    """Return the whole plan as text."""
    return harmless("\n".join(_lines(plan)))


def _lines(plan: RunPlan) -> Iterator[str]:
    most = max((stage.processes for stage in plan.stages), default=1)
    yield f"plan of {plan.name} for {f'{most} ' if most > 1 and plan.machine.kind == 'gpu' else ''}{plan.machine.name}"
    yield ""
    used = [c for c in COLUMNS if any(getattr(stage, c) is not None or c in stage.needs for stage in plan.stages)]
    table = [["stage", *(TITLES[c] for c in used)]]
    for stage in plan.stages:
        name = f"{stage.name} (done)" if stage.done else stage.name
        table += [[name, *(_cell(stage, column) for column in used)]]
    table.append(["left to do", *(_sum(plan, column) for column in used)])
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield f"({LEGEND})"
    yield from _hours(plan)
    yield from _memory(plan)
    yield from _bases(plan)
    if plan.unknown:
        yield ""
        yield "not known"
        yield from (f"  {what}" for what in plan.unknown)


def _hours(plan: RunPlan) -> Iterator[str]:
    """Yield the hours of all accelerators together, and what they cost to rent."""
    hours = plan.accelerator_hours
    if hours is None:
        return
    low, value, high = (f"{part:,.0f}" for part in (hours.low, hours.value, hours.high))
    yield f"hours of one {plan.machine.name} for all stages that run a model: {value} ({low} to {high})"
    rent = product("", hours, plan.machine.rent)
    if rent is not None and plan.machine.rent is not None:
        yield f"  to rent: {shown(rent, 'dollars')}, {plan.machine.rent.how}"


def _cell(stage: StagePlan, column: str) -> str:
    figure: Figure | None = getattr(stage, column)
    if figure is None:
        return MISSING if column in stage.needs else ""
    return shown(figure, column)


def _sum(plan: RunPlan, column: str) -> str:
    if column == "tokens":
        return ""
    if column == "peak":
        most = plan.largest
        return "" if most is None or most.peak is None else shown(most.peak, column)
    figure, missing = plan.all(column)
    more = f" + {MISSING}" if missing else ""
    return f"{shown(figure, column)}{more}" if figure is not None else more.strip(" +")


def shown(figure: Figure, column: str) -> str:
    """Return a figure with its interval and the letter of its basis."""
    write = UNITS[column]
    low, value, high = (write(part) for part in (figure.low, figure.value, figure.high))
    between = "" if low == high else f" ({low} to {high})"
    return f"{value}{between} {LETTER[figure.basis]}"


def seconds(value: float) -> str:
    """Return seconds as people say them: `0.4s`, `12s`, `4m20s`, `3h05m`, `12d`."""
    if value < 9.95:
        return f"{value:.1f}s"
    if value < 99.5:
        return f"{value:.0f}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 100 else f"{hours / 24:,.0f}d"


def size(value: float, unit: str = "B") -> str:
    """Return a count with three figures and a prefix: `1.29 GB`."""
    for factor, prefix in _SIZES:
        if value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}".rstrip()
    return f"{value:.0f} {unit}".rstrip()


def dollars(value: float) -> str:
    """Return dollars, to the cent where they are few."""
    return f"${value:,.2f}" if value < 100 else f"${value:,.0f}"


def tokens(value: float) -> str:
    """Return a number of tokens, to the last one where they are few."""
    return f"{value:,.0f}" if value < 1e7 else size(value, "")


UNITS = {"tokens": tokens, "seconds": seconds, "peak": size, "disk": size, "dollars": dollars}


def _memory(plan: RunPlan) -> Iterator[str]:
    for stage in plan.stages:
        held = stage.memory
        if held is None or stage.kind not in ("train", "traces") or stage.done:
            continue
        yield ""
        twice = ", layers computed twice" if held.twice else ""
        yield f"memory of {stage.name}, {held.rows} rows of {held.tokens:,} tokens{twice}"
        for name, part in held.parts:
            yield f"  {name:<15}{shown(part, 'peak')}  {part.how}"
        if held.fits is not None:
            what = "the largest micro-batch that fits" if stage.kind == "train" else "responses side by side that fit"
            room = plan.machine.memory
            free = "" if room is None else f" into {size(room.value)} ({room.how})"
            yield f"  {what}{free}: {held.fits:,}"
        if held.fits == 0 and stage.kind == "train":
            would = "no number of processes has" if held.would is None else f"processes: {held.would} would have"
            more = "" if held.would is not None else "; a shorter max_length, LoRA or another accelerator may"
            yield f"  not one row fits: with sharding: full {would} room for one row each{more}"


def _bases(plan: RunPlan) -> Iterator[str]:
    yield ""
    yield "what the figures rest on"
    found: dict[tuple[str, str], list[str]] = {}
    for stage in plan.stages:
        for column in () if stage.done else COLUMNS:
            figure: Figure | None = getattr(stage, column)
            if figure is not None and figure.how:
                what = f"{stage.what} " if column == "tokens" and stage.what else ""
                found.setdefault((f"{what}{TITLES[column]}", f"{figure.basis}, {figure.how}"), []).append(stage.name)
    for (what, basis), names in found.items():
        yield f"  {what} of {', '.join(names)}: {basis}"
