"""The viewer on many traces, in a real Chromium: index, first page, filter, search, memory; and formulas of real traces.

    python benchmarks/bench_view.py [--traces 100000] [--characters 4000] [--formulas FILE ...]

Needs chromium and chromedriver. Writes benchmarks/results/view.json. `--formulas` names files of traces (JSONL, may be
gzipped) of whose first 3,000 traces every different formula is drawn, each timed.
"""

import argparse
import datetime
import gzip
import itertools
import json
import os
import platform
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from report.webdriver import browser
from view.made_run import make_run
from view.served import serving

RESULT = Path(__file__).parent / "results" / "view.json"
SAMPLES = 4
AT_ONCE = 200
"""Formulas that one script draws."""
FORMULA = re.compile(r"\$\$(.{1,3000}?)\$\$|\\\[(.{1,3000}?)\\\]|\\\((.{1,3000}?)\\\)|\$([^$\n]{1,400})\$", re.DOTALL)
"""`$x^2$`, `\\(x\\)`, `\\[x\\]`, `$$x$$`."""
DRAW = """
return arguments[0].map(formula => {
  const began = performance.now();
  const target = document.createElement('span');
  try { temml.render(formula, target, {trust: false, throwOnError: true, maxExpand: 300, maxSize: [20, 20], macros: {}}); }
  catch (error) { return [performance.now() - began, false]; }
  return [performance.now() - began, target.querySelector('math') !== null];
});
"""


def timed(function):
    began = time.perf_counter()
    function()
    return round(time.perf_counter() - began, 3)


def ready(driver, script, seconds=60):
    driver.until(script, seconds)


def memory(process):
    """Peak resident bytes of the server."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def processor(process):
    """Seconds of processor time that the server took so far: what others do on the machine is not in it."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pool(characters, many=500):
    """Texts of that length, each with its own first line, so that a made run of any size takes minutes."""
    draw = random.Random(1)
    bodies = []
    for _ in range(many):
        steps = []
        while sum(map(len, steps)) < characters - 80:
            c, d = draw.randrange(2, 900), draw.randrange(2, 900)
            steps.append(f"Then {c} + {d} = {c + d}, and by $x^{{2}} = {c}$ we go on with {draw.randrange(10**9)}.")
        bodies.append("\n\n".join(steps))

    def text(number, sample):
        return f"There are {number + 3} wagons.\n\n{bodies[(number * 7 + sample) % many]}", "The answer is 6."

    return text


def measured(folder, traces, characters):
    problems = traces * 5 // 4 // SAMPLES
    made = timed(
        lambda: make_run(folder / "run", problems=problems, samples=SAMPLES, hostile=pool(characters), scores=False)
    )
    found = {"traces": traces, "characters": characters, "seconds to make the run": made}
    began = time.perf_counter()
    with serving(folder / "run", cache=folder / "cache") as served:
        found["index, seconds"] = round(time.perf_counter() - began, 2)
        found["index, processor seconds"] = processor(served.process)
        found["peak MB while it indexes"] = round(memory(served.process) / 1e6)
    with serving(folder / "run", cache=folder / "cache") as served, browser(1280, 900, folder / "profile") as driver:
        base = f"http://127.0.0.1:{served.port}/"
        rows = "return document.querySelectorAll('.row').length"
        found["first page, seconds"] = timed(lambda: (driver.go(served.link), ready(driver, rows)))
        filters, taken = [], []
        for query in (
            "outcome=wrong",
            "outcome=wrong&model=r1",
            "drop=kept&sort=characters&desc=1",
            "domain=logic&min_difficulty=0.5",
        ):
            driver.script(f"location.hash = '#/list?{query}'")
            mark = f"return location.hash.endsWith({json.dumps(query)}) && window.done === {json.dumps(query)}"
            script = (
                "const observer = new MutationObserver(() => { if (document.querySelector('.total')) { window.done = arguments[0]; "
                "window.took = performance.now() - window.began; observer.disconnect(); } });"
                "observer.observe(document.querySelector('#main'), {childList: true}); window.began = performance.now();"
                "location.hash = `#/list?${arguments[0]}`;"
            )
            driver.call("POST", "/execute/sync", script="location.hash = '#/list?sort=model'", args=[])
            time.sleep(1.5)
            before = processor(served.process)
            driver.call("POST", "/execute/sync", script=script, args=[query])
            ready(driver, mark)
            taken.append(round(processor(served.process) - before, 2))
            filters.append(driver.script("return window.took") / 1000)
        found["filters, seconds"] = [round(one, 3) for one in filters]
        found["filters, processor seconds of the server"] = taken
        searches = {}
        for name, words in (
            ("common", "wagons"),
            ("rare", f"There are {problems + 1} wagons."),
            ("absent", "no such words anywhere"),
        ):
            driver.script("globalThis.potstillFirstHit = null; globalThis.potstillSearched = null")
            before = processor(served.process)
            driver.script(f"location.hash = '#/list?q={words.replace(' ', '+')}'")
            ready(driver, "return globalThis.potstillSearched")
            first = driver.script("return globalThis.potstillFirstHit")
            searches[name] = {"first hit": None if first is None else round(first / 1000, 3),
                              "whole": round(driver.script("return globalThis.potstillSearched") / 1000, 3),
                              "processor": round(processor(served.process) - before, 2)}  # fmt: skip
        found["searches, seconds"] = searches
        key = served.json("/api/list?limit=1")["rows"][0]["key"]
        driver.go("about:blank")
        found["a trace, seconds"] = timed(
            lambda: (
                driver.go(f"{base}#/response/{key}"),
                ready(driver, "return document.querySelectorAll('.step').length"),
            )
        )
        found["peak MB of the server"] = round(memory(served.process) / 1e6)
        found["console"] = driver.console()
    return found


def formulas_of(files, most=3000):
    """Return the number of traces that were read, and each formula in them once."""
    found, traces = {}, 0
    for file in files:
        data = gzip.open(file, "rt") if str(file).endswith(".gz") else open(file)
        with data as lines:
            for line in itertools.islice(lines, most - traces):
                row, traces = json.loads(line), traces + 1
                for name in ("reasoning", "response"):
                    found |= dict.fromkeys(next(filter(None, one)) for one in FORMULA.findall(row.get(name) or ""))
    return traces, list(found)


def drawn(folder, files):
    """Draw each formula in the page, where Temml is loaded and the policy holds."""
    traces, formulas = formulas_of(files)
    make_run(folder / "small", problems=2, samples=1)
    with serving(folder / "small", cache=folder / "cache") as served, browser(1280, 900, folder / "profile2") as driver:
        driver.go(served.link)
        ready(driver, "return globalThis.temml && document.querySelectorAll('.row').length")
        times = [
            one for start in range(0, len(formulas), AT_ONCE)
            for one in driver.call("POST", "/execute/sync", script=DRAW, args=[formulas[start : start + AT_ONCE]])
        ]  # fmt: skip
        milliseconds = [one[0] for one in times]
        return {
            "traces": traces, "formulas": len(formulas), "drawn": sum(one[1] for one in times),
            "shown as source": sum(not one[1] for one in times), "median ms": round(statistics.median(milliseconds), 3),
            "longest ms": round(max(milliseconds), 2), "console": driver.console()[:5],
        }  # fmt: skip


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--traces", type=int, default=100_000)
    options.add_argument("--characters", type=int, default=4_000)
    options.add_argument("--formulas", nargs="*", default=[])
    asked = options.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background would have the servers ignore it
    with tempfile.TemporaryDirectory() as temporary:
        found = measured(Path(temporary), asked.traces, asked.characters)
        if asked.formulas:
            found["mathematics"] = drawn(Path(temporary), asked.formulas)
    found["load of the machine, mean of 5 minutes"] = round(os.getloadavg()[1], 1)
    found["machine"] = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(),
                        "memory GB": round(psutil.virtual_memory().total / 1e9)}  # fmt: skip
    found["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
