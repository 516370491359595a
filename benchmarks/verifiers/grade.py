"""One grader in a process of its own: rows as JSON lines in, a verdict a line out.

    python grade.py GRADER ROWS.jsonl FIRST

Needs nothing of potstill unless the grader does. `true`, `false`, `null` (it cannot say) or `"error"` go out; what a
grader prints by itself does not. A row that never ends is for whoever started this process to end.
"""

import contextlib
import json
import logging
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from graders import GRADERS


def main(name: str, path: str, first: int) -> None:
    """Grade the rows from the given one on."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    grade = GRADERS[name].make()
    with open(path, encoding="utf-8") as lines:
        with contextlib.suppress(Exception):
            grade({**json.loads(next(lines)), "response": "It is 2."})  # imports at the first call are no part of a row
        lines.seek(0)
        print("ready", file=out)
        for number, line in enumerate(lines):
            if number < first:
                continue
            try:
                said = grade(json.loads(line))
            except Exception:  # noqa: BLE001 - whatever a grader raises is its verdict on the row
                said = "error"
            print(json.dumps(said), file=out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
