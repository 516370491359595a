"""Assert a run's table from its report.json: used by the gate, and by anyone who wants to know."""

import argparse
import json
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("report")
parser.add_argument("--traces", type=float, help="least accuracy of the traces student, beside base and answers")
parser.add_argument("--margin", type=float, default=0.0, help="least lead of traces over every other row")
parser.add_argument("--over", metavar="ARM", help="an arm that the delivered one has to be ahead of")
parser.add_argument("--by", type=float, default=0.0, help="least lead over it, problem by problem")
parser.add_argument("--p", type=float, default=0.01, help="chance of such a lead without a difference has to be lower")
parser.add_argument("--problems", type=int, default=200)
options = parser.parse_args()

report = json.loads(Path(options.report).read_text(encoding="utf-8"))
rows = {row["student"]: row for row in report["measures"]}
for row in rows.values():
    interval = f"[{row['low']:.3f}, {row['high']:.3f}]"
    print(f"{row['student']:<10} {row['accuracy']:.3f} {interval} on {row['problems']} problems")
if min(row["problems"] for row in rows.values()) < options.problems:
    sys.exit(f"fewer than {options.problems} problems")
if options.traces is not None:
    traces = rows.pop("traces")
    rest = max(row["accuracy"] for row in rows.values())
    if set(rows) != {"base", "answers"}:
        sys.exit("the table lacks a row")
    if traces["accuracy"] < options.traces or traces["accuracy"] - rest < options.margin:
        sys.exit(
            f"traces {traces['accuracy']:.3f} against {rest:.3f}: below {options.traces} or a lead of {options.margin}"
        )


def tables(node):
    """Yield the tables of a report."""
    if isinstance(node, dict):
        if node.get("node") == "table":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from tables(each)


if options.over is not None:
    paired = next(table for table in tables(report) if "problem by problem" in table["title"])
    names = [column["name"] for column in paired["columns"]]
    found = next(dict(zip(names, row, strict=True)) for row in paired["rows"] if row[0] == options.over)
    print(f"{paired['title']}: {found['difference']:+.3f} over {options.over}, p {found['p']:.2g}")
    if found["difference"] < options.by or found["p"] >= options.p:
        sys.exit(f"a lead of {found['difference']:.3f} over {options.over}, wanted {options.by} at p < {options.p}")
