"""Verdicts on programs: right, wrong or unknown, and why."""

from __future__ import annotations

import json

import pytest

from potstill.verify.code import judge as judging
from potstill.verify.code import judge_code, read_tests
from potstill.verify.code.judge import judge_program
from potstill.verify.judged import Judged
from potstill.verify.sandbox import Limits, Sandbox, SandboxError

LIMITS = Limits(seconds=1.5, memory_mb=256)
LIST = ["assert f(1) == 2", "assert f(5) == 6"]
CHECK = "def check(candidate):\n    for n in range(5):\n        assert candidate(n) == n + 1\n"
CALLS = {
    "calls": [{"function": "f", "arguments": [1], "expected": 2}, {"function": "f", "arguments": [5], "expected": 6}]
}
STDIN = {"stdin": [["1\n", "2\n"], ["5\n", "6\n"]]}


def judged(program: str, tests: object, sandbox: Sandbox, **facts: object) -> Judged:
    response = f"```python\n{program}\n```"
    return judge_program(response, read_tests(json.dumps({"tests": tests, **facts})), sandbox, LIMITS)


@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
@pytest.mark.parametrize(
    ("program", "outcome", "reason"),
    [
        ("def f(n): return n + 1", "right", ""),
        ("f = lambda n: n + 1", "right", ""),
        ("class Solution:\n    def f(self, n): return n + 1", "right", ""),
        ("def f(n): return n + 1.0", "right", ""),
        ("if __name__ == '__main__':\n    input()\ndef f(n): return n + 1", "right", ""),
        ("def f(n): return n", "wrong", "f(1) == 2"),
        ("def f(n): return 2", "wrong", "test 2"),
        ("def f(n): return str(n + 1)", "wrong", "f(1) == 2"),
        ("def g(n): return n + 1", "wrong", "defines no f"),
        ("f = 7", "wrong", "f"),
        ("def f(n): raise ValueError('bad n')", "wrong", "ValueError: bad n"),
        ("def f(n): return n +", "wrong", "SyntaxError"),
        ("def f(n): return undefined", "wrong", "NameError"),
        ("def f(): return 1", "wrong", "TypeError"),
        ("x = input()\ndef f(n): return n + 1", "wrong", "EOFError"),
        ("def f(n):\n    while True: pass", "wrong", "time limit of 1.5 s"),
        ("def f(n): return len([0] * 10**9)", "wrong", "memory limit"),
        ("def f(n):\n    while True: print('x' * 10000)", "wrong", "output limit"),
        ("def f(n):\n    import ctypes\n    ctypes.string_at(0)", "wrong", "crashed"),
        ("import os\ndef f(n): os._exit(0)", "wrong", "ended before its tests"),
        ("def f(n): return f(n)", "wrong", "RecursionError"),
        ("import not_on_this_machine\ndef f(n): return n + 1", "unknown", "needs the package not_on_this_machine"),
    ],
)
def test_assertions(program: str, outcome: str, reason: str, held: bool, sandbox: Sandbox) -> None:
    verdict = judged(program, LIST, sandbox, test_setup="import math" if held else "")
    assert (verdict.outcome, verdict.score) == (outcome, {"right": 1.0, "wrong": 0.0}.get(outcome))
    assert reason in verdict.reason
    assert verdict.method == f"asserts, {sandbox.isolation}"
    assert bool(verdict.cause) is (outcome == "unknown")


@pytest.mark.parametrize(
    ("tests", "right", "wrong"),
    [
        (CHECK, "def f(n): return n + 1", "def f(n): return n + 1 if n < 4 else 0"),
        ({"check": CHECK, "entry_point": "f"}, "def f(n): return n + 1", "def f(n): pass"),
        (f"{CHECK}\ndef test_check():\n    check(f)\n\ntest_check()\n", "def f(n): return n + 1", "def f(n): return n"),
        ("assert candidate(1) == 1 + 1", "def f(n): return n + 1", "def f(n): return n"),
        (CALLS, "def f(n): return n + 1", "def f(n): return 2"),
        (STDIN, "print(int(input()) + 1)", "print(2)"),
        (
            STDIN,
            "import sys\nn = int(sys.stdin.read())\nsys.stdout.write(f'{n + 1} \\n\\n')",
            "print(int(input()) + 1)\nraise ValueError",
        ),
    ],
)
def test_every_shape(tests: object, right: str, wrong: str, sandbox: Sandbox) -> None:
    assert judged(right, tests, sandbox, entry_point="f").outcome == "right"
    assert judged(wrong, tests, sandbox, entry_point="f").outcome == "wrong"


@pytest.mark.parametrize(
    ("test", "program"),
    [
        ("assert math.isclose(f(1), 2)", "import math\ndef f(n): return n + 1"),
        ("from collections import Counter\nassert Counter(f('aab')) == Counter('aba')", "def f(s): return list(s)"),
        ("assert f([1, 'a', 2], int) == ['a']", "def f(l, t): return [x for x in l if not isinstance(x, t)]"),
        ("assert f([3, 1, 2], key=lambda x: -x) == [3, 2, 1]", "def f(l, key): return sorted(l, key=key)"),
        ("assert f(2)(3) == 5", "def f(a): return lambda b: a + b"),
        ("assert list(f(3)) == [0, 1, 2]", "def f(n): yield from range(n)"),
        ("assert next(f(3)) == 0 and sum(f(3)) == 3", "def f(n): yield from range(n)"),
        ("a = [2, 1]\nf(a)\nassert a == [1, 2]", "def f(a): a.sort()"),
        ("a = [2, 1]\nf(a)\nassert a == [1, 2]", "def f(a):\n    a.sort()\n    return a"),
        ("a = {1: 2}\nassert f(a) is None and a == {}", "def f(a): a.clear()"),
        (
            "stack = f()\nstack.push(3)\nassert stack.items == [3] and len(stack) == 1 and stack[0] == 3",
            "class f:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
            "    def __len__(self): return len(self.items)\n    def __getitem__(self, n): return self.items[n]",
        ),
        (
            "assert str(f(2)) == '<2>' and f(2) and not f(0)",
            "class f:\n    def __init__(self, n): self.n = n\n"
            "    def __str__(self): return f'<{self.n}>'\n    def __bool__(self): return self.n > 0",
        ),
        (
            "try:\n    f(-1)\n    assert False\nexcept ValueError as e:\n    assert str(e) == 'negative'",
            "def f(n):\n    raise ValueError('negative')",
        ),
        ("import unittest\nwith unittest.TestCase().assertRaises(KeyError):\n    f('a')", "def f(k): return {}[k]"),
        (
            "try:\n    f(1)\nexcept Exception as e:\n"
            "    assert type(e).__name__ == 'Odd' and isinstance(e, ArithmeticError)\nelse:\n    assert 0",
            "class Odd(ArithmeticError): pass\ndef f(n): raise Odd(n)",
        ),
        (
            "from fractions import Fraction\nassert f(1, 3) == Fraction(1, 3)",
            "from fractions import Fraction\ndef f(a, b): return Fraction(a, b)",
        ),
        (
            "import datetime\nassert f(datetime.date(2024, 2, 28)) == datetime.date(2024, 2, 29)",
            "import datetime\ndef f(d): return d + datetime.timedelta(days=1)",
        ),
        ("for _ in range(50):\n    x = random.randint(0, 9)\n    assert f(x) == x * x", "def f(x): return x * x"),
        ("assert f('\\x00\\n\\udc80 é') == 5", "def f(s): return len(s)"),
        ("assert sum(10, 15) == 2 and sum(4, 2) == 1", "def sum(a, b): return {10: 2, 4: 1}[a]"),
        ("assert Node(1).data == 1", "class Node:\n    def __init__(self, data): self.data = data"),
    ],
)
def test_what_tests_may_do(test: str, program: str, sandbox: Sandbox) -> None:
    verdict = judged(program, [test], sandbox)
    assert verdict.outcome == "right", verdict
    name = "sum" if "sum(10" in test else "Node" if "Node" in test else "f"
    broken = judged(f"def {name}(*a, **k): return 'something else'", [test], sandbox)
    assert broken.outcome == "wrong", broken


def test_objects_that_the_setup_builds_of_the_programs_own_classes(sandbox: Sandbox) -> None:
    program = (
        "class Node:\n    def __init__(self, value):\n        self.value, self.left, self.right = value, None, None\n"
        "def depth(node): return 0 if node is None else 1 + max(depth(node.left), depth(node.right))"
    )
    setup = "root = Node(1)\r\nroot.left = Node(2)\r\nroot.left.right = Node(3)\r\nlone = Node(4)"
    tests = ["assert depth(root) == 3", "assert depth(lone) == 1"]
    assert judged(program, tests, sandbox, test_setup=setup).outcome == "right"
    assert judged(program.replace("1 + max", "2 + max"), tests, sandbox, test_setup=setup).outcome == "wrong"


@pytest.mark.parametrize(
    ("tests", "facts", "cause"),
    [
        (["assert f(1) =="], {}, "unparsable gold"),
        ("def check(candidate):\n    assert candidate(1) == 2", {}, "unparsable gold"),
        (["x = 1"], {}, "unparsable gold"),
        (["assert f(undefined) == 1"], {}, "unparsable gold"),
        (["import numpy\nassert f(1) == 2"], {}, "unsupported"),
        (["assert f(1) == Odd(1)"], {"test_setup": "import sys; sys.exit(0)"}, "unparsable gold"),
        (["assert f(1) == 2"], {"test_setup": "while True: pass"}, "timeout"),
        (["assert f(1) == 2"], {"test_setup": "import os; os._exit(0)"}, "infrastructure"),
        (["assert f(object()) is f(1)"], {}, "unsupported"),
    ],
)
def test_tests_that_cannot_decide_leave_it_unknown(
    tests: list[str], facts: dict[str, str], cause: str, sandbox: Sandbox
) -> None:
    program = "class Odd:\n    def __init__(self, n): pass\ndef f(n): return Odd(n)"
    verdict = judged(program, tests, sandbox, **facts)
    if "object()" in tests[0]:
        verdict = judged(program, ["assert f(1) == f(2)"], sandbox)
    assert (verdict.outcome, verdict.cause, verdict.score) == ("unknown", cause, None), verdict


@pytest.mark.parametrize("deep", ["arguments", "expected"])
@pytest.mark.parametrize("shape", ["calls", "asserts"])
def test_tests_beyond_what_travels_are_told(deep: str, shape: str, sandbox: Sandbox) -> None:
    nested = eval("[" * 150 + "]" * 150)
    call = {"function": "f", "arguments": [1], "expected": 2} | {deep: nested}
    held = f"assert f({nested}) == 2" if deep == "arguments" else f"assert f(1) == {nested}"
    verdict = judged("def f(n): return 2", {"calls": [call]} if shape == "calls" else [held], sandbox)
    assert verdict.outcome == ("wrong" if (deep, shape) == ("expected", "asserts") else "unknown"), verdict
    assert verdict.cause in ("", "unsupported", "unparsable gold")


HOSTILE = [
    "decimal.Decimal('sNaN')", "{10**5000: 1}", "{decimal.Decimal('1e9999999'): 1}", "decimal.Decimal('1e9999999')",
    "10**5000", "-10**5000", "{(10**5000,): 1}", "float('nan')", "fractions.Fraction(1, 10**5000)",
    "[decimal.Decimal('NaN')]",    "range(10**18)", "{fractions.Fraction(n, 7): n for n in range(5000)}", "'\\ud800'",
    "{'\\ud800': '\\ud800'}",
    "datetime.timedelta.max", "complex('nan+infj')", "b'' * 3", "frozenset({decimal.Decimal('1e99')})",
]  # fmt: skip


@pytest.mark.parametrize("tests", [LIST, CALLS, ["assert f(1) != 2"], ["assert abs(f(1) - 2) < 1e-9"]], ids=str)
def test_hostile_values_are_wrong_and_no_crash(tests: object, sandbox: Sandbox) -> None:
    for value in HOSTILE:
        program = f"import datetime, decimal, fractions\ndef f(n): return {value}"
        verdict = judged(program, tests, sandbox)
        unequal = isinstance(tests, list) and "!=" in tests[0] and "sNaN" not in value
        assert verdict.outcome == ("right" if unequal else "wrong"), (value, verdict)


def test_no_program_is_unknown(sandbox: Sandbox) -> None:
    verdict = judge_program("I do not know.", read_tests(json.dumps({"tests": LIST})), sandbox, LIMITS)
    assert (verdict.outcome, verdict.cause) == ("unknown", "unparsable prediction")


def test_an_outage_is_never_wrong(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    class Broken:
        isolation = "broken"

        def open(self, _: bytes, *, limits: Limits) -> object:
            raise SandboxError(f"bwrap: no such file, for {limits}")

    for tests in (LIST, CHECK, CALLS):
        verdict = judge_program(
            "def f(n): return n", read_tests(json.dumps({"tests": tests, "entry_point": "f"})), Broken(), LIMITS
        )  # type: ignore[arg-type]
        assert (verdict.outcome, verdict.cause) == ("unknown", "infrastructure")
    monkeypatch.setattr(judging, "driver", lambda end: b"raise OSError('no interpreter')")
    verdict = judged("def f(n): return n", LIST, sandbox)
    assert (verdict.outcome, verdict.cause) == ("unknown", "infrastructure")
    assert "no interpreter" in verdict.reason


def test_a_problem_brings_its_tests_and_its_question(sandbox: Sandbox) -> None:
    question = "import math\n\ndef area(r):\n    '''Area of a circle.'''\n"
    check = "def check(candidate):\n    assert abs(candidate(1) - 3.14159) < 1e-3\n"
    facts, limits = json.dumps({"tests": check, "entry_point": "area"}), {"seconds": 10, "memory_mb": 256}
    for answer, outcome in (("    return math.pi * r * r", "right"), ("    return 3 * r * r", "wrong"), ("", "wrong"),
                            ("I cannot.", "unknown")):  # fmt: skip
        assert judge_code(answer, facts, question, **limits).outcome == outcome
