"""The graders: what each takes, where it lives, and how it is asked. A grader is a line of `GRADERS`.

Each is its own published code, imported from its package, but for simple-evals, which no registry has: its rules are
written down here anew from what they do (openai/simple-evals at ee3b031, `mgsm_eval.py`, `math_eval.py`, `common.py`).
`make` is called in the grader's own process; what it returns takes a row of JSON and returns right, wrong or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NUMBERS, MATHEMATICS, LETTERS, WORDS = "numbers", "mathematics", "letters", "words and values"
Row = Mapping[str, Any]
Grade = Callable[[Row], bool | None]


@dataclass(frozen=True, kw_only=True)
class Grader:
    """Who grades: `groups` are what it is made for, `pip` what its folder below `.venv/peers` is filled with.

    `venv` says that the folder is an environment of its own and not a place to import from.
    """

    make: Callable[[], Grade]
    groups: tuple[str, ...]
    folder: str = ""
    pip: tuple[str, ...] = ()
    venv: bool = False
    beside: tuple[str, ...] = ()
    """Folders of other graders that it imports from."""
    sources: tuple[str, ...] = ()
    """Files, and `grid`, whose rows it takes; empty: all of its groups."""

    def takes(self, group: str, source: str, gold: str) -> bool:
        """Return whether it is made for a row; a denial is asked of whoever takes its gold's kind."""
        if self.sources and source not in self.sources:
            return False
        if group == "denied":
            return NUMBERS in self.groups and re.fullmatch(r"-?\d[\d.]*", gold) is not None
        return group in self.groups


def potstill() -> Grade:
    """Return our verdict on a response, as `potstill run` comes to it."""
    from potstill.recipe import Checks
    from potstill.records import Problem
    from potstill.text import split_response
    from potstill.verify import judge

    checks, known = Checks(), {"right": True, "wrong": False}

    def grade(row: Row) -> bool | None:
        problem = Problem(
            id=row["id"], question=row["question"], gold=row["gold"], answer_kind=row["answer_kind"],
            choices=tuple(row["choices"]),
        )  # fmt: skip
        return known.get(judge(problem, split_response(row["response"]).answer, checks).outcome)

    return grade


def dressed(gold: str) -> str:
    """Return a gold between dollar signs, as math-verify asks for."""
    return gold if "$" in gold else f"${gold}$"


def math_verify() -> Grade:
    """Return math-verify's verdict; an option is looked for as it looks for words."""
    from math_verify import StringExtractionConfig, parse, verify

    letters = [StringExtractionConfig(strings=tuple("ABCDEFGHIJKLMNOPQR"), lowercase=False)]

    def grade(row: Row) -> bool:
        if row["group"] == LETTERS:
            gold = row["gold"].strip("() ")
            return bool(verify(parse(gold, letters), parse(row["response"], letters)))
        return bool(verify(parse(dressed(row["gold"])), parse(row["response"])))

    return grade


def trl_accuracy() -> Grade:
    """Return TRL's reward of accuracy; None is a gold that it cannot read."""
    from trl.rewards import accuracy_reward

    def grade(row: Row) -> bool | None:
        completions = [[{"role": "assistant", "content": row["response"]}]]
        reward = accuracy_reward(completions, [dressed(row["gold"])])[0]
        return None if reward is None else reward == 1.0

    return grade


def lm_eval_gsm8k(which: str) -> Grade:
    """Return lm-eval's verdict under a filter of its task gsm8k, both read from the package."""
    from lm_eval.api.metrics import exact_match_hf_evaluate

    told = lm_eval_task("gsm8k/gsm8k.yaml")
    ask = lm_eval_filter(told, which)
    metric = next(item for item in told["metric_list"] if item["metric"] == "exact_match")
    options = {key: metric[key] for key in ("ignore_case", "ignore_punctuation", "regexes_to_ignore") if key in metric}

    def grade(row: Row) -> bool:
        said = ask(row["response"])
        return bool(exact_match_hf_evaluate(predictions=[said], references=[row["gold"]], **options)["exact_match"])

    return grade


def lm_eval_task(path: str) -> dict[str, Any]:
    """Return a task file of lm-eval as it stands in the package; functions are names."""
    import lm_eval.tasks
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: node.value)
    from pathlib import Path

    return yaml.load((Path(lm_eval.tasks.__file__).parent / path).read_text(encoding="utf-8"), Loader)


def lm_eval_filter(task: dict[str, Any], which: str) -> Callable[[str], str]:
    """Return a chain of filters of a task of lm-eval as a function of a response, cut where the task stops it."""
    import lm_eval.filters

    told = next(item for item in task["filter_list"] if item["name"] == which)
    steps = [[step["function"], {k: v for k, v in step.items() if k != "function"} or None] for step in told["filter"]]
    ensemble = lm_eval.filters.build_filter_ensemble(told["name"], steps)
    stops = task["generation_kwargs"].get("until") or []

    def ask(response: str) -> str:
        for stop in stops:
            response = response.split(stop)[0]
        found: Any = [[response]]
        for step in ensemble.filters:
            found = step().apply(found, [{}])
        first = next(iter(found))
        return str(first[0] if isinstance(first, list) else first)

    return ask


def lm_eval_math() -> Grade:
    """Return lm-eval's verdict by its task hendrycks_math: what stands between the first and the last dollar sign."""
    from lm_eval.tasks.hendrycks_math.utils import process_results

    def grade(row: Row) -> bool:
        doc = {"solution": rf"\boxed{{{row['gold']}}}"}
        return bool(process_results(doc, [row["response"]])["exact_match"])

    return grade


def lm_eval_letters() -> Grade:
    """Return lm-eval's verdict by the filters of mmlu_pro, and of bbh for its rows."""
    pro = lm_eval_filter(lm_eval_task("mmlu_pro/_default_template_yaml"), "custom-extract")
    hard = lm_eval_filter(lm_eval_task("bbh/cot_fewshot/_cot_fewshot_template_yaml"), "get-answer")

    def grade(row: Row) -> bool:
        ask = hard if row["source"].startswith("bbh") else pro
        return ask(row["response"]).strip().lower() == row["gold"].strip().lower()

    return grade


_NUMBER = re.compile(r"\d+\.?\d*")
"""`1200`, `3.5`, and `18.` at the end of a sentence, whose point goes."""
_LINE = re.compile(r"Answer\s*:\s*([^\n]+)", re.IGNORECASE)
"""`Answer: 3x + 1`, of which the rest of the line is the answer."""
_OPTION = re.compile(r"Answer[ \t]*:[ \t]*\$?([A-R])\$?", re.IGNORECASE)
"""`Answer: $B$`; theirs knows A to D, and here are more options."""


def simple_number(response: str, gold: str) -> bool:
    """Grade by simple-evals' rule for grade-school problems: the last number behind the last `Answer`."""
    _, found, behind = response.rpartition("Answer")
    numbers = _NUMBER.findall(behind.replace(",", "")) if found else []
    said = numbers[-1].rstrip(".") if numbers else ""
    if "." in said:
        said = said.rstrip("0").rstrip(".")
    return said == gold.replace(",", "")


def simple_line(response: str, gold: str) -> bool:
    """Grade by the line behind the first `Answer:`; theirs asks a model whether it equals the gold, here texts do."""
    found = _LINE.search(response)
    return found is not None and found[1].strip().strip("$") == gold.strip().strip("$")


def simple_option(response: str, gold: str) -> bool:
    """Grade by simple-evals' rule for options: the first letter behind `Answer:`."""
    found = _OPTION.search(response)
    return found is not None and found[1].upper() == gold.strip("() ").upper()


def simple_evals() -> Grade:
    """Return the verdict of simple-evals' rule for the kind of row."""
    rules = {NUMBERS: simple_number, MATHEMATICS: simple_line, LETTERS: simple_option, "denied": simple_number}

    def grade(row: Row) -> bool:
        return rules[row["group"]](row["response"], row["gold"])

    return grade


def file_of(path: str) -> Any:
    """Return a file of a package as a module of its own, without what the package loads beside it."""
    import importlib.util
    import sys
    from pathlib import Path

    found = next(place for at in sys.path if (place := Path(at) / path).is_file())
    spec = importlib.util.spec_from_file_location(found.stem, found)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def qwen() -> Grade:
    """Return the verdict of Qwen2.5-Math's evaluation code, as evalscope 1.0 carries it; later ones ask math-verify."""
    code = file_of("evalscope/metrics/math_parser.py")

    def grade(row: Row) -> bool:
        said = code.strip_answer_string(code.extract_answer(row["response"]))
        return bool(code.math_equal(said, code.strip_answer_string(row["gold"])))

    return grade


def mathruler() -> Grade:
    """Return mathruler's verdict, the reward of EasyR1: what stands in the last box."""
    from mathruler.grader import extract_boxed_content, grade_answer

    def grade(row: Row) -> bool:
        return bool(grade_answer(extract_boxed_content(row["response"]), row["gold"]))

    return grade


def verl(name: str, **options: str) -> Grade:
    """Return verl's verdict by a file of its rewards, loaded without the rest of verl."""
    module = file_of(f"verl/utils/reward_score/{name}.py")

    def grade(row: Row) -> bool:
        found = module.compute_score(row["response"], row["gold"], **options)
        return bool(found["acc"] if isinstance(found, dict) else found == 1.0)

    return grade


MATH_VERIFY = ("math-verify==0.9.0", "latex2sympy2_extended==1.11.0", "antlr4-python3-runtime==4.13.2")
LM_EVAL: dict[str, Any] = {"folder": "lm-eval", "pip": ("lm-eval==0.4.13",), "venv": True}
BOTH = (NUMBERS, MATHEMATICS)
ALL = (NUMBERS, MATHEMATICS, LETTERS, WORDS)
GRADERS = {
    "potstill": Grader(make=potstill, groups=ALL),
    "math-verify 0.9.0": Grader(
        make=math_verify, groups=(NUMBERS, MATHEMATICS, LETTERS), folder="math-verify", pip=MATH_VERIFY
    ),
    "TRL 1.16 accuracy_reward": Grader(
        make=trl_accuracy, groups=BOTH, folder="trl", pip=("trl==1.16.0",), beside=("math-verify",)
    ),
    "lm-eval gsm8k strict": Grader(make=lambda: lm_eval_gsm8k("strict-match"), groups=(NUMBERS,), **LM_EVAL),
    "lm-eval gsm8k flexible": Grader(make=lambda: lm_eval_gsm8k("flexible-extract"), groups=(NUMBERS,), **LM_EVAL),
    "lm-eval hendrycks_math": Grader(make=lm_eval_math, groups=(MATHEMATICS,), **LM_EVAL),
    "lm-eval mmlu_pro, bbh": Grader(
        make=lm_eval_letters,
        groups=(LETTERS, WORDS),
        **LM_EVAL,
        sources=("bbh_code_davinci_002", "mmlu_pro_3models"),
    ),
    "simple-evals": Grader(make=simple_evals, groups=(NUMBERS, MATHEMATICS, LETTERS)),
    "Qwen2.5-Math": Grader(
        make=qwen,
        groups=BOTH,
        folder="evalscope",
        pip=("evalscope==1.0.0", *MATH_VERIFY[1:], "word2number==1.1", "regex"),
    ),
    "mathruler 0.1": Grader(
        make=mathruler, groups=BOTH, folder="mathruler", pip=("mathruler==0.1.0", "pylatexenc==2.10")
    ),
    "verl 0.9 gsm8k strict": Grader(
        make=lambda: verl("gsm8k", method="strict"), groups=(NUMBERS,), folder="verl", pip=("verl==0.9.1",)
    ),
    "verl 0.9 gsm8k flexible": Grader(
        make=lambda: verl("gsm8k", method="flexible"), groups=(NUMBERS,), folder="verl", pip=("verl==0.9.1",)
    ),
    "verl 0.9 math_reward": Grader(make=lambda: verl("math_reward"), groups=BOTH, folder="verl", pip=("verl==0.9.1",)),
    "verl 0.9 math_dapo": Grader(make=lambda: verl("math_dapo"), groups=BOTH, folder="verl", pip=("verl==0.9.1",)),
}
"""Name -> grader, ours first."""
