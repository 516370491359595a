"""The failures that a user meets, each ending in one line and an exit code."""

from __future__ import annotations


class PotstillError(Exception):
    """A failure with a name: one line that says what is wrong, where, and what to do about it.

    `exit_code` is what the command ends with. Raise it at the edge where the cause is known, with the file, row or
    key in the message; nothing above it adds to the text.
    """

    exit_code = 2


class RecipeError(PotstillError):
    """A recipe that cannot be run as written: names the file, the line and the key."""


class DataError(PotstillError):
    """Input data that cannot be read as declared: names the file and the row or column."""


class StoreError(PotstillError):
    """A run folder that cannot be read or written: names the path; nothing committed is touched."""


class DamageError(StoreError):
    """A file of a run folder that is not as it was written: names it, and what to do."""


class StaleError(PotstillError):
    """A committed stage would have to be redone, and nobody said so."""


class BusyError(PotstillError):
    """Another process works on the same run folder."""


class MissingExtraError(PotstillError):
    """A package of an extra is absent: says what to install."""

    def __init__(self, needed_for: str, package: str, extra: str) -> None:
        super().__init__(f"{needed_for} needs {package}: pip install 'potstill[{extra}]'")


class TeacherError(PotstillError):
    """A teacher that cannot teach: wrong address, wrong key, unknown model; never a single failed request."""


class CheckpointError(PotstillError):
    """A checkpoint, of whatever model, that cannot be loaded whole: names its tensors or files."""


class StudentError(PotstillError):
    """A student that cannot be rendered or trained as asked."""


class AuditError(StudentError):
    """The audit gate before training found rows that would train the wrong thing."""


class StoppedError(PotstillError):
    """Work that was asked to stop, and has kept what is done; the exit code is that of a process ended by SIGTERM."""

    exit_code = 143


def guess(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return `, did you mean 'x'?` for the closest known word, nothing where none is close."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return `, did you mean 'x'?` for the closest known word, or a list of the known ones where none is close."""
    if close := guess(word, known):
        return close
    shown = ", ".join(sorted(known)[:20])
    return f" (known: {shown})" if known else ""
