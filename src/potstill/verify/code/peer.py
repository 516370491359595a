"""One end of the conversation between a program and its tests. Runs inside the sandboxes only, behind `wire.py`.

Both ends are alike and take turns; the host carries the lines across and reads only their first character:

    ?request     `encode((operation, object, *operands))`; the other end answers it, perhaps after asking back
    =answer      `encode((value, arguments as the call left them, or None))`
    !exception   `encode((names of its classes, arguments, message))`

What does not travel stays in its owner's table and is a `Remote` at the other end: its attributes, calls, items and
iteration are asked for one by one. Comparison is never asked for, so that an expected value does not go where the
program could see it, and `__eq__` of the program's own classes decides nothing.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from potstill.verify.code.wire import WireError, decode, encode

OBJECTS = 100_000
"""Objects that one end keeps for the other."""
PLAIN_ONLY = frozenset(
    ("startswith", "endswith", "issubset", "issuperset", "isdisjoint", "difference", "intersection",
     "symmetric_difference")
)  # fmt: skip
"""Methods that compare; texts and sets travel, and another object that has them is not asked."""
MESSAGE = 2_000
"""Characters of an exception's message."""


class Unsupported(BaseException):
    """The tests ask for what cannot be decided across the border; not for a test's `except Exception` to catch."""


class Remote:
    """An object that lives at the other end."""

    __slots__ = ("_kind", "_number", "_peer")
    _kind: str
    _number: str
    _peer: Peer

    def __init__(self, peer: Peer, number: str, kind: str) -> None:
        for name, value in (("_peer", peer), ("_number", number), ("_kind", kind)):
            object.__setattr__(self, name, value)

    def __call__(self, *positional: object, **named: object) -> object:  # noqa: D102 - like any function's
        return self._peer.call(self, positional, named)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PLAIN_ONLY:
            raise Unsupported(f"the tests leave a comparison to an object of the program's own ({self._kind}.{name})")
        return self._peer.ask("get", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._peer.ask("set", self, name, value)

    def __getitem__(self, key: object) -> object:
        return self._peer.ask("item", self, key)

    def __iter__(self) -> Remote:
        iterator: Remote = self._peer.ask("iterate", self)
        return iterator

    def __next__(self) -> object:
        return self._peer.ask("next", self)

    def __len__(self) -> int:
        return int(self._peer.ask("length", self))

    def __bool__(self) -> bool:
        return self._peer.ask("truth", self) is True

    def __str__(self) -> str:
        return str(self._peer.ask("text", self))

    def __repr__(self) -> str:
        return f"<{self._kind} of the program>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Remote) and other._number != self._number:
            raise Unsupported(f"the tests compare objects of the program's own ({self._kind})")
        return isinstance(other, Remote)

    def __hash__(self) -> int:
        return hash(self._number)


class Peer:
    """Asks and answers over a channel: `send(line)` and `receive() -> line`, without the ends of lines."""

    def __init__(
        self, send: Callable[[str], None], receive: Callable[[], str], namespace: dict[str, Any], *, guarded: bool
    ) -> None:
        self.send, self.receive, self.namespace, self.guarded = send, receive, namespace, guarded
        self.objects: dict[str, object] = {}
        self.numbers: dict[int, str] = {}
        self.discarded: Callable[[], bool] = lambda: False
        """Whether the call in progress is a statement of its own, so that only what it does to its arguments counts."""
        self.used = False
        """Whether anything of the other end has been used, beyond its names."""

    def ask(self, operation: str, *operands: object) -> Any:  # noqa: ANN401
        """Ask the other end and return its answer; an exception there is raised here under the same name."""
        return self._ask(operation, operands)[0]

    def call(self, function: Remote, positional: tuple[object, ...], named: dict[str, object]) -> object:
        """Call a function at the other end.

        Lists, dicts, sets and bytearrays that it changed in place change here too, if the call returns None or its
        result is not used; else they stay, so that no program passes by emptying what it is compared with.
        """
        discarded = self.discarded()
        value, changed = self._ask("call", (function, positional, named))
        if changed and (value is None or discarded):
            for mine, after in zip((*positional, *named.values()), changed, strict=True):
                _refill(mine, after)
        return value

    def _ask(self, operation: str, operands: tuple[object, ...]) -> tuple[Any, Any]:
        self.used = self.used or operation != "name"
        self.send("?" + self.write((operation, *operands)))
        while True:
            line = self.receive()
            if not line:
                raise Unsupported("the program's end of the channel is gone")
            if line.startswith("?"):
                self.send(self.answer(line[1:]))
            elif line.startswith("!"):
                raise _exception(self.read(line[1:]), ends=operation == "next")
            else:
                value, changed = self.read(line[1:])
                return value, changed

    def serve(self) -> None:
        """Answer until the other end is gone."""
        while line := self.receive():
            self.send(self.answer(line[1:]))

    def answer(self, text: str) -> str:
        """Return the line that answers a request."""
        try:
            operation, *operands = self.read(text)
            if self.guarded:
                self._guard(operation, *operands)
            if operation == "call":
                return self._called(*operands)
            return "=" + self.write((_OPERATIONS[operation](self, *operands), None))
        except Unsupported:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the program raises belongs to the other end
            return "!" + self.write(described(error))

    def _guard(self, operation: str, owner: object = None, name: object = "", *_: object) -> None:
        """Refuse what would show a program more of the tests than the objects that they hand to it."""
        own = type(owner).__module__ == self.namespace["__name__"] and not str(name).startswith("_")
        if operation == "name" or (operation in ("get", "set") and not own) or id(owner) not in self.numbers:
            raise PermissionError(f"{operation} is not for programs")

    def _called(self, function: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> str:  # noqa: ANN401
        passed = (*positional, *named.values())
        before = [self.write(value) if type(value) in _MUTABLE else "" for value in passed]
        result = self.write(function(*positional, **named))
        changed = any(text and self.write(value) != text for value, text in zip(passed, before, strict=True))
        after = [value if type(value) in _MUTABLE else None for value in passed] if changed else None
        return f"=(2:{result}{self.write(after)}"

    def write(self, value: object) -> str:
        """Return a value as text, with references to what does not travel."""
        return encode(value, self._refer)

    def read(self, text: str) -> Any:  # noqa: ANN401
        """Return the value of a text, with `Remote` for what stayed at the other end."""
        return decode(text, self._resolve)

    def _refer(self, value: object) -> str:
        if type(value) is Remote:
            return f"y{value._number};"
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.objects) >= OBJECTS:
                raise WireError("too many objects of the program's own")
            number = str(len(self.objects))
            self.objects[number] = value
            self.numbers[id(value)] = number
        kind = "".join(c for c in type(value).__qualname__[:80] if c.isascii() and (c.isalnum() or c in "_."))
        return f"h{number} {kind};"

    def _resolve(self, tag: str, name: str) -> object:
        if tag == "y":
            return self.objects[name]
        number, _, kind = name.partition(" ")
        return Remote(self, number, kind)

    def name(self, name: str) -> object:
        """Return what the program calls so: a global, or a method of its class `Solution`."""
        if name in self.namespace:
            return self.namespace[name]
        return getattr(self.namespace["Solution"](), name)


def channel(descriptor: int) -> tuple[Callable[[str], None], Callable[[], str]]:
    """Return `send` and `receive` for lines of text over a socket; an empty line is the end."""
    import os

    rest = bytearray()

    def send(line: str) -> None:
        data = memoryview(line.encode("utf-8", "surrogatepass") + b"\n")
        while data:
            data = data[os.write(descriptor, data) :]

    def receive() -> str:
        looked = 0
        while (end := rest.find(b"\n", looked)) < 0:
            looked = len(rest)
            data = os.read(descriptor, 65_536)
            if not data:
                return ""
            rest.extend(data)
        line = rest[:end].decode("utf-8", "surrogatepass")
        del rest[: end + 1]
        return line

    return send, receive


_MUTABLE = (list, dict, set, bytearray)
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "name": lambda peer, name: peer.name(name),
    "get": lambda peer, owner, name: getattr(owner, name),
    "set": lambda peer, owner, name, value: setattr(owner, name, value),
    "item": lambda peer, owner, key: owner[key],
    "iterate": lambda peer, owner: _Iterator(owner),
    "next": lambda peer, owner: next(owner),
    "length": lambda peer, owner: len(owner),
    "truth": lambda peer, owner: bool(owner),
    "text": lambda peer, owner: str(owner),
}


class _Iterator:
    """An iterator that stays where it is, also where its type would travel."""

    def __init__(self, owner: Any) -> None:  # noqa: ANN401
        self.inner = iter(owner)

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> object:
        return next(self.inner)


def _refill(mine: Any, after: Any) -> None:  # noqa: ANN401
    if after is None or type(mine) is not type(after) or type(mine) not in _MUTABLE:
        return
    mine.clear()
    if isinstance(mine, dict | set):
        mine.update(after)
    else:
        mine.extend(after)


def execute(code: Any, title: str, namespace: dict[str, Any]) -> None:  # noqa: ANN401 - a text or a syntax tree
    """Run code; the only place that does, and its file runs inside sandboxes only."""
    exec(compile(code, title, "exec", dont_inherit=True), namespace)  # noqa: S102 - this is the sandbox


def begin(code: str, title: str, namespace: dict[str, Any]) -> None:
    """Run code of the question: it may be unfinished, and only what it defines matters."""
    try:
        execute(code, title, namespace)
    except Exception:  # noqa: BLE001 - whatever it raises
        return


def described(error: BaseException) -> tuple[list[str], tuple[object, ...], str]:
    """Return an exception as it travels: names of its classes, arguments, message."""
    names = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, BaseException)]
    try:
        message = str(error)[:MESSAGE]
    except BaseException as broken:  # noqa: BLE001 - an exception whose own `__str__` raises
        message = f"(no message: {type(broken).__name__})"
    arguments = error.args if all(type(a) in (str, int, float) for a in error.args) else (message,)
    return names, arguments if len(repr(arguments)) < MESSAGE else (message,), message


def _exception(described: Any, ends: bool) -> BaseException:  # noqa: ANN401
    """Return an exception like the one at the other end: of the same name, below the same builtin class.

    The end of an iteration comes only where one was asked to go on: from a call it would end a loop of the tests'.
    """
    names, arguments, message = described
    known = next((name for name in names if name in _EXCEPTIONS and (ends or name not in _ENDS)), "Exception")
    base = _EXCEPTIONS[known]
    kind = base if names[:1] == [known] else type(str(names[0]), (base,), {})
    try:
        error: Any = kind(*arguments)
    except TypeError:
        error = RuntimeError(f"{known}: {message}")
    error.of_the_program = f"{names[0]}: {message}"
    return error  # type: ignore[no-any-return]


_ENDS = ("StopIteration", "StopAsyncIteration", "GeneratorExit")
_EXCEPTIONS: dict[str, type[BaseException]] = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and value.__name__ == name
}
