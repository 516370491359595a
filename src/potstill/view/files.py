"""The files of the page: those of this package, and Temml, which is not part of it, where it is installed."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

STATIC = (
    "index.html", "look.css", "main.js", "dom.js", "api.js", "link.js", "list.js", "problem.js", "trace.js", "steps.js",
    "prose.js", "maths.js", "code.js", "compare.js", "label.js", "people.js", "keys.js", "bundled.js",
)  # fmt: skip
"""Every file that is served, by name: no other path leads to a file."""
TEMML = {"temml.min.js": "temml.min.js", "temml.css": "Temml-Local.css", "Temml.woff2": "Temml.woff2"}
"""What the page asks for -> the file of the npm package `temml`."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2"}
_ABSENT = {
    "temml.min.js": b"// Temml is not installed: mathematics is shown as its source.\n",
    "temml.css": b"/* Temml is not installed. */\n",
    "Temml.woff2": b"",
}


def static(name: str) -> bytes:
    """Return a file of the page.

    Raises:
        KeyError: there is none of this name.
    """
    if name not in STATIC:
        raise KeyError(name)
    return files("potstill.view").joinpath("static", name).read_bytes()


def temml_folder() -> Path | None:
    """Return where Temml is installed (`make install`, or the wheel), or None: then formulas are shown as source."""
    folder = Path(sys.prefix, "share", "potstill", "temml")
    return folder if all((folder / name).is_file() for name in TEMML.values()) else None


def temml(name: str) -> bytes:
    """Return a file of Temml, or one that says that it is absent.

    Raises:
        KeyError: there is none of this name.
    """
    folder = temml_folder()
    return _ABSENT[name] if folder is None else (folder / TEMML[name]).read_bytes()
