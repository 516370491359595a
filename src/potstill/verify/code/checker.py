"""The tests' end: holds the expected values and asks the program. Runs in a sandbox only, behind wire.py and peer.py.

Names that the tests use and do not define themselves come, in this order, from the code of the question, from the
builtins and the standard library, and from the program. Only the function under test comes from the program first.
"""

from __future__ import annotations

import ast
import builtins
import sys
from types import FrameType
from typing import Any

from potstill.verify.code.peer import Peer, Unsupported, begin, channel, execute

NAME = "tests"
SHOWN = 200
"""Characters of a test's text in a reason."""


class UnfitError(Exception):
    """The tests cannot be run as they are."""


class MissingError(Exception):
    """The program does not define what the tests call."""


def check(descriptor: int, nonce: str) -> None:
    """Run the tests that come first over the channel, and report once, with the sandbox's nonce."""
    send, receive = channel(descriptor)
    module = type(sys)(NAME)
    sys.modules[NAME] = module
    peer = Peer(send, receive, module.__dict__, guarded=True)
    send("=" + peer.write("ready"))
    task = peer.read(receive())
    try:
        outcome, reason = "passed", _Tests(peer, module.__dict__, task).run()
    except Unsupported as error:
        outcome, reason = "unsupported", str(error)
    except UnfitError as error:
        outcome, reason = "unfit", str(error)
    except MissingError as error:
        outcome, reason = "failed", str(error)
    except BaseException as error:  # noqa: BLE001 - whatever a test raises is its result
        outcome, reason = _outcome(error, task["units"], peer.used)
    send("." + peer.write((nonce, outcome, reason)))
    receive()


class _Tests:
    """The units of a task: dicts of `title` and `text`, run one after another in one namespace."""

    def __init__(self, peer: Peer, namespace: dict[str, Any], task: dict[str, Any]) -> None:
        self.peer, self.namespace, self.task = peer, namespace, task
        try:
            self.trees = [ast.parse(unit["text"], unit["title"]) for unit in task["units"]]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UnfitError(f"the tests are no Python: {error}") from None

    def run(self) -> str:
        """Run all units and return what was run; raises whatever a failing test raises."""
        if self._asserts_nothing():
            raise UnfitError("the tests assert nothing")
        entry = self._bind()
        statements = _statements(self.trees, self.task["units"])
        self.peer.discarded = lambda: _place(sys._getframe(3)) in statements
        for unit, tree in zip(self.task["units"], self.trees, strict=True):
            execute(tree, unit["title"], self.namespace)
        if self._check_is_uncalled():
            if entry is None:
                raise UnfitError("nothing says which function is tested: the problem needs an `entry_point`")
            self.namespace["check"](entry)
        return f"{len(self.trees)} units"

    def _bind(self) -> object:
        """Give the tests the names that they use and do not define; return the function under test, if declared."""
        entry_point, program = self.task["entry_point"], set(self.task["names"])
        begin(self.task["question"], "question", self.namespace)
        entry = None
        if entry_point:
            entry = self.namespace[entry_point] = self._take(entry_point)
            self.namespace.setdefault("candidate", entry)
        loaded, defined, called = _names(self.trees)
        free = loaded - defined - {entry_point, "candidate"}
        tested = {name for name in free & called if not hasattr(builtins, name)}
        if not entry_point and not tested:
            tested = free & called & program
        for name in sorted(free):
            under_test = name in tested and not entry_point
            if under_test and (name in program or "Solution" in program):
                self.namespace[name] = self._take(name)
            elif name in self.namespace or hasattr(builtins, name):
                continue
            elif name in sys.stdlib_module_names and name not in called:
                self.namespace[name] = __import__(name)
            elif name in program:
                self.namespace[name] = self._take(name)
            elif under_test:
                raise MissingError(f"the program defines no {name}")
        return entry

    def _take(self, name: str) -> object:
        try:
            return self.peer.ask("name", name)
        except (KeyError, AttributeError):
            raise MissingError(f"the program defines no {name}") from None

    def _check_is_uncalled(self) -> bool:
        nodes = [node for tree in self.trees for node in ast.walk(tree)]
        defined = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in nodes)
        return defined and not any(_callee(node) == "check" for node in nodes)

    def _asserts_nothing(self) -> bool:
        nodes = (node for tree in self.trees for node in ast.walk(tree))
        return not any(
            isinstance(node, ast.Assert | ast.Raise)
            or (isinstance(node, ast.Attribute) and node.attr.lower().startswith("assert"))
            for node in nodes
        )


def _names(trees: list[ast.Module]) -> tuple[set[str], set[str], set[str]]:
    """Return the names that are read, those that are bound anywhere, and those that are called."""
    loaded: set[str] = set()
    defined: set[str] = set()
    called: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.alias):
            defined.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            defined.add(node.name)
        called.add(_callee(node))
    return loaded, defined, called - {""}


def _place(frame: FrameType) -> tuple[str, int]:
    return frame.f_code.co_filename, frame.f_lineno


def _callee(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _statements(trees: list[ast.Module], units: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """Return the lines on which a call is a statement of its own."""
    lines: set[tuple[str, int]] = set()
    for tree, unit in zip(trees, units, strict=True):
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                last = node.end_lineno or node.lineno
                lines.update((unit["title"], line) for line in range(node.lineno, last + 1))
    return lines


def _outcome(error: BaseException, units: list[dict[str, Any]], used: bool) -> tuple[str, str]:
    """Return the outcome of a test that raised, and where.

    `used`: it has used the program, and what the tests then cannot cope with is the program's. Else it is their own.
    """
    texts = {unit["title"]: unit["text"].splitlines() for unit in units}
    where, trace = "", error.__traceback__
    while trace is not None:
        title = trace.tb_frame.f_code.co_filename
        if title in texts and 0 < trace.tb_lineno <= len(texts[title]):
            where = f"{title}: {texts[title][trace.tb_lineno - 1].strip()[:SHOWN]}"
        trace = trace.tb_next
    of_the_program = getattr(error, "of_the_program", None)
    if of_the_program is not None:
        return "failed", f"{where}\n{of_the_program[:SHOWN]}"
    if isinstance(error, AssertionError):
        return "failed", where
    named = f"{type(error).__name__}: {str(error)[:SHOWN]} in {where}"
    if isinstance(error, ImportError) or (isinstance(error, MemoryError) and not used):
        return "unsupported", named
    if isinstance(error, NameError) or (isinstance(error, SystemExit) and not error.code):
        return "unfit", named
    return "failed" if used or isinstance(error, Exception) else "unfit", named
