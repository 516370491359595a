"""The viewer as a folder that opens from the disk: only for reading, with as many responses as were asked for.

A browser loads no modules and fetches nothing under `file://`, so the modules become one plain script, and data are
scripts that hand over a JSON text.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from potstill.durable import writing
from potstill.errors import PotstillError
from potstill.view import files
from potstill.view.comparing import compared, parties
from potstill.view.details import as_json
from potstill.view.index import FACETS, Query
from potstill.view.room import Viewer

CHUNK = 40
"""Responses of one data file."""
STEPS = 400
"""Steps of a response that a bundle holds."""
SIDES = 6
"""Sets and arms that a bundle compares, each with each."""
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; font-src 'self' file:; base-uri 'none'; "
    "form-action 'none'"
)
_PRELOADED = re.compile(r'<link rel="modulepreload"[^>]*>\n')
"""`<link rel="modulepreload" href="/static/dom.js">`"""
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z]+\.js)";$', re.MULTILINE)
"""`import { count, h } from "./dom.js";`"""
_EXPORT = re.compile(r"^export (async function|function|const) (\w+)", re.MULTILINE)
"""`export function prose(`"""


def write_bundle(room: Viewer, out: Path, rows: int) -> str:
    """Write the first `rows` responses to the new folder `out`, and return one line about it.

    Raises:
        PotstillError: there is something at `out` that is no bundle.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "data" / "index.js").is_file())):
        raise PotstillError(f"--bundle {out} is there already and no bundle: name another folder")
    numbers = room.index.chosen(Query()).slice(0, rows).to_pylist()
    with writing(out):
        shutil.rmtree(out / "data", ignore_errors=True)
        (out / "data").mkdir(parents=True)
        (out / "main.js").write_text(script(), encoding="utf-8")
        for name in files.TEMML:
            (out / name).write_bytes(files.temml(name))
        folder = files.temml_folder()
        if folder is not None and (folder / "LICENSE").is_file():
            shutil.copyfile(folder / "LICENSE", out / "temml.LICENSE")
        (out / "look.css").write_bytes(files.static("look.css"))
        (out / "index.html").write_text(_page(), encoding="utf-8")
        _data(room, numbers, out / "data")
    left = len(room.index) - len(numbers)
    more = f", the first of {len(room.index):,}: --rows takes more" if left else ""
    return f"{len(numbers):,} responses{more}; open {out / 'index.html'}"


def _page() -> str:
    page = files.static("index.html").decode()
    own = '<script src="data/index.js" defer></script>\n<script src="main.js" defer></script>'
    page = page.replace('<script src="/static/main.js" type="module"></script>', own)
    page = _PRELOADED.sub("", page)
    page = page.replace("/temml/", "").replace("/static/", "")
    first = '<meta charset="utf-8">'
    return page.replace(first, f'{first}\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">')


def script() -> str:
    """Return the modules of the page as one script: each a function that returns what it exports.

    `bundled.js` stands in the place of `api.js`.
    """
    done: list[str] = []
    pieces: list[str] = []

    def put(name: str) -> None:
        if name in done:
            return
        done.append(name)
        text = files.static("bundled.js" if name == "api.js" else name).decode()
        for found in _IMPORT.finditer(text):
            put(found[2])
        exports = [found[2] for found in _EXPORT.finditer(text)]
        text = _IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_name(found[2])};", text)
        text = _EXPORT.sub(r"\1 \2", text)
        pieces.append(f"const {_name(name)} = (() => {{\n{text}\nreturn {{ {', '.join(exports)} }};\n}})();\n")

    put("main.js")
    return '"use strict";\n(() => {\n' + "".join(pieces) + "})();\n"


def _name(file: str) -> str:
    return f"module_{file.removesuffix('.js')}"


def _data(room: Viewer, numbers: list[int], folder: Path) -> None:
    rows = room.index.shown(numbers)
    columns = room.index.rows.select(["part_of"]).take(numbers)["part_of"].to_pylist()
    for row, part in zip(rows, columns, strict=True):
        row["part_of"] = part
    places: dict[str, int] = {}
    for begin in range(0, len(numbers), CHUNK):
        held = {}
        for row in rows[begin : begin + CHUNK]:
            held[row["key"]] = room.response(row["key"], 0, STEPS)
            places.setdefault(row["key"], begin // CHUNK)
        _write(folder / f"{begin // CHUNK:04d}.js", f"part{begin // CHUNK}", held)
    problems = {}
    keys = {row["key"] for row in rows}
    for number in dict.fromkeys(row["problem"] for row in rows):
        its = room.problem(number)
        its["responses"] = [one for one in its["responses"] if one["key"] in keys]
        problems[str(number)] = its
    _write(folder / "problems.js", "problems", problems)
    sides = parties(room.index)[:SIDES]
    both = {f"{one}\n{other}": compared(room.index, one, other) for one in sides for other in sides}
    _write(folder / "compare.js", "compare", {"parties": sides, "both": both})
    about = {**room.about(), "labels": False, "total": len(rows)}
    _write(folder / "index.js", "index", {"about": about, "rows": rows, "places": places, "facets": FACETS})


def _write(path: Path, name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write a script that hands over a value as text, so that nothing in it can be anything but text."""
    text = json.dumps(as_json(value).decode()).replace("<", "\\u003c")
    path.write_text(f"(globalThis.potstillData ??= {{}})[{json.dumps(name)}] = {text};\n", encoding="ascii")
