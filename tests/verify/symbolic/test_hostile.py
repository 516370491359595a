"""Answers that try to take for ever, to exhaust the stack, or to run: each ends at once and does nothing."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.recipe import Policy
from potstill.verify.symbolic import TooCostlyError, UnparsableError, compare, parse

LIMIT = 0.5
"""Seconds of CPU for a refusal, ten times what is asked: a busy machine may count double. The soak test measures."""
COSTLY = {
    "tower": "5^(5^(5^(5^5)))", "python tower": "9**9**9", "tower of tens": "10^{10^{10}}", "twos": "2^{2^{2^{49}}}",
    "factorial": "100000!", "double factorial": "((x!)!)!", "factorials": "1" + "!" * 5_000,
    "long integer": "1" * 1_000_000, "long sum": "+".join(["1"] * 3_000),
    "variables": "+".join(f"x_{n}" for n in range(2_000)),
    "long set": r"\{" + ",".join(map(str, range(3_000))) + r"\}", "braces": "{" * 2_000 + "1" + "}" * 2_000,
    "brackets": "(" * 2_000 + "1" + ")" * 2_000, "fractions": r"\frac{1}{" * 500 + "1" + "}" * 500,
    "roots": r"\sqrt{" * 200 + "2" + "}" * 200, "letters": "a" * 1_000_000, "numbers": "1 " * 100_000,
    "dollars": "$" * 1_000_000, "backslashes": "\\" * 100_000, "commas": "1," * 100_000, "boxes": r"\boxed{" * 140_000,
    "binomial": r"\binom{10^9}{5\cdot 10^8}", "residue": r"2^{10^8} \bmod 7", "minus": "-" * 5_000 + "1",
    "powers": "2^" * 2_000 + "1", "functions": "sin " * 2_000 + "1", "bars": "|" * 2_000 + "1", "lists": "[" * 500,
    "exponent": "1e99999999999", "sine": r"\sin(10^{1000})", "exponentials": "e^{e^{e^{e^{10}}}}",
    "radicand": r"\sqrt{" + "9" * 1_900 + "}",
    "power of a sum": "(x+y+z+w)^{60}", "powers of powers": "((((((x+1)^9+1)^9+1)^9+1)^9+1)^9)",
    "signs": r"1\pm" * 30 + "1",
    "surds": r"(\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13})^{40}",
    "product": "*".join(f"(x_{n}+1)" for n in range(30)),
    "indices": "A_{" * 100 + "1" + "}" * 100, "applications": "f(" * 100 + "1" + ")" * 100,
    "ratios": "1:" * 2_000 + "1",
    "unions": r"A\cup " * 2_000 + "B", "chain": "x=" * 2_000 + "1", "matrices": r"\begin{pmatrix}" * 100,
    "points": "." * 10_000,
    "arcus tangens of a tower": r"\tan^{-1}(\frac{\sqrt5-1}{\sqrt{10+2\sqrt{10^{10^{10}}}}})",
    "tiny part": r"\log(1+i\cdot 10^{-10^{7}})", "huge part": r"\log(i+10^{10^{7}})", "tiny": "e^{10^{-10^{10}}}",
    "degree": r"\sqrt[10^{10^{10}}]{-8}", "long degree": r"\sqrt[" + "9" * 5_000 + "]{2}",
    "long exponent": "2^{1/2^{" + "9" * 5_000 + "}}", "long bound": "2x<" + "9" * 5_000,
    "nested binomials": r"\binom{" * 6 + "9" * 4_000 + "}{3}" * 6, "letter in a base": "1e999999_{2}",
    "names of names": "(x+y)^{(x+y)^{" * 15 + "x+y" + "}}" * 15, "roots of names": "(x^x+1/y)^{" * 30 + "x" + "}" * 30,
    "long power": r"\sqrt{x+\sqrt2}^{" + "9" * 5_000 + "}", "long power of e": "e^{" + "9" * 5_000 + "x}",
    "long factor": r"\sin(" + "9" * 5_000 + r"x)/(" + "7" * 5_000 + "+y)",
    "unclosed text": r"\text{" * 3_000, "deep lists": "[" * 60 + "1" + "]" * 60, "subscripts": "1_" * 1_000 + "1",
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_answer_is_refused_or_decided_at_once(name: str) -> None:
    text = COSTLY[name]
    compare("x^2 + 1", r"\sin x")  # imports
    spent = []
    for _ in range(2):
        start = time.process_time()
        found = [compare("7", text, call=_never), compare(text, "7", call=_never)]
        spent.append(time.process_time() - start)
        assert all(one.outcome in ("wrong", "unknown") for one in found)
        assert all(one.cause != "timeout" for one in found)
    assert min(spent) < LIMIT


SLOW_HERE = (
    r"\sum_{k=1}^{1000} 1/k^{1000}", r"\sum_{k=1}^{1000} \frac{1}{k!}", r"\sum_{k=1}^{1000} 7^{-20k}",
    r"\sum_{k=1}^{999} \sqrt{k!}", r"\sum_{k=1}^{1000} \sin(k)^k", r"(10^{9}/3)!\cdot 2^{1000}",
    "*".join(f"\\sqrt{{{n}!}}" for n in range(100, 300)), r"\sum_{k=" + "9" * 5_000 + "}^{2} k",
    r"\sum_{k=10^{10^{10}}}^{10^{10^{10}}} k+\pi^{\pi}",
)  # fmt: skip


@pytest.mark.parametrize("text", SLOW_HERE)
def test_what_is_not_cheap_for_sure_is_left_to_a_worker(text: str) -> None:
    compare("x^2 + 1", r"\sin x")  # imports
    asked: list[object] = []
    spent = []
    for _ in range(3):
        start = time.process_time()
        found = compare(text, "7", call=lambda *arguments: asked.append(arguments) or "undecided")
        spent.append(time.process_time() - start)
    assert found.outcome in ("wrong", "unknown")
    assert min(spent) < LIMIT


@pytest.mark.parametrize("ratio", ["12:30/12:30", "3:4/3:4", "1:2:3+1", "12:30^12:30", "+".join(["12:30"] * 10)])
def test_a_ratio_inside_a_formula_crashes_nothing(ratio: str) -> None:
    for gold in ("3:4", "12:30", "1", "(3, -4)"):
        assert compare(gold, ratio, call=_wait).outcome in ("wrong", "unknown")


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        ("1", r"(1+10^{-9})^{10^{12}}", "wrong"), ("e", r"(1+10^{-9})^{10^{9}}", "wrong"),
        ("10^{10^{10}}", "10^{10^{9}}", "wrong"), ("2^{2^{30}}", r"2^{2^{29}}\cdot 2^{2^{29}}", "unknown"),
        ("2^{2^{26}}", r"\pi^{2^{25}}\cdot \pi^{2^{25}}", "unknown"), ("1", "1+10^{-10^{10}}", "unknown"),
        ("7", "2^{2^{30}}", "wrong"), ("7", r"\frac{1}{2^{2^{30}}}", "wrong"), ("7", r"2^{2^{30}}\cdot 0", "unknown"),
    ],
)  # fmt: skip
def test_numbers_past_the_limits_are_told_apart_only_where_that_is_sure(gold: str, answer: str, outcome: str) -> None:
    assert compare(gold, answer, call=_never).outcome == outcome


def test_residues_of_thousands_of_figures() -> None:
    long = "9" * 5_000
    assert compare(rf"3 \pmod{{{long}}}", rf"3 \pmod{{{long}}}").outcome == "right"
    assert compare(rf"3 \pmod{{{long}}}", r"3 \pmod 7").outcome == "wrong"
    assert compare(rf"x \equiv 3 \pmod{{{long}}}", r"x \equiv 4 \pmod 7").outcome in ("wrong", "unknown")


def test_figures_of_a_long_number() -> None:
    policy = Policy(significant_figures=3)
    assert compare("9" * 5_000 + ".5", "9" * 5_000, policy).outcome == "right"
    assert compare("0.0001234", "0.00012341", policy).outcome == "right"
    assert compare("1" + "0" * 5_000 + ".5", "7" * 5_000, policy).outcome == "wrong"


def _never(*_arguments: object) -> object:
    raise AssertionError("sent to the pool")


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        ("1/2004!", "1/2006!", "wrong"), ("1/2^{99}", r"\frac{1}{2^{98}}", "wrong"), ("9**9**9", "9**9**9", "right"),
        ("1" * 5_000, "1" * 5_000, "right"), ("1" * 5_000, "1" * 4_999 + "2", "wrong"),
        ("2024^{4046}", "2024^{4046}", "right"),
        ("1", "5^(5^(5^(5^5)))", "wrong"), ("(10^6)!/(10^6-1)!", "1000000", "right"),
        ("100000!", "100000!+1", "unknown"),
        (r"2^{10^8}", r"4^{5\cdot 10^7}", "unknown"), (r"\left(" * 60 + "1" + r"\right)" * 60, "1", "right"),
        ("10^{-400}", "0", "wrong"), ("1e309", "1e310", "wrong"), ("0^0", "1", "unknown"),
        (r"\infty-\infty", "0", "unknown"),
        ("5", "1/0", "wrong"), ("1/0", "5", "unknown"), ("(1+10^{-50})-1", "0", "wrong"),
        (r"\sin(10^{-9})", "10^{-9}", "wrong"),
        (r"\{" + ",".join(map(str, range(900))) + r"\}", ", ".join(map(str, range(899, -1, -1))), "right"),
    ],
)  # fmt: skip
def test_large_and_small_numbers_are_compared_or_left_open(gold: str, answer: str, outcome: str) -> None:
    assert compare(gold, answer, call=_never).outcome == outcome


INJECTIONS = (
    "__import__('os').system('touch {file}')", "exec(\"open('{file}','w')\")", "eval('open(\"{file}\",\"w\")')",
    "open('{file}','w').write('x')", "().__class__.__bases__[0].__subclasses__()",
    "(1).__class__.__mro__[1].__subclasses__()",
    "[open('{file}','w') for _ in [0]]", "(lambda: open('{file}','w'))()", "getattr(__builtins__,'open')('{file}','w')",
    "importlib.import_module('os').mkdir('{file}')", "sympify('open(\"{file}\",\"w\")')",
    "Symbol('x').func.__globals__",
    "\\immediate\\write18{{touch {file}}}", "\\input{{/etc/passwd}}", "\\openout5={file}",
    "\\lambda x: open('{file}','w')",
    "sys.exit(1)", "x.__init__.__globals__['os']", "f\"{{open('{file}','w')}}\"", "1 if open('{file}','w') else 2",
    "${{jndi:ldap://localhost/a}}", "'; touch {file}; '", "`touch {file}`", "$(touch {file})",
)  # fmt: skip


@pytest.mark.parametrize("pattern", INJECTIONS)
def test_an_injection_is_text_and_nothing_more(pattern: str, tmp_path: Path) -> None:
    text = pattern.format(file=tmp_path / "made")
    seen: list[str] = []
    active = [True]
    sys.addaudithook(lambda event, _: seen.append(event) if active[0] and event in _EVENTS else None)
    found = [compare("0", text), compare(text, "0"), compare("x", text)]
    active[0] = False
    assert not seen
    assert not list(tmp_path.iterdir())
    assert all(one.outcome != "right" for one in found)


_EVENTS = {"open", "exec", "compile", "os.system", "subprocess.Popen", "os.mkdir", "os.exec", "os.posix_spawn"}


@given(st.text(max_size=300) | st.text(alphabet=r"\{}()[]^_|!,.:;=<>+-*/%&$ 0123456789abxfrcqstndpi", max_size=200))
def test_parse_raises_nothing_but_its_two_errors(text: str) -> None:
    with contextlib.suppress(UnparsableError, TooCostlyError):
        parse(text)
    assert compare("1", text, call=_wait).outcome in ("right", "wrong", "unknown")


PIECES = st.sampled_from(
    [
        r"\frac", r"\sqrt", r"\left(", r"\right)", r"\begin{pmatrix}", r"\end{pmatrix}", r"\text{a}", r"\pm", r"\cup",
        "&", r"\\",
        r"\{", r"\}", "{", "}", "(", ")", "[", "]", "|", "x", "1", "2", "1,000", "^", "_", "!", "=", "<", r"\le",
        r"\in", ",",
        r"\mathbb{R}", r"\sum_{k=1}^{3}", r"\int_0^1", "dx", r"\log", "sin", "f", "'", "%", r"^\circ", "and", ":",
        r"\pmod", "/", "*", "-", "+",
        r"\infty", r"\dots", "e", "i", r"\pi", r"\binom", r"\lfloor", r"\rfloor", "0.5", r"\overline", "~", r"\equiv",
        "word",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14), st.lists(PIECES, max_size=14))
def test_any_mixture_of_notation_ends_in_a_verdict(gold: list[str], answer: list[str]) -> None:
    start = time.process_time()
    found = compare(" ".join(gold), " ".join(answer), call=_wait)
    assert found.outcome in ("right", "wrong", "unknown")
    assert time.process_time() - start < 1.0


def _wait(*_arguments: object) -> object:
    return "undecided"


BEYOND = [
    ("(x+1)^{1000}", "(x+1)^{1000}+0.5"), ("e^{1000}", "e^{1000}+1"),
    (r"\tanh(200)", "1"), (r"\sinh(200)", r"\cosh(200)"),
    ("e^{x^2+500}", "e^{x^2+500}+1"), (r"\ln(2^{5000}+1)", r"5000\ln 2"), ("e^{10000}", "e^{10000}+1"),
    (r"x^{200}\sin x", r"x^{200}\sin x+1"), ("100000!", "100000!+1"), (f"{'9' * 50}\\sin x", f"{'9' * 49}8\\sin x"),
    (r"\sum_{k=1}^{9} e^{50k}", r"\sum_{k=2}^{9} e^{50k}"), ("(x+1)^{10000}", "(x+1)^{10000}+0.5"),
]  # fmt: skip
"""Pairs that differ by less than 40 digits show."""


@pytest.mark.parametrize(("gold", "answer"), BEYOND)
def test_what_the_digits_leave_out_is_never_the_same(gold, answer):
    assert compare(gold, answer).outcome != "right"
    assert compare(answer, gold).outcome != "right"
    assert compare(gold, gold).outcome == "right"


def test_differences_that_few_digits_show_are_still_wrong():
    outcomes = [compare(gold, answer).outcome for gold, answer in BEYOND]
    assert outcomes.count("wrong") >= 9
    same = ("e^{x^2+500}", "e^{500}e^{x^2}"), (r"\sinh(60)+\cosh(60)", "e^{60}"), ("e^{1000}+1", "1+e^{1000}")
    assert [compare(gold, answer).outcome for gold, answer in same] == ["right"] * 3
