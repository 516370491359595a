"""`python -m potstill`, and the command `potstill`."""

from potstill import interrupt

interrupt.while_starting()

from potstill.cli import entry  # noqa: E402 - Ctrl-C is heard first

if __name__ == "__main__":
    entry()
