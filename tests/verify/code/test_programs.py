"""The program that is taken from a response."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.code.programs import MAX_TEXT, code_of, preamble_of, program_of

PROMPT = '''import math
from typing import List


def helper(x):
    return x + 1


def area(r: float) -> float:
    """ Area of a circle.
    >>> area(1)
    3.14
    """
'''
BODY = "    if r < 0:\n        return 0.0\n    return math.pi * r * r"
FULL = "def area(r):\n    return 3.14 * r * r\n"


def results(program: str | None, call: str = "area(2)") -> object:
    """What our own test programs compute, to compare programs by what they do."""
    assert program is not None
    names: dict[str, object] = {}
    exec(compile(program, "program.py", "exec"), names)
    return eval(call, names)


@pytest.mark.parametrize(
    "response",
    [
        FULL,
        f"```python\n{FULL}```",
        f"```py\n{FULL}```\nThis works since the area is pi r squared.",
        f"```\n{FULL}```",
        f"~~~python\n{FULL}~~~",
        f"````python\n{FULL}````",
        f"Here it is: ```python\n{FULL}```",
        f"```python\n{FULL}",
        f"```Python {{.line-numbers}}\n{FULL}```",
        "1. First:\n\n   ```python\n   def area(r):\n       return 3.14 * r * r\n   ```\n",
        f"<think>\n```python\ndef area(r):\n    return 1\n```\n</think>\n```python\n{FULL}```",
        f"I will try.\n```python\ndef area(r):\n    return 1\n```\nNo, that is wrong:\n```python\n{FULL}```",
        f"```python\n{FULL}```\nRun it:\n```bash\npython area.py\n```\nOutput:\n```\n12.56\n```",
        f"```python\n{FULL}```\nFor example:\n```python\nprint(area(2))\n```",
        f"```python\n{FULL}```\n```text\narea(r)\n```",
        f"Here is the function:\n\n{FULL}\nThis function multiplies the square of the radius by pi.",
        f"Sure! Here is the function\n{FULL}\n\nExplanation: it works.\nIt is r squared.",
        f"[PYTHON]\n{FULL}[/PYTHON]\n[TESTS]\nassert area(1) == 3.14\n[/TESTS]",
        f"[BEGIN]\n{FULL}[DONE]\n\nYou are an expert",
        f"<code>\n{FULL}</code>",
        f"\r\n```python\r\n{FULL.replace(chr(10), chr(13) + chr(10))}```\r\n",
    ],
)
def test_the_last_program_that_defines_what_is_asked_for(response: str) -> None:
    assert results(program_of(response, "area", "Write a function for the area of a circle.")) == 12.56


def test_blocks_that_need_each_other_are_joined() -> None:
    response = (
        "First the imports:\n```python\nfrom math import pi as circle\n```\nA helper, not needed:\n"
        "```python\nunused = 1 / 0\n```\nA helper:\n```python\ndef square(x):\n    return x * x\n```\n"
        "The function:\n```python\ndef area(r):\n    return circle * square(r)\n```\nUse it:\n```python\n"
        "print(area(3))\n```"
    )
    assert results(program_of(response, "area")) == pytest.approx(12.566, abs=1e-3)


@pytest.mark.parametrize(
    "response",
    [
        BODY,
        f"\n{BODY}\n",
        f"```python\n{BODY}\n```",
        f"Continue with:\n```python\n{BODY}\n```",
        BODY.lstrip(),
        "\n".join(line[4:] for line in BODY.split("\n")),
        f"{BODY}\n\n\nprint(area(2))\nprint(input())",
        f"{BODY}\n\n\nif __name__ == '__main__':\n    print(area(int(input())))",
        f"{BODY}\n\nThis is the area of a circle.",
        f"{BODY}\n# the end\n\ndef other():\n    return area(1)\n\nassert other() == 7",
        "    scale = (\n        math.pi\n    )\n    return scale * r * r",
        "return math.pi * r * r",
        "    text = '''\nnot code at the margin\n'''\n    return math.pi * r * r",
    ],
)
def test_a_body_continues_the_code_of_the_question(response: str) -> None:
    assert results(program_of(response, "area", PROMPT)) == pytest.approx(12.566, abs=1e-3)


def test_code_of_the_question() -> None:
    assert code_of(PROMPT, "area") == PROMPT
    assert code_of(f"Complete this:\n```python\n{PROMPT}```\nThanks.", "area") == PROMPT
    assert code_of(f"Complete this function.\n\n{PROMPT}", "area") == PROMPT
    assert code_of("Write a function area(r).\n\nassert area(1) == 3.14", "area") == ""
    assert results(preamble_of(PROMPT, "area"), "helper(1)") == 2
    assert "def area" not in preamble_of(PROMPT, "area")


def test_a_whole_function_is_not_glued_to_the_question() -> None:
    assert program_of(FULL, "area", PROMPT) == FULL
    for response in (f"{FULL}\nThis is the area.", f"Here you are:\n\n{FULL}\nThis is the area."):
        assert results(program_of(response, "area", PROMPT)) == 12.56


def test_an_empty_response_adds_nothing_to_the_question() -> None:
    assert program_of("  \n", "area", PROMPT) == PROMPT
    assert program_of("", "area", "Write a function.") is None
    assert program_of("", "area") is None


@pytest.mark.parametrize(
    "response",
    [
        "I am sorry, I cannot help with that.",
        "The answer is 12.",
        "<think>\ndef area(r):\n    return 1\n",
        "42",
        "---",
        '```json\n{"area": 1}\n```',
        "```\n```",
        "For each r we return the area: it is simple.",
        "x" * (MAX_TEXT + 1),
    ],
)
def test_no_program_in_the_response(response: str) -> None:
    assert program_of(response, "area", PROMPT) is None
    assert program_of(response) is None


@pytest.mark.parametrize(
    ("response", "printed"),
    [
        ("n = int(input())\nprint(n * 2)", "n = int(input())\nprint(n * 2)"),
        ("```python\nprint(1)\n```\nOutput:\n```\n1\n```", "print(1)\n"),
        (
            "The program:\n\nimport sys\nfor line in sys.stdin:\n    print(line)\n\nIt reads lines.",
            "import sys\nfor line in sys.stdin:\n    print(line)\n",
        ),
        (
            "Use this\nx, y = map(int, input().split())\nprint(x + y)\nThat is all.",
            "x, y = map(int, input().split())\nprint(x + y)",
        ),
    ],
)
def test_whole_programs(response: str, printed: str) -> None:
    assert program_of(response) == printed


@given(st.text(max_size=300), st.sampled_from(["", "area"]), st.sampled_from(["", PROMPT]))
def test_any_text_gives_a_program_or_none(text: str, entry_point: str, prompt: str) -> None:
    found = program_of(text, entry_point, prompt)
    assert found is None or found.strip()


@given(
    st.lists(
        st.sampled_from(
            ["def area(r):", "    return r", "", "x = 1", "```", "```python", "print(area)", "So it is", '"""']
        )
    )
)
def test_every_line_of_a_program_is_of_the_response_or_the_question(lines: list[str]) -> None:
    found = program_of("\n".join(lines), "area", PROMPT)
    known = {line.strip() for line in (*lines, *PROMPT.split("\n"))}
    assert found is None or all(line.strip() in known for line in found.split("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "```python\n" * 50_000,
        "`" * 900_000,
        "a[" + "],b" * 300_000,
        "x" + ", x" * 300_000,
        "if " + ":" * 900_000,
        "if :" + " #" * 400_000 + "x",
        "import " + "a," * 400_000,
        "x: " + "y" * 900_000,
        "@\n" * 400_000,
        "def f(\n" + "(" * 900_000,
        '"""' * 300_000,
        "\n" * 900_000,
        "from " + "." * 900_000,
        "a" * 900_000 + "(",
        "[PYTHON]" * 100_000,
        "```python\nx = y\n```\n" * 40_000,
        "import " + " " * 900_000 + "x",
    ],
    ids=range(17),
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    started = time.perf_counter()
    program_of(text, "area", PROMPT)
    program_of(text)
    assert time.perf_counter() - started < 4.0
