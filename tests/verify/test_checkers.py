"""Scorers of reasoning-gym and checkers of users, in a process that can be killed."""

import json
import os
from dataclasses import replace

import pytest

from potstill.errors import RecipeError
from potstill.records import Problem
from potstill.verify import checkers
from potstill.verify.checkers import is_safe_formula, judge_by_checker, load_checker

reasoning_gym = pytest.importorskip("reasoning_gym")


def gym_problem(task, seed=1):
    entry = reasoning_gym.create_dataset(task, size=1, seed=seed)[0]
    facts = json.dumps({"entry": entry})
    return Problem(
        id="g",
        question=entry["question"],
        gold=entry["answer"],
        answer_kind="text",
        checker=f"reasoning_gym:{task}",
        facts=facts,
    )


def module_with(tmp_path, monkeypatch, name, source):
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    "task",
    ["chain_sum", "n_queens", "spiral_matrix", "binary_matrix", "string_insertion", "countdown", "puzzle24",
     "simple_integration", "intermediate_integration", "polynomial_multiplication", "word_sorting", "leg_counting"],
)  # fmt: skip
def test_the_scorers_own_answer_is_right(task):
    problem = gym_problem(task)
    judged = judge_by_checker(problem, f"I worked it out.\n<answer>{problem.gold}</answer>")
    assert (judged.outcome, judged.score) == ("right", 1.0)
    assert judge_by_checker(problem, problem.gold).outcome == "right"


def test_partial_credit_is_wrong_and_its_score_is_kept():
    problem = gym_problem("spiral_matrix")
    judged = judge_by_checker(problem, "[" + ", ".join(problem.gold.split()) + "]")
    assert judged.outcome == "wrong"
    assert judged.score == pytest.approx(0.1)


INJECTIONS = [
    '__import__("os").system("touch {0}")',
    'open("{0}", "w")',
    '[open("{0}", "w")]',
    "().__class__",
    'exec("1")',
]


@pytest.mark.parametrize("task", ["n_queens", "spiral_matrix", "binary_matrix", "string_insertion", "countdown",
                                  "puzzle24", "simple_integration", "polynomial_multiplication"])  # fmt: skip
def test_no_answer_is_executed(task, tmp_path):
    problem = gym_problem(task)
    marker = tmp_path / "marker"
    for text in INJECTIONS:
        judged = judge_by_checker(problem, f"<answer>{text.format(marker)}</answer>")
        assert judged.outcome != "right"
    assert not marker.exists()


@pytest.mark.parametrize("text", ["1+2", "(3 + 4)*5 - 6/2", "x**2/2 + C", "-cos(3*x) + exp(x)/2", "2*x^3"])
def test_formulas_are_handed_over(text):
    assert is_safe_formula(text, "variables functions")


@pytest.mark.parametrize(
    "text",
    ["x.y", "(1).real", "__a", "lambda: 1", "f('x')", "9**9**9", "9**999", "2**(3**(4**5))", "S(1)", "eval(1)",
     "x" * 400, "factorial(9)", "1,2", "[1]", "9999999999"],
)  # fmt: skip
def test_other_text_is_not(text):
    assert not is_safe_formula(text, "variables functions")


def test_a_name_that_leads_nowhere_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "broken_checker.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name, hint in [
        ("reasoning_gym:chain_sun", "did you mean 'chain_sum'"),
        ("no_such_module:f", "no_such_module"),
        ("json:no_such", "no function 'no_such'"),
        ("justaname", "module:function"),
        ("broken_checker:f", "broken_checker"),
    ]:
        with pytest.raises(RecipeError, match=hint) as error:
            load_checker(name, tmp_path)
        assert "\n" not in str(error.value)
        assert repr(name) in str(error.value)


def test_a_users_checker_decides(tmp_path, monkeypatch):
    source = (
        "def even(problem, answer):\n"
        "    n = int(answer)\n"
        "    return None if n == 0 else n % 2 == 0\n"
        "def odd_type(problem, answer):\n    return 'yes'\n"
    )
    module_with(tmp_path, monkeypatch, "even_checker", source)
    problem = Problem(id="e", question="An even number?", gold=None, answer_kind="number", checker="even_checker:even")
    outcomes = [judge_by_checker(problem, answer) for answer in ("4", "5", "0", "none", "3.5")]
    assert [j.outcome for j in outcomes] == ["right", "wrong", "unknown", "unknown", "unknown"]
    assert outcomes[2].cause == "unsupported"
    assert outcomes[3].cause == "unparsable prediction"
    assert outcomes[4].cause == "unsupported"
    assert "on this answer" in outcomes[4].reason
    assert "ValueError" in outcomes[4].reason
    assert judge_by_checker(replace(problem, checker="even_checker:odd_type"), "4").cause == "infrastructure"


def test_a_checker_that_hangs_or_dies_is_unknown_and_the_next_one_works(tmp_path, monkeypatch):
    source = (
        "import os, time\n"
        "def check(problem, answer):\n"
        "    if answer == '1': time.sleep(60)\n"
        "    if answer == '2': os._exit(3)\n"
        "    if answer == '3': return len(bytearray(8 * 1024**3)) > 0\n"
        "    return True\n"
    )
    module_with(tmp_path, monkeypatch, "bad_checker", source)
    monkeypatch.setattr(checkers, "SECONDS", 0.5)
    problem = Problem(id="b", question="?", gold=None, answer_kind="number", checker="bad_checker:check")
    found = [judge_by_checker(problem, answer) for answer in ("1", "2", "3", "4")]
    assert [j.cause for j in found] == ["unsupported"] * 3 + [""], "no answer takes itself out of a rate"
    assert found[-1].outcome == "right"
    problem = replace(problem, gold="1")
    found = [judge_by_checker(problem, answer) for answer in ("1", "2", "3", "4")]
    assert [j.cause for j in found] == ["timeout", "infrastructure", "infrastructure", ""], "nothing works"


def test_a_checker_is_found_in_the_data_folder_by_module_and_by_file(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "odd_checker.py").write_text("def odd(problem, answer): return int(answer) % 2 == 1\n")
    for name in ("mine.odd_checker:odd", "mine/odd_checker.py:odd"):
        assert callable(load_checker(name, tmp_path))
        problem = Problem(id="o", question="An odd number?", gold=None, answer_kind="number", checker=name)
        assert [judge_by_checker(problem, answer, tmp_path).outcome for answer in ("7", "8")] == ["right", "wrong"]
    with pytest.raises(RecipeError, match=r"no module 'odd_chekcer' and no file"):
        load_checker("odd_chekcer:odd", tmp_path / "mine")


def test_what_a_checker_imports_and_prints_disturbs_nobody(tmp_path, monkeypatch, capfd):
    (tmp_path / "slow_checker.py").write_text(
        "import time, os\nif os.getpgrp() != GROUP: time.sleep(0.6)\n".replace("GROUP", str(os.getpgrp()))
        + "def check(problem, answer):\n    print('seen')\n    return True\n"
    )
    monkeypatch.setattr(checkers, "SECONDS", 0.4)
    problem = Problem(id="s", question="?", gold=None, answer_kind="number", checker="slow_checker:check")
    assert judge_by_checker(problem, "1", tmp_path).outcome == "right"
    assert "seen" not in capfd.readouterr().out
