"""Problems written by a teacher with planted faults: only the sound ones are kept, whatever kills the run."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import stub_server
import yaml
from commands import call, done
from teach.scripted import Scripted, turns_of
from teach.test_kills import each_ends_the_same

from potstill.models.ledger import Ledger
from potstill.recipe import Written
from potstill.records import Drop, Problem, Reason
from potstill.store import Run
from potstill.teach.writing import WAYS, fault_of, prompts_of, question_in

CLIENT = Path(__file__).parents[1] / "soak" / "chaos_client.py"
AT_ONCE = 4
SEED = "Ana has {n} pens and buys {m} more at the shop on the corner. How many pens does she have then?"
TEST = "A train with {n} cars leaves the station, and {m} cars are left behind on the way. How many cars arrive?"
OTHER = (
    "A tank of {n} litres loses {m} litres each hour through a small hole in its bottom. "
    "How many litres are left in it after 2 hours?"
)
PLANTED = {
    "sound": None, "open": Reason.UNWRITTEN, "cut": Reason.UNWRITTEN, "answered": Reason.UNWRITTEN,
    "prompt": Reason.UNWRITTEN, "copy": Reason.COPIED, "test": Reason.LEAK, "template": Reason.LEAK,
    "holds": Reason.LEAK, "split": Reason.UNSETTLED, "unsolvable": Reason.UNSETTLED, "long": Reason.UNWRITTEN,
}  # fmt: skip
"""What is planted -> why it goes; `sound` is to stay."""
KINDS = list(PLANTED)
FIRST, SEEDS = 120, 4 * len(PLANTED)


def kind_of(n):
    return KINDS[(n - FIRST) % len(KINDS)]


class Writer(Scripted):
    """Writes by the number of the problem that it is shown; solves what is sound alike each time."""

    def said(self, body):
        text = turns_of(body)
        if "Reason step by step" in text:
            return self.solved(text, body["seed"])
        n = int(re.search(r"Ana has (\d+)", text)[1])
        baker = f"A baker with {n} loaves sells 7 of them and bakes {2 * n} more. How many loaves are there at night?"
        own = {
            "sound": baker, "answered": f"{baker} The answer is {3 * n - 7}.",
            "cut": f"A baker with {n} loaves sells 7 of them and then",
            "prompt": f"{baker} Have exactly one answer that follows from what it says, and ask for one thing.",
            "copy": SEED.format(n=n, m=n + 3).replace("shop", "store"),
            "test": TEST.format(n=40 + n % 5, m=9).replace("station", "depot"),
            "template": TEST.format(n=n, m=8),
            "holds": f"Read on. {OTHER.format(n=700 + n % 3, m=30)} Tell also how it felt to see {n} drops.",
            "split": f"A crate of {n} apples is shared by some friends. How many apples does each of them get?",
            "unsolvable": f"A farmer gives {n} eggs away and keeps the rest. How many eggs were there at first?",
        }  # fmt: skip
        kind = kind_of(n)
        if kind == "open":
            return f"Let me think.\n<problem>{baker}"
        if kind == "long":
            return f"Let me think. <problem>{baker}", "length"
        return f"Here it is.\n\n<problem>\n{own[kind]}\n</problem>"

    def solved(self, text, seed):
        n = int(re.search(r"\d+", text)[0])
        answer = 3 * n - 7
        if "apples" in text:
            answer = random.Random(f"{n} {seed}").randrange(1, 40)
        if "eggs" in text:
            return "It is not told how many she kept.\n\nThe answer cannot be determined."
        return f"We add and take away.\n\nThe answer is {answer}."


def folder_with(tmp_path, name, url, **written):
    folder = tmp_path / name
    folder.mkdir()
    numbers = range(FIRST, FIRST + SEEDS)
    rows = {
        "p.jsonl": [{"question": SEED.format(n=n, m=n + 3), "gold": str(2 * n + 3)} for n in numbers],
        "e.jsonl": [{"question": TEST.format(n=n, m=9), "gold": str(n - 9)} for n in range(40, 45)],
        "a.jsonl": [{"question": OTHER.format(n=n, m=30), "gold": str(n - 60)} for n in range(700, 703)],
    }  # fmt: skip
    for file, found in rows.items():
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in found))
    settings = {
        "name": "t", "seed": 5,
        "problems": {
            "sources": [{"file": "p.jsonl", "use": "train"}, {"file": "e.jsonl", "use": "evaluate"}],
            "against": ["a.jsonl"], "written": {"ways": ["deeper", "broader"], "samples": 3, **written},
        },
        "teacher": {
            "kind": "served", "base_url": url, "model": "m", "concurrency": AT_ONCE, "sampling": {"max_tokens": 64},
        },
        "student": {"scratch": {}}, "train": {"steps": 1},
    }  # fmt: skip
    (folder / "r.yaml").write_text(yaml.safe_dump(settings))
    return folder


def bytes_of(folder):
    stage = folder / "run" / "problems"
    return {path.name: path.read_bytes() for path in stage.iterdir() if path.name != "clock.json"}


def write(folder):
    done("run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems")
    return Run(folder / "run").committed("problems")


@pytest.fixture
def writer(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Writer)
    with stub_server.running() as stub:
        yield stub


def test_only_sound_problems_are_kept_and_every_planted_kind_goes(tmp_path, writer):
    folder = folder_with(tmp_path, "t", writer.url)
    stage = write(folder)
    train = list(stage.rows("train", Problem))
    seeds = {problem.key: problem for problem in train if not problem.source.startswith("written:")}
    kept = [problem for problem in train if problem.source.startswith("written:")]
    assert len(seeds) == SEEDS
    number = {key: int(re.search(r"\d+", problem.question)[0]) for key, problem in seeds.items()}
    assert [kind_of(number[json.loads(problem.facts)["parent"]]) for problem in kept] == ["sound"] * 4
    for problem in kept:
        n = int(re.search(r"\d+", problem.question)[0])
        lineage = json.loads(problem.facts)
        assert problem.gold == str(3 * n - 7)
        assert number[lineage["parent"]] == n
        assert problem.source == f"written:{lineage['way']}"
        assert (lineage["agree"], lineage["samples"]) == (3, 3)
    dropped = Counter(drop.reason for drop in stage.rows("dropped", Drop))
    wanted = Counter(4 * [reason for reason in PLANTED.values() if reason is not None])
    assert dropped == wanted, list(stage.rows("dropped", Drop))
    counts = stage.counts
    assert (counts["train"], counts["written"]["seeds"], counts["written"]["kept"]) == (SEEDS + 4, SEEDS, 4)
    # What is not whole or not new is not solved: nothing is paid for it.
    solved = [body for body in writer.bodies if "Reason step by step" in turns_of(body)]
    assert len(solved) == 3 * 3 * 4
    # A later stage asks the same samples of the ledger, where it asks them alike.
    before = writer.stats()["requests"]
    done("run", folder / "r.yaml", "--out", folder / "run", "--stage", "traces")
    assert writer.stats()["requests"] == before + SEEDS


def killed_as_it_writes(tmp_path, monkeypatch, kills):
    """Kill the writing at one point after the other, and see that it ends as if undisturbed; return how often it died.

    A run that outlives its kill is whole.
    """
    monkeypatch.setattr(stub_server, "Stub", Writer)
    with stub_server.running() as stub:
        calm = folder_with(tmp_path, "calm", stub.url)
        write(calm)
        wanted, needed = bytes_of(calm), stub.stats()["requests"]
    died = 0
    with stub_server.running(delay=0.01) as stub:
        folder = folder_with(tmp_path, "killed", stub.url)
        argv = ["run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems"]
        for point, count in kills:
            process = subprocess.run(
                [sys.executable, *map(str, [CLIENT, point, count, *argv])], capture_output=True, text=True, timeout=120
            )  # fmt: skip
            assert process.returncode in (0, -9), process.stderr
            if process.returncode == 0:
                break
            died += 1
        write(folder)
        stats = stub.stats()
    assert bytes_of(folder) == wanted
    assert stats["distinct"] == needed
    assert stats["requests"] <= needed + died * AT_ONCE, "more was asked again than was in flight"
    with Ledger(folder / "run" / "ledger" / "completions.sqlite", write=False) as ledger:
        assert len(list(ledger)) == needed
    return died


def test_killed_three_times_it_ends_with_the_same_problems(tmp_path, monkeypatch):
    assert killed_as_it_writes(tmp_path, monkeypatch, [("reply", 7), ("committed", 1), ("put", 8)]) == 3


@pytest.mark.soak
def test_killed_twenty_times_it_ends_with_the_same_problems(tmp_path, monkeypatch):
    each_ends_the_same(tmp_path, lambda folder, kills: killed_as_it_writes(folder, monkeypatch, kills), "written")


def test_a_problem_in_other_words_has_to_keep_its_answer(tmp_path, writer):
    """The writer's baker has another answer than the pens it was made from; what repeats another prompt is whole."""
    stage = write(folder_with(tmp_path, "t", writer.url, ways=["rephrased"]))
    reasons = Counter(drop.reason for drop in stage.rows("dropped", Drop))
    assert reasons[Reason.OTHER_ANSWER] == 4 + 4
    assert stage.counts["written"]["kept"] == 0


def test_failed_requests_decide_nothing(tmp_path, monkeypatch):
    class Down(Writer):
        down = True

        def action(self, key, body):
            return 400 if self.down and "loaves" in turns_of(body) else super().action(key, body)

    monkeypatch.setattr(stub_server, "Stub", Down)
    with stub_server.running() as stub:
        folder = folder_with(tmp_path, "t", stub.url)
        ended = call("run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems")
        refused = "written: too few samples agree"
        if ended.code == 0:  # a server's 400 is a refusal, which is the server's last word
            dropped = Run(folder / "run").committed("problems").counts["dropped"]
            assert dropped[refused] == 12
        else:
            assert "run again" in ended.mistake()


def test_own_prompts_take_the_place_of_ours_and_add_ways(tmp_path, writer):
    (tmp_path / "own.txt").write_text("OWN {question} Write it between <problem> and </problem>.")
    folder = folder_with(tmp_path, "t", writer.url, ways=["mine"], prompts={"mine": "../own.txt"})
    stage = write(folder)
    assert set(stage.counts["written"]["ways"]) == {"mine"}
    assert len({text for text in map(turns_of, writer.bodies) if text.startswith("OWN Ana has")}) == SEEDS


def test_the_recipe_of_the_guide_runs_as_it_stands_there(tmp_path, writer):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "problems.md").read_text()
    (shown,) = re.findall(r"```yaml\n(problems:\n  evaluate: 4\n.*?written:.*?)```", page, re.DOTALL)
    folder = folder_with(tmp_path, "t", writer.url)
    (folder / "a.jsonl").rename(folder / "tests.jsonl")
    settings = yaml.safe_load(shown.replace("http://localhost:8000/v1", writer.url)) | {
        "name": "t", "student": {"scratch": {}}, "train": {"steps": 1},
    }  # fmt: skip
    (folder / "r.yaml").write_text(yaml.safe_dump(settings))
    stage = write(folder)
    assert stage.counts["written"]["kept"] > 0
    told = call("plan", folder / "r.yaml").out
    assert "problems" in told


@pytest.mark.parametrize(("written", "told"), [
    ({"ways": ["deepr"]}, "problems.written.ways: 'deepr'"),
    ({"ways": ["mine"], "prompts": {"mine": "none.txt"}}, "problems.written.prompts.mine"),
    ({"ways": ["broader"], "prompts": {"deeper": "own.txt"}}, "problems.written.prompts.deeper"),
    ({"ways": ["mine"], "prompts": {"mine": "own.txt"}}, "never mentions {question}"),
])  # fmt: skip
def test_mistakes_end_in_a_line(tmp_path, written, told):
    folder = folder_with(tmp_path, "t", "http://127.0.0.1:9/v1", **written)
    (folder / "own.txt").write_text("Write a problem.")
    assert told in call("check", folder / "r.yaml").mistake()


def test_a_teacher_that_nobody_asks_writes_nothing(tmp_path):
    folder = folder_with(tmp_path, "t", "http://127.0.0.1:9/v1")
    settings = yaml.safe_load((folder / "r.yaml").read_text()) | {"teacher": {"kind": "solutions"}}
    (folder / "r.yaml").write_text(yaml.safe_dump(settings))
    assert "problems.written: problems are written by" in call("check", folder / "r.yaml").mistake()


@pytest.mark.parametrize(("question", "fault"), [
    ("How many pens does Ana have if she buys 3 and loses 1?", ""),
    ("Find the sum of the first ten odd numbers.", ""),
    ("Wie viele Stifte hat Ana, wenn sie 3 kauft und 1 verliert?", ""),
    ("Let $x$ be a number with $x^2 = 49$. What is $|x|$?", ""),
    ("", "no problem between its marks"), ("How many?", "no problem between its marks"),
    ("Ana buys 3 pens and loses 1 of them on the way home.", "it asks nothing"),
    ("How many pens has Ana, who buys 3 and", "it breaks off"),
    ("How many pens are 3 and 4 pens? The answer is 7.", "it says its answer"),
    ("How many pens are 3 and 4 pens? \\boxed{7}", "it says its answer"),
    ("<think>How many pens are 3 and 4 pens?", "marks in it"),
])  # fmt: skip
def test_the_form_of_a_problem(question, fault):
    assert fault_of(question, prompts_of(Written(), Path())["deeper"]) == fault


def test_what_stands_between_the_last_marks_is_the_problem():
    assert question_in("<problem>a</problem> no: <problem> b </problem>.") == "b"
    assert question_in("</problem> <problem>b") == ""
    assert list(prompts_of(Written(), Path())) == list(WAYS)
