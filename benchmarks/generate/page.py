"""The bench's figures as a table, as targets met or missed, and as the page of the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

Found = dict[str, Any]
"""Measure -> its runs, of one contestant."""
MB = 1e6
TITLE = """\
# Asking a teacher: speed, memory, waste

potstill beside four other tools that ask a served model for traces, against one stub server. Written by
`make bench-generate`, which alternates them in one run; each figure is the median of {rounds} rounds with the lowest
and the highest in brackets, and {most:,} rows are run once. All runs are in `benchmarks/results/generate.json`.

{machine}
"""
METHOD = """\
## How it is measured

- The stub is one node process that answers at once with about 1.4 kB. Without any of the tools it answered
  {bears:,} requests a second to {in_flight} bare sockets on this machine, so it is not what limits them.
- Every tool gets the same rows in a file, keeps what it gets on disk in its own way, and is asked to go on by the same
  command. The peers are told to keep {in_flight} requests in flight and have whatever limits of their own they start
  with lifted. "potstill" is told nothing and finds by itself how much the server bears; "potstill, capped" has
  `concurrency: {in_flight}`.
- Requests a second: those of a run of {large:,} rows, between the first request and the last reply, seen by the stub.
  Start-up, reading rows before the first request and writing results after the last are not in it; "rows/s in all"
  has them.
- Processor time: user and system of all processes of the tool. The figure is the difference between runs of
  {large:,} and {small:,} rows, divided by the difference in requests, so that imports and start-up cancel out and
  reading rows and writing results count; behind it all of the large run with its start, divided by its requests.
- Memory: the high-water mark of each process (`VmHWM`), summed over those alive at a time.
- potstill reads and divides the problems by a stage of its own before it asks. That command counts for memory and "in
  all", and not for requests/s and the cost of a request; it took {prepared:.1f} s of processor for {large:,} rows.
- Wasted: 600 rows, 50 in flight, 200 ms a reply; SIGKILL for all processes after 300 replies, then the same command to
  its end; requests beyond 600, probes of the tool's own counted in. "Of" is what the
  stub saw open at most until the kill; "potstill" has no cap, so more is in flight and more is lost. It is a lower
  bound of what was in flight, since a reply that is not on disk yet is open no longer. Tools that save in portions get
  portions of 100.
- One added row: 100 rows to the end, one more row in the file, the same command: requests sent by that.
- Ten truncated: 100 rows of which ten always end with `finish_reason: length`; requests beyond the ninety others.
  10 means that a tool took what was cut for whole, or left it at that. potstill asks each once more with twice the
  budget and then keeps it as a truncated trace that is never an answer.

The versions of the peers: {versions}.
"""


def middle(values: Sequence[float | None]) -> float | None:
    """Return the median of what is known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _spread(values: Sequence[float | None], shown: Callable[[float], str]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    lowest, usual, highest = shown(known[0]), shown(statistics.median(known)), shown(known[-1])
    return usual if lowest == highest else f"{usual} ({lowest}-{highest})"


def _each(found: Found, measure: str, key: str) -> list[float | None]:
    return [run[key] for run in found.get(measure, ())]


def _ended(runs: Sequence[Found], text: str) -> str:
    """Return a cell's text with what went wrong, if something did."""
    for run in runs:
        if run["code"] is None:
            return f"{text}, stopped after {run['seconds'] / 60:.0f} min at {run['answered']:,} rows"
        if run["code"]:
            return f"{text}, exit code {run['code']}"
        if run["distinct"] < run["rows"]:
            return f"{text}, {run['rows'] - run['distinct']} rows never asked"
    return text


def _peak(found: Found, measure: str) -> str:
    runs = found.get(measure, ())
    return _ended(runs, _spread([run["peak"] for run in runs], lambda value: f"{value / MB:.0f}")) if runs else "-"


def _whole(found: Found, measure: str, key: str) -> str:
    runs = found.get(measure, ())
    return _ended(runs, _spread([run[key] for run in runs], lambda value: f"{value:.0f}")) if runs else "-"


def table(report: Found) -> str:
    """Return one row a contestant, as Markdown."""
    plan = report["plan"]
    heads = (
        "tool", "requests/s", "rows/s in all", "CPU ms/request; in all",
        f"MB at {plan['large']:,} rows", f"MB at {plan['most']:,} rows", "wasted by SIGKILL", "for one added row",
        "for ten truncated",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, found in report["contestants"].items():
        runs = found.get("rate", ())
        in_all = middle(_each(found, "rate", "cpu_ms_in_all"))
        cells = (
            name,
            _ended(runs, _spread(_each(found, "rate", "per_second"), lambda value: f"{value:,.0f}")),
            _spread(_each(found, "rate", "rows_per_second_in_all"), lambda value: f"{value:,.0f}"),
            _spread(_each(found, "rate", "cpu_ms"), lambda value: f"{value:.2f}")
            + (f"; {in_all:.2f}" if in_all else ""),
            _peak(found, "rate"),
            _peak(found, "memory"),
            _whole(found, "waste", "wasted") + f" of {middle(_each(found, 'waste', 'in_flight')) or 0:.0f}",
            _whole(found, "added", "sent"),
            _whole(found, "truncated", "beyond"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def targets(report: Found) -> list[tuple[str, str, bool]]:
    """Return (what was asked of potstill, what was measured, whether it holds); the worse of its two rows counts."""
    ours = {name: found for name, found in report["contestants"].items() if name.startswith("potstill")}
    rates = {name: middle(_each(found, "rate", "per_second")) for name, found in report["contestants"].items()}
    peers = [rate for name, rate in rates.items() if rate and name not in ours]
    own = min((rate for name in ours if (rate := rates[name])), default=0.0)
    cpu = max((value for found in ours.values() if (value := middle(_each(found, "rate", "cpu_ms")))), default=0.0)
    alone = all(run["processes"] == 1 for found in ours.values() for run in found["rate"])
    at_large = max(run["peak"] for found in ours.values() for run in found["rate"])
    at_most = max(run["peak"] for found in ours.values() for run in found["memory"])
    wasted = [(run["wasted"], run["in_flight"]) for found in ours.values() for run in found["waste"]]
    sent = [run["sent"] for found in ours.values() for run in found["added"]]
    beyond = [run["beyond"] for found in ours.values() for run in found["truncated"]]
    ratio = own / max(peers, default=float("inf"))
    return [
        ("at least 3 times the best peer's requests/s", f"{ratio:.1f} times", ratio >= 3),
        ("at most 0.6 ms of processor a request, in one process", f"{cpu:.2f} ms", 0 < cpu <= 0.6 and alone),
        ("at most 300 MB with the most rows", f"{at_most / MB:.0f} MB", at_most <= 300 * MB),
        ("memory flat: at most a tenth more than with a tenth of them", f"{at_most / at_large:.2f} times",
         at_most <= 1.1 * at_large),
        ("SIGKILL wastes at most what was in flight", "; ".join(f"{w} of {o}" for w, o in wasted),
         all(w <= o for w, o in wasted)),
        ("one added row costs one request", f"{max(sent)}", max(sent) == 1),
        ("ten truncated answers cost at most 20 requests", f"{max(beyond)}", max(beyond) <= 20),
    ]  # fmt: skip


def target_table(report: Found) -> str:
    """Return the targets as Markdown."""
    lines = ["| target for potstill, its worse row | measured | |", "|---|---|---|"]
    lines += [f"| {asked} | {got} | {'met' if met else '**missed**'} |" for asked, got, met in targets(report)]
    return "\n".join(lines) + "\n"


def page(report: Found) -> str:
    """Return the page of the documentation."""
    about, plan = report["machine"], report["plan"]
    machine = (
        f"Measured on {about['date']}: {about['cpus']} cores of {about['cpu']}, {about['memory_gb']:.0f} GB, "
        f"Python {about['python']}, node {about['node']}, load before {about['load_before'][0]}."
    )
    potstill = report["contestants"]["potstill"]["rate"]
    method = METHOD.format(
        bears=report["stub_per_second"], in_flight=report["in_flight"], small=plan["small"], large=plan["large"],
        prepared=middle([run["prepared"]["cpu"] for run in potstill]) or 0.0,
        versions=", ".join(
            found["versions"][0] for name, found in report["contestants"].items() if not name.startswith("potstill")
        ),
    )  # fmt: skip
    title = TITLE.format(rounds=plan["rounds"], most=plan["most"], machine=machine)
    return "\n".join((title, table(report), target_table(report), method))
