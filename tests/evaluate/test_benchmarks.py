"""Published protocols: their words against golden files, options, figures of respondents of known rates, the file."""

import json
import math
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from potstill import recipe
from potstill.errors import DataError, RecipeError
from potstill.evaluate.benchmarks import BENCHMARKS, samples_of
from potstill.evaluate.benchmarks.asking import messages_of, permuted, posed
from potstill.evaluate.benchmarks.figures import METRICS, figure, figures, told
from potstill.evaluate.benchmarks.reading import problems_of
from potstill.evaluate.metrics import share_of_k, summarise
from potstill.evaluate.protocol import ModelUnderTest
from potstill.records import Measure, Problem
from potstill.verify.answer_kinds import ANSWER_KINDS

GOLDEN = Path(__file__).parent / "golden"
QUESTION = "What is $\\frac{6}{2}$, with {braces} kept?"
CODE = 'def three():\n    """Return {3}."""\n'
FORMS = [(name, form) for name in BENCHMARKS for form in BENCHMARKS[name]]


def made(name):
    """The made-up problem that the golden files show."""
    if name.startswith("humaneval") or name == "mbpp-plus":
        tests = "def check(candidate):\n    assert candidate() == 3\n"
        return Problem(id="1", question=CODE, gold=None, answer_kind="code", facts=json.dumps({"tests": tests}))
    if name == "mbpp":
        tests = ["assert three() == 3", "assert three() != 2", "assert three() > 0"]
        return Problem(id="1", question=QUESTION, gold=None, answer_kind="code", facts=json.dumps({"tests": tests}))
    if name in ("gpqa-diamond", "mmlu-pro"):
        return Problem(id="1", question=QUESTION, gold="B", answer_kind="choice",
                       choices=("two", "three", "four", "five"))  # fmt: skip
    kind = "code" if name == "livecodebench" else "number"
    return Problem(id="1", question=QUESTION, gold="3", answer_kind=kind)


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_prompts_are_those_of_the_published_code_to_the_byte(golden):
    source, _, text = golden.read_text().partition("\n")
    with_code = golden.stem.endswith("-code")
    name, _, form = golden.stem.removesuffix("-code").rpartition("-")
    protocol = BENCHMARKS.form(name, form)
    problem = made(name)
    if with_code:
        starter = {"prompt": "class Solution:\n    pass"}
        problem = Problem(id="1", question=QUESTION, gold=None, answer_kind="code", facts=json.dumps(starter))
    turns = [turn.content for turn in messages_of(protocol, problem)]
    assert ("\n----\n" if protocol.system else "----\n").join(turns) == text
    assert source.partition("@")[2][:7] in protocol.taken_from, "the golden file's commit is the protocol's"


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_every_form_can_be_asked_and_scored(name, form):
    protocol = BENCHMARKS.form(name, form)
    assert "{question}" in protocol.prompt or "{stripped}" in protocol.prompt
    assert protocol.kind is None or protocol.kind in ANSWER_KINDS
    assert protocol.samples == 1 or protocol.temperature > 0
    assert all(samples_of(metric) <= protocol.samples for metric in protocol.metrics)
    assert all(any(metric.startswith(begins) for begins in METRICS) for metric in protocol.metrics)
    assert protocol.source
    assert protocol.licence
    assert protocol.citation
    asked = messages_of(protocol, made(name))[-1 if not protocol.opening else -2].content
    assert not any(
        slot in asked for slot in ("{question}", "{stripped}", "{choices}", "{letters}", "{tests}", "{code}")
    )
    if form == "r1":
        assert (protocol.temperature, protocol.top_p, protocol.max_tokens) == (0.6, 0.95, 32_768)
        assert not protocol.system, "R1 is asked without a system message"


def test_a_changed_field_renames_the_result_and_metrics_follow_the_samples():
    protocol = BENCHMARKS.form("aime24", "r1")
    assert protocol.with_changes({"samples": 64, "prompt": None}) is protocol
    fewer = protocol.with_changes({"samples": 4, "max_tokens": None})
    assert (fewer.name, fewer.changed, fewer.metrics) == ("aime24*", ("samples",), ("pass@1",))
    assert fewer.key != protocol.key
    assert BENCHMARKS.form("aime24", "own").name == "aime24/own"


def test_a_name_that_is_none_is_told_with_the_nearest():
    with pytest.raises(RecipeError, match=r"aime2024.*did you mean 'aime24'"):
        BENCHMARKS["aime2024"]
    with pytest.raises(RecipeError, match="aime24 has no form 'r2'"):
        BENCHMARKS.form("aime24", "r2")


@given(some.integers(0, 10_000), some.integers(2, 10), some.integers(0, 63))
def test_options_are_permuted_by_problem_and_sample_and_the_gold_goes_along(number, count, sample):
    choices = tuple(f"option {one}" for one in range(count))
    problem = Problem(id="p", question=f"Which of {number}?", gold="A", answer_kind="choice", choices=choices)
    found = permuted(problem, sample)
    assert sorted(found.choices) == sorted(choices)
    assert found.choices["ABCDEFGHIJ".index(found.gold)] == "option 0"
    assert permuted(problem, sample) == found
    listed = Problem(id="p", question="Which? (A) x (B) y", gold="A", answer_kind="choice", choices=("x", "y"))
    assert permuted(listed, sample) is listed, "a question that lists its options shows them in its own order"


def test_the_gold_stands_everywhere_alike():
    problems = [
        Problem(id=str(n), question=f"Which of {n}?", gold="A", answer_kind="choice", choices=("a", "b", "c", "d"))
        for n in range(250)
    ]
    places = [permuted(problem, sample).gold for problem in problems for sample in range(4)]
    assert all(200 < places.count(letter) < 300 for letter in "ABCD")


def test_seeds_repeat_and_differ_by_sample():
    protocol = BENCHMARKS.form("gpqa-diamond", "r1")
    one, again = ([p.request for p in posed(protocol, ModelUnderTest(None, who, {}, None), [made("mmlu-pro")], 3)]
                  for who in ("a", "b"))  # fmt: skip
    assert [request.sampling for request in one] == [request.sampling for request in again]
    assert [request.messages for request in one] == [request.messages for request in again], "rows stay paired"
    assert len({request.sampling["seed"] for request in one}) == 4


def measures(rates, samples, **changes):
    """`rates[i]` of the `samples` of problem i are right, the first ones."""
    return [
        Measure(**{
            "student": "s", "prompt": "p", "problem_key": f"problem {at}", "sample": sample, "reasoning": "so",
            "answer": "3", "finish": "stop", "prompt_tokens": 1, "completion_tokens": 1, "looped": False,
            "outcome": "right" if sample < right else "wrong", "cause": "",
            "extracted": "3" if sample < right else str(100 + sample), **changes,
        })
        for at, right in enumerate(rates) for sample in range(samples)
    ]  # fmt: skip


def test_respondents_of_known_rates_give_exact_figures():
    found = measures([4, 2, 1, 0], 4)
    assert figure("pass@1", found).value == Fraction(7, 16)
    assert figure("pass@2", found).value == pytest.approx((1 + (1 - 1 / 6) + (1 - 3 / 6) + 0) / 4)
    assert figure("pass^2", found).value == pytest.approx((1 + 1 / 6 + 0 + 0) / 4)
    assert figure("pass^4", found).value == 1 / 4
    assert figure("majority@4", found).value == pytest.approx((1 + 1 + 1 / 4 + 0) / 4), "four answers tie: a quarter"
    assert figure("g-pass@4 0.5", found).value == 2 / 4
    assert figure("g-pass@4 0.25", found).value == 3 / 4
    # 2/4 of the sum over shares 3/4 and 4/4: the first problem has both
    assert figure("mg-pass@4", found).value == pytest.approx((2 / 4 * 2) / 4)


@given(some.integers(1, 8), some.data())
def test_g_pass_is_the_share_of_all_draws_of_k(samples, data):
    right, k = data.draw(some.integers(0, samples)), data.draw(some.integers(1, samples))
    least = data.draw(some.integers(1, k))
    draws = list(combinations([n < right for n in range(samples)], k))
    share = sum(sum(draw) >= least for draw in draws) / len(draws)
    assert share_of_k(samples, right, k, least / k) == pytest.approx(share)


def test_a_truncated_thinking_never_scores_and_the_rates_stand_beside():
    cut = measures([2], 2, finish="length", answer="")
    whole = measures([1], 2)
    assert figure("pass@1", cut).value == 0, "whatever an extraction would have found in it"
    found = summarise([*cut, *whole])
    assert (found.thought, found.closed, found.truncated) == (4, 2, 2)
    assert math.isnan(summarise(measures([1], 1, reasoning="")).closed_rate), "nobody thought"


def test_a_single_greedy_figure_carries_its_standard_error():
    once = BENCHMARKS.form("aime24", "r1").with_changes({"samples": 1, "temperature": 0.0})
    line = told(once, measures([1] * 12 + [0] * 18, 1))
    assert line.startswith("aime24* (AIME 2024; greedy, 32,768 tokens, one sample a problem): pass@1 40.0%")
    assert "standard error is 8.9 points" in line, "sqrt(0.4 * 0.6 / 30)"
    assert line.endswith("Not the published protocol: other samples, temperature")
    many = BENCHMARKS.form("aime24", "r1")
    line = told(many, measures([64, 32], 64))
    assert "standard error" not in line
    assert "majority@64 100.0%" in line
    assert [name for name, _ in figures(many, measures([64], 64))] == ["pass@1", "majority@64"]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.name


def read(name, folder, rows, form="r1", **options):
    file = write(folder / "mine.jsonl", rows)
    return problems_of(BENCHMARKS.form(name, form), file, data=folder, where="--problems", **options)


def test_published_columns_are_read_and_another_number_of_problems_is_said(tmp_path):
    gpqa = {"Question": "Which?", "Correct Answer": "w\n", "Incorrect Answer 1": "x", "Incorrect Answer 2": "y",
            "Incorrect Answer 3": "z", "High-level domain": "Physics"}  # fmt: skip
    protocol, (one,) = read("gpqa-diamond", tmp_path, [gpqa])
    assert (one.choices, one.gold, one.domain) == (("w", "x", "y", "z"), "A", "Physics")
    assert protocol.name == "gpqa-diamond*", "one problem is not the benchmark"
    human = {"task_id": "HumanEval/0", "prompt": CODE, "entry_point": "three", "canonical_solution": "    return 3\n",
             "test": "def check(candidate):\n    assert candidate() == 3\n"}  # fmt: skip
    _, (one,) = read("humaneval", tmp_path, [human])
    assert (one.answer_kind, json.loads(one.facts)["entry_point"]) == ("code", "three")
    mbpp = {"task_id": 11, "text": "Return 3.", "code": "def f(): return 3", "test_list": ["assert f() == 3"]}
    _, (one,) = read("mbpp", tmp_path, [mbpp])
    assert json.loads(one.facts)["tests"] == ["assert f() == 3"]
    thirty = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(30)]
    assert read("aime24", tmp_path, thirty)[0].name == "aime24"
    assert read("aime24", tmp_path, thirty, count=3)[0].name == "aime24*"
    bbh = {"input": "not True is", "target": "False", "task": "boolean_expressions"}
    assert read("bbh", tmp_path, [bbh])[1][0].domain == "boolean_expressions"


def test_a_window_takes_the_problems_of_its_days(tmp_path):
    rows = [
        {"question_content": f"Print {n}.", "contest_date": day, "tests": {"stdin": [["", str(n)]]}, "starter_code": ""}
        for n, day in enumerate(("2024-07-31T00:00:00", "2024-08-01T00:00:00", "2025-01-31", "2025-02-01"))
    ]
    assert [one.question for one in read("livecodebench", tmp_path, rows)[1]] == ["Print 1.", "Print 2."]
    assert len(read("livecodebench", tmp_path, rows, "r1-v6")[1]) == 3
    assert len(read("livecodebench", tmp_path, rows, "own")[1]) == 4
    with pytest.raises(DataError, match="line 1 has no contest_date"):
        read("livecodebench", tmp_path, [{"question_content": "Print 1."}])
    with pytest.raises(DataError, match=r"no row of .* is in the window 2024-08-01 to 2025-01-31"):
        read("livecodebench", tmp_path, rows[:1])


def test_a_wrong_file_is_refused_in_one_line(tmp_path):
    rows = [{"problem": "What is 1 + 1?", "answer": "2"}]
    with pytest.raises(DataError, match=r"mine.jsonl is not the file of aime24: its SHA-256 is [0-9a-f]{12}"):
        read("aime24", tmp_path, rows, sha256="0" * 64)
    with pytest.raises(DataError, match="its tests import numpy, which programs here do not have"):
        read("mbpp-plus", tmp_path, [{"prompt": "Return 3.", "test": "import numpy as np\nassert f() == 3"}])
    with pytest.raises(DataError, match=r"no problem of .* has an answer to judge by"):
        read("aime24", tmp_path, [{"problem": "What is 1 + 1?"}])


def test_a_recipe_names_benchmarks_and_a_wrong_name_is_an_error():
    asked = recipe.Benchmark(name="aime24", file="aime.jsonl")
    assert (asked.form, asked.samples) == ("r1", None)
