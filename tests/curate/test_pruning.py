"""Steps that go from a reasoning: by hand, on `worked` traces, on real long ones, and in a run."""

import gzip
import json
import re
from pathlib import Path

import pytest
import yaml
from commands import TINY, done
from hypothesis import given
from hypothesis import strategies as st

from potstill import recipe
from potstill.curate.pruning import PRUNINGS, prune, pruned_trace
from potstill.problems import read, source_seed
from potstill.recipe import Checks, Curate
from potstill.records import Example, Problem, Pruning, Trace
from potstill.store import Run
from potstill.teach.worked import TEMPLATES, solve
from potstill.text import split_response
from potstill.verify.steps.segment import segment
from potstill.verify.verdicts import judge

KINDS = tuple(PRUNINGS)
SUM = Problem(id="1", question="Ana has 5 pens and buys 7 more. She loses 2. How many are left?", gold="10")
CHOICE = Problem(id="2", question="Which is warm?", gold="B", answer_kind="choice", choices=("blue", "red", "green"))
PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "curating.md").read_text()
DATA = Path(__file__).parents[3] / "shared" / "data"
LONG = DATA / "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz"


def trace(problem, reasoning, answer, **fields):
    return Trace(
        problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=reasoning, answer=answer, finish="stop", **fields,
    )  # fmt: skip


def left(reasoning, kinds=KINDS, problem=SUM, answer="The answer is 10."):
    return prune(problem, reasoning, answer, kinds).text


@pytest.mark.parametrize(("kind", "reasoning", "expected"), [
    ("conclusion", "5 + 7 = 12. 12 - 2 = 10. Check: 10 + 2 = 12. Done.", "5 + 7 = 12. 12 - 2 = 10."),
    ("conclusion", "5 + 7 = 12. 12 - 2 = 10. Wait, is that right? 5 + 7 = 12. Yes, 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("conclusion", "5 + 7 = 12. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("conclusion", "5 + 7 = 12. 12 - 2 = 10. So 10. Check: 10 + 2 = 12.", "5 + 7 = 12. 12 - 2 = 10. So 10."),
    ("abandoned", "5 * 7 = 35. Wait, that is not right. 5 + 7 = 12. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("conclusion", "5 + 7 = 12. 12 - 2 = 10. So 10. Wait, or 8? No, 10.", "5 + 7 = 12. 12 - 2 = 10. So 10."),
    ("rechecks", "5 + 7 = 12. Let me check: 12 - 7 = 5. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("restatements", "5 + 7 = 12. So 5 + 7 = 12. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("restatements", "Let us go step by step. 5 + 7 = 12. Now the last step. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
    ("restatements", "So we need to find how many are left. 5 + 7 = 12. 12 - 2 = 10.", "5 + 7 = 12. 12 - 2 = 10."),
])  # fmt: skip
def test_each_kind_takes_its_steps(kind, reasoning, expected):
    assert left(reasoning, [kind]) == expected
    assert left(reasoning) == expected


@pytest.mark.parametrize("reasoning", [
    # The answer's number on the way to it is no conclusion: 2 has not been used.
    "5 + 5 = 10. Wait, she buys 7. 5 + 7 = 12. 12 - 2 = 10.",
    # What was taken back, or turned away from, is used after all.
    "5 * 7 = 35. Wait, she buys them. 5 + 7 = 12, less than 35. 12 - 2 = 10.",
    "5 + 7 = 12. Wait, she loses 2. 12 - 2 = 10.",
    "5 + 7 = 12. No, that is wrong. 12 - 2 = 10.",
    "5 * 7 = 35. Wait, not so. 5 + 7 = 12. 12 - 2 = 10.",
    # Of a longer attempt the beginning would stay.
    "5 * 7 = 35. 35 - 2 = 33. No, that is wrong. 5 + 7 = 12. 12 - 2 = 10.",
    # A check goes on, or answers a question.
    "5 + 7 = 12. Let me check: 12 - 7 = 5. That is right. 12 - 2 = 10.",
    "5 + 7 = 12. Is it? Let me check: 12 - 7 = 5. 12 - 2 = 10.",
    # Behind a mere computation a doubt may go on to what is asked for; a guess settles nothing.
    "5 + 7 = 12. 12 - 2 = 10. Wait, we have her pens. 5 + 7 = 12, and 2 go: 10.",
    "5 + 7 = 12. Maybe 12 - 2 = 10? Let me check. 10 + 2 = 12. Yes, 10.",
    # The only place that says that the question wants something.
    "5 + 7 = 12. 12 - 2 = 10. Let me check. It is impossible to say what Tom has. So 10.",
    # Something new stands between the answer and the doubt; no announcement; a line that leads on.
    "5 + 7 = 12. 12 - 2 = 10. From 5 to 7. From 7 to 2. Wait, let me check. From 2 to 5. So 10.",
    "5 + 7 = 12. That could be. 12 - 2 = 10.",
    "We see what she has as x is 0.\nAs x is 0:\n5 + 7 = 12.\n12 - 2 = 10.",
    # A state that the one before it holds; a move that comes again; what leads on, or is gone on from.
    "( ; stack: ( ( ) ; stack: (. ) ; stack: (. 5 + 7 = 12. 12 - 2 = 10.",
    "Ana gives it to Tom. 5 + 7 = 12. Ana gives it to Tom. 12 - 2 = 10.",
    "We need to know how many are left. They are hers. 5 + 7 = 12. 12 - 2 = 10.",
    # A check that finds something new is none.
    "5 + 7 = 13. Let me check: 13 - 7 = 6. 5 + 7 = 12. 12 - 2 = 10.",
    # A step that looks back and computes the answer for the first time is no check, though 10 was there.
    "Of 10 hooks 5 + 7 = 12. Wait, so 2 go: 12 - 2 = 10.",
    # The same operation twice is no restatement.
    "5 + 7 = 12. 12 - 7 = 5. 5 + 7 = 12. 12 - 2 = 10.",
    "Ana: 5 + 7 = 12. Tom: 5 + 7 = 12. 12 - 2 = 10.",
    # Words that are no mere announcement, and what is asked for on the way.
    "We add first, as she loses some of all. 5 + 7 = 12. Now we need to know how many go. 12 - 2 = 10.",
    # Calls of tools stay as they are.
    "5 + 7 = 12.<tool>calculator\n12 - 2</tool><result>10</result> Check: 10 + 2 = 12.",
    "", " ", "10.",
])  # fmt: skip
def test_steps_that_are_needed_or_may_be_stay(reasoning):
    assert left(reasoning) == reasoning


def test_a_reasoning_that_ends_elsewhere_is_not_cut_at_its_answer():
    text = "5 + 7 = 12. 12 - 2 = 10. Wait, 2 more are lost. 10 - 2 = 8."
    assert left(text) == text


def test_an_answer_that_only_holds_a_number_is_concluded_by_none():
    text = "She has n left, and 1 goes to Tom: n(n - 1). So 1 it is for him. Wait, for her? So n(n - 1)."
    assert left(text, problem=Problem(id="1", question="How many?", gold="n(n - 1)", answer_kind="auto"),
                answer="The answer is n(n - 1).") == text  # fmt: skip


def test_paragraphs_stay_paragraphs():
    text = "5 + 7 = 12.\n\nLet me check: 12 - 7 = 5.\n\n12 - 2 = 10.\n\nSo it is 10.\n\nCheck: 10 + 2 = 12."
    assert left(text) == "5 + 7 = 12.\n\n12 - 2 = 10.\n\nSo it is 10."
    assert left(text, ["conclusion"]) == text.removesuffix("\n\nCheck: 10 + 2 = 12.")


def test_a_choice_is_concluded_by_naming_it():
    text = "Blue is cold. Green is neither. Red is warm, so choice B it is. Let me double-check: blue is cold. Yes."
    assert left(text, problem=CHOICE, answer="B") == "Blue is cold. Green is neither. Red is warm, so choice B it is."


PIECES = st.sampled_from([
    "5 + 7 = 12.", "12 - 2 = 10.", "Wait, that is not right.", "Let me check: 12 - 7 = 5.", "So 10 pens are left.",
    "5 * 7 = 35.", "Check: 10 + 2 = 12.", "She has 5 and buys 7.", "Then 2 go.", "No, 8.", "Hmm.", "\n\n", "$x = 10$",
    "The answer is 10.", "The answer is 8.", "# Step 2", "Done.", "Alternatively, 5 - 2 = 3.", "3 + 7 = 10.", "1.",
])  # fmt: skip


@given(st.lists(PIECES, max_size=14), st.sampled_from(["The answer is 10.", "8", "", "I do not know."]),
       st.lists(st.sampled_from(KINDS), unique=True), st.sampled_from(["number", "auto", "text"]))  # fmt: skip
def test_what_is_left_are_steps_of_the_whole_and_once_is_enough(pieces, answer, kinds, kind):
    problem = Problem(id="1", question=SUM.question, gold="10", answer_kind=kind)
    reasoning = " ".join(pieces)
    found = prune(problem, reasoning, answer, kinds)
    steps = [reasoning[span.start : span.end] for span in segment(reasoning, "sentences")]
    assert found.steps == len(steps)
    assert list(found.kept) == sorted(set(found.kept))
    assert found.text.split() == " ".join(steps[place] for place in found.kept).split()
    assert sum(found.gone) == len(steps) - len(found.kept)
    assert prune(problem, found.text, answer, kinds).text == found.text
    if found.left_whole or not kinds:
        assert found.text == reasoning
    whole = trace(problem, reasoning, answer)
    shorter, _ = pruned_trace(problem, whole, kinds)
    assert (shorter.answer, shorter.key) == (whole.answer, whole.key)


@pytest.mark.parametrize("family", sorted(TEMPLATES.keys() - {"table", "function"}))
def test_worked_traces_lose_their_checks_and_false_starts_and_nothing_else(family):
    """`solve` says which traces check and which have a false start; the same solution without either is the truth."""
    problems = list(read(recipe.Source(family=family, count=20), seed=5, data=Path(), where="x"))
    before = after = stripped = unchanged = wordy = all_before = all_after = 0
    for problem in problems:
        for sample in range(4):
            reasoning, answer, info = solve(problem, sample, 1, 0.0, "varied")
            found = prune(problem, reasoning, answer, KINDS)
            own = judge(problem, found.text, Checks()).outcome, judge(problem, reasoning, Checks()).outcome
            unchanged += own[0] == "right" or own[1] != "right"
            all_before += len(reasoning)
            all_after += len(found.text)
            if not info["checked"] and not info["abandoned"]:
                continue
            wordy += 1
            before += len(reasoning)
            after += len(found.text)
            stripped += not any(mark in found.text for mark in ("Check:", "Wait, that", "Hold on,", "No, that"))
    assert unchanged >= 0.99 * 80
    assert stripped >= 0.75 * wordy  # an attempt whose numbers are met again stays
    assert after <= 0.85 * before
    assert all_after <= 0.92 * all_before


@pytest.mark.skipif(not LONG.exists(), reason="shared data is not beside the checkout")
def test_real_long_traces_are_a_fifth_shorter_and_end_the_same():
    rows = [json.loads(line) for line in gzip.decompress(LONG.read_bytes()).decode().splitlines()][::26]
    before = after = same = count = 0
    for row in rows:
        problem = Problem(id="", question=row["problem"], gold=row["gold"])
        split = split_response(row["response"])
        if not split.reasoning or row["correct"] is None:
            continue
        found = prune(problem, split.reasoning, split.answer, KINDS)
        count += 1
        before, after = before + len(split.reasoning), after + len(found.text)
        own = [judge(problem, text, Checks()).outcome for text in (split.reasoning, found.text)]
        same += own[0] != "right" or own[1] == "right"
    assert count > 30
    assert after <= 0.8 * before
    assert same >= 0.99 * count


def test_a_run_prunes_names_the_parent_and_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problems = list(read(recipe.Source(family="chain", count=24), seed=source_seed(3, 0), data=Path(), where="x"))
    rows = []
    for problem in problems:
        reasoning, answer, _ = solve(problem, 0, 3, 0.0, "plain")
        rows.append({"question": problem.question, "reasoning": f"{reasoning} Let me check. Done.", "said": answer})
    (shown,) = re.findall(r"```yaml\n(curate:\n  prune:.*?)```", PAGE, re.DOTALL)
    Path("traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = yaml.safe_load(TINY) | {
        "teacher": {"kind": "dataset", "file": "traces.jsonl", "columns": {"answer": "said"}},
        "curate": yaml.safe_load(shown)["curate"] | {"near": 0.8},
    }  # fmt: skip
    Path("r.yaml").write_text(yaml.safe_dump(settings))
    done("run", "r.yaml", "--out", "run", "--until", "examples")
    run = Run(Path("run"))
    traces = {row.key: row for row in run.committed("traces").rows("traces", Trace)}
    stage = run.committed("examples")
    examples, pruned = list(stage.rows("examples", Example)), list(stage.rows("pruned", Pruning))
    assert len(examples) == len(pruned) == 20
    assert {row.parent for row in pruned} == {row.trace_key for row in examples}
    for example in examples:
        assert example.reasoning + " Let me check. Done." == traces[example.trace_key].reasoning
    assert stage.counts["pruning"]["pruned"] == 20
    assert stage.counts["pruning"]["conclusion"] == 40
    assert stage.counts["pruning"]["tokens_kept"] < stage.counts["pruning"]["tokens"]


def test_nothing_of_it_shows_in_the_settings_of_runs_that_do_not_prune():
    from potstill.pipeline.settings import of_curation

    assert not {"prune", "pruning version"} & set(of_curation(Curate()))
    assert of_curation(Curate(prune=("conclusion",)))["prune"] == ["conclusion"]
