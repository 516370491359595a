"""`python -m potstill`, and the command `potstill`."""

from potstill import interrupt

interrupt.while_starting()

try:
    from potstill.cli import entry
except MemoryError:
    interrupt.end_without_memory()

if __name__ == "__main__":
    entry()
