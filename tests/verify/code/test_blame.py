"""No program chooses who is to blame: whatever it brings about is wrong, and enters the rate as that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from potstill.evaluate.metrics import UNSCORED
from potstill.verify.answers import Judged
from potstill.verify.code import judge as judging
from potstill.verify.code import read_tests
from potstill.verify.code.judge import judge_program
from potstill.verify.sandbox import Limits, Sandbox, watch

LIMITS = Limits(seconds=0.7, memory_mb=256)
VALUE = ["assert f(3) == [0, 1, 2]"]
WALKED = ["assert list(f(3)) == [0, 1, 2]"]
COUNTED = ["x = f(3)\nassert [x[n] for n in range(len(x))] == [0, 1, 2]"]
SIZED = ["x = f(3)\nassert [0] * len(x) == [0, 0, 0] and 'x' * x[0] == ''"]
ASKED = ["assert f(lambda: 7) == 7"]
STDIN = {"stdin": [["3\n", "0 1 2\n"]]}

ENDS = {
    **{f"exits with {code}": f"import os\ndef f(n): os._exit({code})\nf(1)" for code in (137, 143, 134, 159, 255, 393)},
    "exits with 137 when called": "import os\ndef f(n): os._exit(137)",
    "kills itself": "import os\ndef f(n): os.kill(os.getpid(), 9)\nf(1)",
    "kills itself by a thread": "import os, threading\nthreading.Thread(target=lambda: os.kill(0, 9)).start()\n"
    "def f(n): os.kill(os.getpid(), 9); os._exit(137)",
    "aborts": "import os\ndef f(n): os.abort()\nf(1)",
    "ends itself by its own limit": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))\n"
    "def f(n): return bytearray(1 << 24)\nf(1)",
    "says that memory is out": "def f(n): raise MemoryError\nf(1)",
    "says that a package is missing": "def f(n): raise ModuleNotFoundError(\"No module named 'numpy'\")\nf(1)",
    "says that a name is missing": "def f(n): raise NameError('x')\nf(1)",
    "raises what has no proper name": "E = type('E\\u0000\\ud800\\x1b', (Exception,), {})\n"
    "def f(n): raise E('\\ud800')\nf(1)",
    "raises a long name": "E = type('E' * 100_000, (SystemExit,), {})\ndef f(n): raise E\nf(1)",
}
LENGTH = "class L:\n    def __len__(self): return {}\n    def {}\ndef f(n): return L()"
GIVES = {
    "large values without end": (WALKED, "def f(n):\n    while True: yield 'x' * 500_000"),
    "small values without end": (WALKED, "def f(n):\n    while True: yield 0"),
    "a generator of generators": (WALKED, "def f(n):\n    while True: yield f(n)"),
    "a length of its own": (COUNTED, LENGTH.format("10**12", "__getitem__(self, n): return n")),
    "a length beyond all": (WALKED, LENGTH.format("1 << 62", "__iter__(self): return iter([0])")),
    "a length that fills memory": (SIZED, LENGTH.format("10**11", "__getitem__(self, n): return 0")),
    "a number that fills memory": (SIZED, "def f(n): return [10**11, 0, 0]"),
    "a number that never ends": (["assert sum(range(f(3))) == 3"], "def f(n): return 10**15"),
    "keys that collide": (WALKED, "def f(n): return {n * (2**61 - 1) for n in range(90_000)}"),
    "questions without end": (ASKED, "def f(given):\n    while True: given()"),
    "questions about everything": (ASKED, "def f(given):\n    while True: given._peer.ask('name', 'x')"),
    "a question for each name": (ASKED, "import __main__\ndef write(self, value): raise SystemExit\n"
                                        "__main__.Peer.write = write\ndef f(given): return 7"),
    "names without end": (VALUE, "for n in range(200_000): globals()['n%d' % n] = 0"),
    "a signalling number": (VALUE, "from decimal import Decimal\ndef f(n): return Decimal('sNaN')"),
    "an exit from the tests": (["import sys\nif f(3) != [0, 1, 2]: sys.exit(1)", *VALUE], "def f(n): return 1"),
}  # fmt: skip

LINES = [
    "=h0 x;",
    "=(2:h0 x;N",
    "!h0 x;",
    "=N",
    "=[1:h0 x;",
    "?(1:N",
    "={9:" + "c1.0,2.0;" * 9,
    "." * 9,
    "=D(1:N",
    "\\x00",
    "",
]
"""What a program may write in place of its end's answers: references, values with none, and worse."""


def judged(program: str, tests: object, sandbox: Sandbox, setup: str = "") -> Judged:
    facts = json.dumps({"tests": tests, "test_setup": setup})
    return judge_program(f"```python\n{program}\n```", read_tests(facts), sandbox, LIMITS)


@pytest.mark.parametrize("tests", [VALUE, WALKED, STDIN], ids=["value", "walked", "stdin"])
@pytest.mark.parametrize("program", ENDS.values(), ids=ENDS)
def test_an_end_of_its_own_making_is_wrong(program: str, tests: object, sandbox: Sandbox) -> None:
    verdict = judged(program, tests, sandbox)
    assert verdict.outcome == "wrong", verdict
    json.dumps(verdict.reason, ensure_ascii=False).encode()  # it can be written down


@pytest.mark.parametrize(("tests", "program"), GIVES.values(), ids=GIVES)
def test_what_the_tests_cannot_cope_with_is_wrong(tests: list[str], program: str, sandbox: Sandbox) -> None:
    for setup in ("", "import math"):
        verdict = judged(program, tests, sandbox, setup)
        assert verdict.outcome == "wrong", verdict


@pytest.mark.parametrize("when", ["", "def f(n):\n    "])
@pytest.mark.parametrize("tests", [VALUE, WALKED, {"calls": [{"function": "f", "arguments": [1], "expected": [0]}]}],
                         ids=["value", "walked", "calls"])  # fmt: skip
def test_a_forged_line_is_wrong(when: str, tests: object, sandbox: Sandbox) -> None:
    for line in LINES:
        where = "for n in range(3, 20) if os.path.exists('/proc/self/fd/%d' % n)"
        write = f"[os.write(n, (b'{line}' + bytes([10])) * 3) {where}]"
        program = f"import os\n{when}{write}\n" + ("" if when else "def f(n): return n")
        verdict = judged(program, tests, sandbox)
        assert verdict.outcome == "wrong", (line, verdict)


def test_a_rate_does_not_rise_by_it(sandbox: Sandbox) -> None:
    """Also what stays unknown, for the packages that a program imports, leaves no rate."""
    verdict = judged("import numpy\ndef f(n): return numpy.arange(n)", VALUE, sandbox)
    assert (verdict.outcome, verdict.cause) == ("unknown", "unsupported")
    assert verdict.cause not in UNSCORED


@pytest.mark.parametrize(
    ("tests", "setup", "cause"),
    [
        (VALUE, "while True: pass", "timeout"),
        (VALUE, "import os; os._exit(0)", "infrastructure"),
        (["assert f(3) == undefined"], "", "unparsable gold"),
        (["assert f(3) == [0, 1"], "", "unparsable gold"),
        (VALUE, "x = [0] * 10**11", "unsupported"),
    ],
)
def test_what_happens_before_the_program_is_asked_is_the_tests_own(
    tests: list[str], setup: str, cause: str, sandbox: Sandbox
) -> None:
    for program in ("def f(n): return list(range(n))", "def f(n): return 1"):
        assert judged(program, tests, sandbox, setup).cause == cause


def test_a_kill_by_the_machine_is_tried_again_and_then_told(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The kernel counts what it kills for want of memory; a kill that happens once harms nothing."""
    runs, kills = [], iter(range(9))

    def run(program: str, *_: object) -> None:
        runs.append(program)
        if len(runs) < 2 or "always" in program:
            raise judging._KilledError("infrastructure", "the program was killed at test 1")

    monkeypatch.setattr(judging, "_judge", run)
    assert judged("f = 'once'", VALUE, sandbox).outcome == "right"
    assert judged("f = 'always'", VALUE, sandbox).outcome == "wrong"
    assert len(runs) == 4
    monkeypatch.setattr(judging, "kills_for_memory", lambda: next(kills))
    verdict = judged("f = 'always'", VALUE, sandbox)
    assert (verdict.outcome, verdict.cause) == ("unknown", "infrastructure")
    assert "out of memory" in verdict.reason
    assert watch.kills_for_memory() >= 0
