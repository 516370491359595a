"""The table of delivered files: which to take is told by the intervals."""

from potstill.records import Measure
from potstill.report.delivered import COLUMNS, delivered_table, take
from potstill.report.facts import FileFacts


def answers(rights, said="a"):
    return [
        Measure(
            student="s", prompt="zero-shot", problem_key=f"p{n}", sample=0, reasoning="r", answer=said, finish="stop",
            prompt_tokens=1, completion_tokens=10, looped=False, outcome="right" if right else "wrong", cause="",
            extracted="a",
        )
        for n, right in enumerate(rights)
    ]  # fmt: skip


TRAINED = answers([True] * 60 + [False] * 20)
CLOCK = {"load_seconds": 0.5, "memory": 2.0**28, "written_1": 20.0, "written_2": 35.0, "first_1": 0.25}
FILES = [
    FileFacts(name="f16", bytes=300 * 2**20, bits=16.01, measures=TRAINED, clock=CLOCK),
    FileFacts(name="q8_0", bytes=150 * 2**20, bits=8.5, measures=answers([True] * 58 + [False] * 22), clock=CLOCK),
    FileFacts(name="q4_k_m", bytes=90 * 2**20, bits=5.6, measures=answers([True] * 30 + [False] * 50, "b")),
]


def test_the_smallest_that_is_not_seen_to_solve_less_is_the_one_to_take():
    assert take(FILES, TRAINED).name == "q8_0"
    assert take(FILES[2:], TRAINED) is None
    table = delivered_table(FILES, TRAINED)
    assert "Take q8_0: it is the smallest that is not seen to solve less. It may still, by up to " in table.note
    assert "export a more exact type" in delivered_table(FILES[2:], TRAINED).note
    assert delivered_table([], TRAINED) is None


def test_a_line_has_size_difference_and_speed():
    names = [column.name for column in COLUMNS]
    exact, _, small = (dict(zip(names, row, strict=True)) for row in delivered_table(FILES, TRAINED).rows)
    assert (exact["MB"], exact["bits a weight"], exact["same answers"]) == ("300.0", "16.01", 1.0)
    assert (exact["memory MB"], exact["tokens/s, 2 threads"]) == (256.0, 35.0)
    assert exact["first token, 1 thread"] == 0.25
    assert (small["same answers"], small["memory MB"], small["load"]) == (0.0, None, None)
    assert small["to trained"] < small["to"] < 0
