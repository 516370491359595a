"""`python -m potstill`."""

from potstill.cli import entry

entry()
