"""Assert a run's table from its report.json: used by the gate, and by anyone who wants to know."""

import argparse
import json
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("report")
parser.add_argument("--traces", type=float, required=True, help="least accuracy of the traces student")
parser.add_argument("--margin", type=float, required=True, help="least lead over every other row")
parser.add_argument("--problems", type=int, default=200)
options = parser.parse_args()

rows = {row["student"]: row for row in json.loads(Path(options.report).read_text(encoding="utf-8"))["measures"]}
for row in rows.values():
    interval = f"[{row['low']:.3f}, {row['high']:.3f}]"
    print(f"{row['student']:<10} {row['accuracy']:.3f} {interval} on {row['problems']} problems")
traces = rows.pop("traces")
rest = max(row["accuracy"] for row in rows.values())
if set(rows) != {"base", "answers"} or traces["problems"] < options.problems:
    sys.exit("the table lacks a row, or problems")
if traces["accuracy"] < options.traces or traces["accuracy"] - rest < options.margin:
    sys.exit(
        f"traces {traces['accuracy']:.3f} against {rest:.3f}: below {options.traces} or a lead of {options.margin}"
    )
