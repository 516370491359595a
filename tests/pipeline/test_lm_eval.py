"""lm-eval both ways, without it: the task folder, its verdicts, and a stand-in that speaks as the bridge does."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from commands import call, done

from potstill.evaluate.benchmarks import BENCHMARKS
from potstill.evaluate.lm_eval_task import metric_name, process_results, rows_of
from potstill.records import Problem

SUMS = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(6)]
STAND_IN = """\
import json, sys
asked = json.loads(sys.argv[1])
messages = [{"role": "user", "content": "What is 2 plus 3?"}]
row = {"messages": messages, "temperature": 0.5, "top_p": 1.0, "max_tokens": 4}
print("lm-eval says hello")
print(json.dumps({"ask": [{**row, "turn": 0}, {**row, "turn": 1}]}), flush=True)
texts = json.loads(sys.stdin.readline())["texts"]
print(json.dumps({"results": {asked["tasks"][0]: {"alias": "t", "texts": len(texts), "acc_stderr,none": 0.1}}}))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SUMS))
    return tmp_path


def test_a_task_folder_has_the_protocol_and_every_row(here):
    said = done("export-task", "gsm8k", "--problems", "sums.jsonl", "--out", "task", "--samples", 3, "--max-tokens", 9)
    assert said.out == "task: the task potstill_gsm8k_r1 (gsm8k*), 6 problems\n"
    text = Path("task/potstill_gsm8k_r1.yaml").read_text()
    assert "filter_fn: !function utils.keep" in text
    told = yaml.safe_load(text.replace("!function ", ""))
    assert told["repeats"] == 3
    assert told["generation_kwargs"] == {
        "until": [], "do_sample": True, "temperature": 0.6, "top_p": 0.95, "max_gen_toks": 9,
    }  # fmt: skip
    rows = [json.loads(line) for line in Path("task/data.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert rows[0]["prompt"].startswith("What is 0 + 1?\nPlease reason step by step")
    assert {"keep", "process_results"} <= set(Path("task/utils.py").read_text().replace(",", " ").split())


def test_rows_are_judged_as_potstill_judges_and_an_open_thinking_never_scores(here):
    protocol = BENCHMARKS.form("aime24", "r1").with_changes({"samples": 4})
    (row,) = rows_of(protocol, [Problem(id="1", question="What is 1 + 1?", gold="2")])
    said = ["<think>\nso\n</think>\n\\boxed{2}", "\\boxed{3}", "<think>\nIt is \\boxed{2}", "The answer is 2.0."]
    assert process_results(row, [said]) == {"pass_at_1": 0.5}
    several = {**row, "metrics": json.dumps(["pass@1", "pass@2", "majority@4", "pass^2"])}
    found = process_results(several, [said])
    assert found[metric_name("pass@2")] == pytest.approx(1 - 1 / 6)
    assert found[metric_name("pass^2")] == pytest.approx(1 / 6)


def test_options_are_a_row_a_sample():
    protocol = BENCHMARKS.form("gpqa-diamond", "r1")
    problem = Problem(id="1", question="Which?", gold="A", answer_kind="choice", choices=("w", "x", "y", "z"))
    rows = rows_of(protocol, [problem])
    assert len(rows) == 4
    assert all(process_results(row, [[f"\\boxed{{{row['gold']}}}"]]) == {"pass_at_1": 1.0} for row in rows)


def test_what_lm_eval_asks_is_answered_once_and_each_repeat_has_its_own_draw(finished_run, monkeypatch):
    import potstill.pipeline.lm_eval as bridge
    from potstill.models.ledger import Ledger

    read = bridge.resources.files("potstill.evaluate").joinpath("lm_eval_bridge.py")
    monkeypatch.setattr(type(read), "read_text", _stand_in(type(read).read_text))
    asked = ("lm-eval", "run", "--tasks", "sums", "--python", sys.executable, "--keep", "kept")
    assert done(*asked).out.split() == ["sums", "texts", "2.0000"]
    with Ledger(Path("kept/ledger/students.sqlite")) as ledger:
        assert ledger.counts().rows == 2, "two repeats are two draws"
    done(*asked)
    with Ledger(Path("kept/ledger/students.sqlite")) as ledger:
        assert ledger.counts().rows == 2, "what was answered is not asked again"


def _stand_in(real):
    def read_text(self, *args, **options):
        return STAND_IN if self.name == "lm_eval_bridge.py" else real(self, *args, **options)

    return read_text


def test_refusals_are_one_line(finished_run):
    none = call("lm-eval", "run", "--tasks", "gsm8k", "--python", "nowhere/python").mistake()
    assert "--python nowhere/python: No such file" in none
    assert "pip install lm-eval" in none
    Path("sums.jsonl").write_text(json.dumps({"prompt": "def f(): pass", "test": "def check(c): pass"}) + "\n")
    begun = call("export-task", "humaneval-plus", "--form", "own", "--problems", "sums.jsonl", "--out", "t").mistake()
    assert "begins the response or has a system message" in begun
    assert "no benchmark 'gsm9k', did you mean 'gsm8k'" in call(
        "export-task", "gsm9k", "--problems", "sums.jsonl", "--out", "t"
    ).mistake()  # fmt: skip
