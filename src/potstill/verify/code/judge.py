"""The verdict on a program: right when it passes all its tests, wrong when it fails one.

The program runs in one sandbox and the tests, with what they expect, in another, or out here where they are plain calls
with plain values or texts to compare. This process carries lines from one to the other and decides by the report of the
tests' side alone: nothing that a program prints, raises, patches or ends counts for more than the values it returns.

Wrong is: a failed assertion, an exception, a missing function, wrong output, a non-zero exit code, ending before the
tests have, exceeding a declared limit (time, memory, output), and tests that do not end with what the program returned.
Unknown is: no program in the response, tests that cannot be run by themselves, what the sandbox has not, and every
failure of the sandbox itself. A program has no way to the causes that leave a rate ("unparsable gold", "timeout",
"infrastructure"): these are decided by what happens without it, or before it is asked for anything but its names.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from potstill.records import Cause
from potstill.verify.code.calls import Expectation, plain_calls, same_json, same_output
from potstill.verify.code.drivers import driver
from potstill.verify.code.programs import code_of, preamble_of, program_of
from potstill.verify.code.shapes import ProgramTests
from potstill.verify.code.wire import NotPlainError, WireError, decode, encode
from potstill.verify.judged import Judged
from potstill.verify.sandbox import Limits, Ran, Sandbox, SandboxError, Session
from potstill.verify.sandbox.watch import kills_for_memory

MAX_PROGRAM = 1_000_000
"""Characters of a program; a longer one is refused."""
PLAIN_TEXT = 200_000
PLAIN_HASHED = 1_000
"""Characters, and members of sets and dicts, of a value that is compared out here; a larger one goes to the tests."""
NAMES = 1_000, 100
"""Names of a program that are looked at, and characters of one."""
START_SECONDS = 30.0
"""For a driver to be ready; a machine that takes longer is in trouble."""
CHECKER: Final = Limits(memory_mb=1024, output_bytes=64 << 20)
SHOWN = 300
"""Characters of a reason."""


class _Decided(Exception):  # noqa: N818 - not an error
    """The verdict is known before the tests are through."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


class _KilledError(_Decided):
    """The program was killed, or ended itself as if it had been."""


def judge_program(response: str, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> Judged:
    """Judge the program in a response by its tests; `limits.seconds` are for the program with all its tests."""
    method = f"{tests.shape}, {sandbox.isolation}"
    program = program_of(response, tests.function, tests.prompt)
    if program is None:
        return Judged("unknown", "unparsable prediction", method, reason="no program in the response")
    if len(program) > MAX_PROGRAM:
        return Judged("unknown", "unsupported", method, reason=f"program longer than {MAX_PROGRAM:,} characters")
    try:
        _judge_again(program, tests, sandbox, limits)
    except _Decided as decided:
        shown = decided.reason[:SHOWN].encode("utf-8", "backslashreplace").decode()
        if decided.outcome == "wrong":
            return Judged("wrong", "", method, 0.0, program, shown)
        cause: Cause = decided.outcome  # type: ignore[assignment]
        return Judged("unknown", cause, method, None, program, shown)
    except SandboxError as error:
        return Judged("unknown", "infrastructure", method, None, program, str(error)[:SHOWN])
    return Judged("right", "", method, 1.0, program)


def _judge_again(program: str, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> None:
    """Judge, and once more where the program was killed: by the machine, or by itself, which looks the same.

    Killed again, it is the program's own doing, unless the kernel says that it has killed for want of memory.
    """
    try:
        return _judge(program, tests, sandbox, limits)
    except _KilledError:
        kills = kills_for_memory()
    try:
        return _judge(program, tests, sandbox, limits)
    except _KilledError as killed:
        if kills_for_memory() > kills:
            raise _Decided("infrastructure", f"the machine ran out of memory ({killed.reason})") from None
        raise _Decided("wrong", f"{killed.reason}, twice") from None


def _judge(program: str, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> None:
    if tests.shape == "stdin":
        return _run(program, tests, sandbox, limits)
    if tests.shape == "calls":
        with _Program(program, tests, sandbox, limits) as candidate:
            return _call_json(candidate, tests)
    expectations = plain_calls(tests)
    if expectations is not None:
        try:
            with _Program(program, tests, sandbox, limits) as candidate:
                return _call_all(candidate, expectations, tests)
        except NotPlainError:
            pass
    with _Program(program, tests, sandbox, limits) as candidate:
        return _check(candidate, tests, sandbox, limits)


def _run(program: str, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> None:
    """Run the whole program once a test, with its input, and compare what it printed."""
    left = limits.seconds
    for number, (given, expected) in enumerate(tests.pairs, 1):
        ran = sandbox.run(
            program.encode("utf-8", "surrogatepass"), stdin=given.encode("utf-8", "surrogatepass"),
            limits=replace(limits, seconds=max(left, 0.01)),
        )  # fmt: skip
        left -= ran.seconds
        where = f"test {number} of {len(tests.pairs)}"
        if ran.ended != "exit":
            raise _over(ran, limits, where)
        if ran.code != 0:
            raise _raised(_last_line(ran.stderr) or f"exit code {ran.code}", where, program)
        if not same_output(ran.stdout, expected, tests.tolerance):
            raise _Decided("wrong", f"{where}: wrong output")


def _last_line(stderr: bytes) -> str:
    lines = stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _over(ran: Ran, limits: Limits, where: str) -> _Decided:
    """Return the verdict on a program that its sandbox ended, or that ended before it should."""
    if ran.ended == "signal":
        if ran.code == -9:  # not of our sending: the machine ran out of memory, or somebody ended it, or it did so
            return _KilledError("infrastructure", f"the program was killed at {where}")
        return _Decided("wrong", f"the program crashed at {where} (signal {-(ran.code or 0)})")
    said = {
        "timeout": f"time limit of {limits.seconds:g} s",
        "memory": f"memory limit of {limits.memory_mb} MB",
        "output": f"output limit of {limits.output_bytes:,} bytes",
        "exit": "the program ended before its tests",
    }[ran.ended]
    return _Decided("wrong", f"{said} ({where})")


def _raised(described: str, where: str, program: str) -> _Decided:
    """Return the verdict on a program that raised: wrong, but for a package that it imports and the sandbox has not."""
    kind, _, message = described.partition(": ")
    if kind == "ModuleNotFoundError":
        module = message.removeprefix("No module named ").strip("'\"").partition(".")[0]
        imported = re.search(rf"\b(?:import|from)\b[^\n]*\b{re.escape(module)}\b", program)
        if imported and module not in sys.stdlib_module_names:
            return _Decided("unsupported", f"the program needs the package {module}, which the sandbox has not")
    if kind == "MemoryError":
        return _Decided("wrong", f"memory limit ({where})")
    return _Decided("wrong", f"the program raised {described} ({where})")


class _Reference:
    """An object that stayed in the program's sandbox."""

    def __init__(self, tag: str, name: str) -> None:
        if tag != "h":
            raise WireError("a reference to nothing of ours")
        self.number = name.partition(" ")[0]


def _written(reference: object) -> str:
    if not isinstance(reference, _Reference):
        raise WireError("an object of the host")
    return f"y{reference.number};"


class _Program:
    """The program in its sandbox, answering what it is asked; its clock runs from a question to its answer."""

    def __init__(self, program: str, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> None:
        self.text, self._limits, self._left = program, limits, limits.seconds
        self._found: dict[str, _Reference] = {}
        patient = replace(limits, seconds=2 * limits.seconds + 2 * START_SECONDS)
        self._session = sandbox.open(driver("candidate"), limits=patient)
        preamble = preamble_of(tests.prompt, tests.function) if tests.function else ""
        try:
            _await_ready(self._session)
            names = self._read(self.answer(encode((preamble, program)), "loading"), "loading", _Reference, 0)
            if not isinstance(names, list):
                raise _forged("loading")
            most, longest = NAMES
            self.names = frozenset(name for name in names[:most] if isinstance(name, str) and len(name) <= longest)
        except BaseException:
            self._session.finish()
            raise

    def __enter__(self) -> _Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.finish()

    def answer(self, line: str, where: str) -> str:
        """Send a line and return the next one; raises `_Decided` when the program ends, or its time."""
        started = time.monotonic()
        self._session.send(line.encode("utf-8", "surrogatepass"))
        found = self._session.receive(max(self._left, 0.001))
        self._left -= time.monotonic() - started
        if found is None:
            raise _over(self._session.finish(), self._limits, where)
        text = _text(found)
        if text[:1] not in ("=", "!", "?"):
            raise _forged(where)
        return text

    def find(self, where: str, function: str) -> _Reference:
        """Return the function of this name; raises `_Decided` where the program defines none."""
        if function in self._found:
            return self._found[function]
        if function not in self.names and "Solution" not in self.names:
            raise _Decided("wrong", f"the program defines no {function}")
        found = self._value(self.answer("?" + encode(("name", function)), where), where, _Reference)
        if not isinstance(found, _Reference):
            raise _Decided("wrong", f"the program's {function} is no function")
        self._found[function] = found
        return found

    def call(
        self,
        where: str,
        function: _Reference,
        arguments: tuple[object, ...],
        named: Mapping[str, object],
        room: int = 0,
    ) -> object:
        """Return the plain value of a call; raises `NotPlainError` for one that is large or no plain value.

        `room` is for a value that is expected to be large: characters beyond `PLAIN_TEXT`.
        """
        try:
            request = encode(("call", function, arguments, dict(named)), _written)
        except WireError as error:
            raise _Decided("unsupported", f"the arguments do not travel: {error} ({where})") from None
        line = self.answer("?" + request, where)
        if len(line) > PLAIN_TEXT + room:
            raise NotPlainError("a large value")
        return self._value(line, where, None)

    def _value(self, line: str, where: str, reference: type[_Reference] | None) -> object:
        value = self._read(line, where, reference, PLAIN_HASHED)
        if not isinstance(value, tuple) or len(value) != 2:
            raise _forged(where)
        return value[0]

    def _read(self, line: str, where: str, reference: type[_Reference] | None, hashed: int) -> object:
        try:
            value = decode(line[1:], reference, hashed)
        except NotPlainError:
            if reference is None:
                raise
            raise _forged(where) from None
        except WireError:
            raise _forged(where) from None
        if line[0] == "=":
            return value
        match value if line[0] == "!" else None:
            case ([str(name), *_], tuple(), str(message)):
                raise _raised(f"{name}: {message}", where, self.text)
        raise _forged(where)


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return " "


def _forged(where: str) -> _Decided:
    return _Decided("wrong", f"the program wrote into the channel of its tests ({where})")


def _await_ready(session: Session) -> None:
    if session.receive(START_SECONDS) is None:
        ran = session.finish()
        raise SandboxError(f"no program starts in the sandbox: {_last_line(ran.stderr) or ran.ended}")


def _call_json(program: _Program, tests: ProgramTests) -> None:
    for number, call in enumerate(tests.calls, 1):
        where = f"call {number} of {len(tests.calls)}"
        function = program.find(where, call.function)
        try:
            room = 4 * len(encode(call.expected))
        except WireError as error:
            raise _Decided("unsupported", f"{where}: the expected value does not travel: {error}") from None
        try:
            value = program.call(where, function, call.arguments, {}, room)
        except NotPlainError as error:
            raise _Decided("wrong", f"{where}: {call.function} returned no JSON value ({error})") from None
        if not same_json(value, call.expected, tests.tolerance):
            raise _Decided("wrong", f"{where}: {call.function} returned another value")


def _call_all(program: _Program, expectations: tuple[Expectation, ...], tests: ProgramTests) -> None:
    for number, one in enumerate(expectations, 1):
        where = f"test {number} of {len(expectations)}"
        function = program.find(where, tests.entry_point if tests.shape == "check" else one.function)
        if not one.holds(program.call(where, function, one.arguments, one.named)):
            raise _Decided("wrong", f"{where} failed: {one.text}")


def _check(program: _Program, tests: ProgramTests, sandbox: Sandbox, limits: Limits) -> None:
    """Run the tests in a sandbox of their own and carry lines between it and the program until it reports."""
    units = [{"title": f"test {number}", "text": text} for number, text in enumerate(tests.asserts, 1)]
    if tests.shape == "check":
        units = [{"title": "check", "text": tests.check}]
    if tests.setup.strip():
        units.insert(0, {"title": "setup", "text": tests.setup})
    question = code_of(tests.prompt, tests.function) if tests.function else ""
    task = {"units": units, "names": sorted(program.names), "entry_point": tests.entry_point, "question": question}
    limit = replace(CHECKER, seconds=2 * limits.seconds + 2 * START_SECONDS)
    with sandbox.open(driver("checker"), limits=limit) as session:
        _await_ready(session)
        line, left, used = encode(task), limits.seconds, False
        while True:
            started = time.monotonic()
            session.send(line.encode("utf-8", "surrogatepass"))
            found = session.receive(max(left, 0.001))
            left -= time.monotonic() - started
            if found is None:
                raise _tests_over(session.finish(), limits, used)
            line = _text(found)
            if line.startswith("."):
                return _decide(line[1:], session.nonce, program.text)
            naming = line.startswith(_NAMING)
            line = program.answer(line, "during the tests")
            used = used or not naming or len(line) > SHOWN or line.startswith("?")


_NAMING = "?" + encode(("name", "")).removesuffix(encode(""))


def _tests_over(ran: Ran, limits: Limits, used: bool) -> _Decided:
    """Return the verdict where the tests' side did not come to an end; `used`: with something of the program's."""
    if ran.ended == "timeout":
        what, cause = f"took longer than {limits.seconds:g} s", "timeout"
    else:
        what, cause = f"ended without a report: {_last_line(ran.stderr) or ran.ended}", "infrastructure"
    if used:
        return _Decided("wrong", f"with what the program returned, the tests {what}")
    return _Decided(cause, f"the tests themselves {what}")


def _decide(report: str, nonce: str, program: str) -> None:
    """Return for tests that passed; raises `_Decided` for every other report."""
    try:
        match decode(report):
            case (str(word), str(outcome), str(reason)) if word == nonce:
                pass
            case _:
                raise WireError("not the report")
    except WireError:
        raise _Decided("infrastructure", "the report of the tests cannot be read") from None
    if outcome == "failed":
        kind, described = reason.partition("\n")[::2]
        raise _raised(described, kind, program) if described else _Decided("wrong", reason)
    if outcome != "passed":
        raise _Decided("unparsable gold" if outcome == "unfit" else "unsupported", reason)
