"""Tree of thoughts against a teacher that plays the game of 24 by rules: calls by formula, the search as computed."""

import itertools
import random
import re
from collections import Counter
from fractions import Fraction

import pytest
import stub_server
from teach.scripted import DyingError, Scripted, dying, taught, turns_of

from potstill.models.ledger import Ledger
from potstill.recipe import Strategy, Tree
from potstill.records import Problem
from potstill.teach.strategies import Material
from potstill.teach.strategies.tree import asking

GAMES = [(4, 9, 10, 13), (1, 5, 5, 5), (1, 3, 4, 6), (3, 3, 8, 8)]
LEFT = re.compile(r"left: ([\d/ -]+)\)")
OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


def moves(numbers):
    """Every legal step from numbers, in a fixed order: (what is written, what is left)."""
    found = {}
    for (i, a), (j, b) in itertools.permutations(enumerate(numbers), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for sign, does in OPERATIONS.items():
            if sign == "/" and b == 0:
                continue
            left = tuple(sorted([*rest, does(a, b)]))
            found.setdefault(left, f"{a} {sign} {b} = {does(a, b)} (left: {' '.join(map(str, left))})")
    return [(text, left) for left, text in sorted(found.items())]


def solvable(numbers):
    return numbers[0] == 24 if len(numbers) == 1 else any(solvable(left) for _, left in moves(numbers))


def proposals(numbers, branching, problem):
    """What the teacher proposes: some of the legal moves, in an order of the state's own; one that helps among them."""
    if len(numbers) == 1:
        return [("Answer: " + ("24" if numbers[0] == 24 else str(numbers[0])), None)]
    found = moves(numbers)
    random.Random(f"{problem} {numbers}").shuffle(found)
    good = next((move for move in found if solvable(move[1])), None)
    chosen = found[:branching]
    if good is not None and good not in chosen:
        chosen[-1] = good
    return chosen


class Player(Scripted):
    """Proposes, values by an oracle with an error rate, in three spellings, and sometimes says nothing of use."""

    wrong, mumbles = 0.0, 0.0
    branching = 4

    def said(self, body):
        text = turns_of(body)
        question = tuple(Fraction(n) for n in re.search(r"with ([\d ]+) make", text)[1].split())
        steps = text.partition("Steps so far:\n")[2].partition("\n\n")[0]
        left = LEFT.findall(steps)
        numbers = tuple(Fraction(n) for n in left[-1].split()) if left else tuple(sorted(question))
        if "Propose" in text:
            lines = [f"{at}. {move}" for at, (move, _) in enumerate(proposals(numbers, self.branching, question), 1)]
            return "\n".join(["Some ideas:", *lines, lines[0], "7.", "7 is lucky"])
        if "sure, likely or impossible" in text:
            return self.judged(steps, numbers, f"{body['seed']} {steps}")
        if "Which of them" in text:
            return self.voted(text, body["seed"])
        return "I give up.\n\nThe answer is 0."

    def good(self, steps, numbers):
        return steps.endswith("Answer: 24") if "Answer" in steps else solvable(numbers)

    def judged(self, steps, numbers, seed):
        dice = random.Random(seed)
        if dice.random() < self.mumbles:
            return dice.choice(["Hm.", "sure or likely, who knows", "I am not sure"])
        good = self.good(steps, numbers) is not (dice.random() < self.wrong)
        said = ("sure", "Sure.", "I think: sure") if good else ("impossible", "Impossible!", "This is impossible")
        return f"Let me see; it is likely.\n{dice.choice(said)}"

    def voted(self, text, seed):
        shown = re.findall(r"^(\d+)\. (.*(?:\n   .*)*)", text, re.MULTILINE)
        for number, steps in shown:
            left = LEFT.findall(steps)
            if self.good(steps.rpartition("\n")[2].strip(), tuple(Fraction(n) for n in left[-1].split())):
                return f"Not 1 or 2.\nBest: {number}"
        return "Best: 99"


def problem(game):
    return Problem(id=str(game), question=f"Play: with {' '.join(map(str, game))} make 24.", gold="24")


PROBLEMS = [problem(game) for game in GAMES]


def tree_of(tmp_path, **settings):
    strategy = Strategy(kind="tree", tree=Tree(**settings))
    material = Material(training=list, held_out=list, data=tmp_path, seed=1, kept=tmp_path / "k")
    return strategy, asking("", strategy, material)


def searched(stub, tmp_path, ledger="l", problems=PROBLEMS, counts=None, **settings):
    strategy, how = tree_of(tmp_path, **settings)
    given = {"kind": strategy.kind, "tree": strategy.tree}
    return taught(stub.url, tmp_path / ledger, problems, how, counts=counts, **given)


def reference(game, width, depth, branching):
    """Return (calls by role, whether it ends with 24) of a search with a teacher that never errs: all by hand."""
    calls = Counter()
    start = tuple(sorted(map(Fraction, game)))
    frontier = [start]
    for _ in range(depth):
        calls["propose"] += len(frontier)
        made = [move for numbers in frontier for move in proposals(numbers, branching, tuple(map(Fraction, game)))]
        calls["value"] += 3 * len(made)
        good = [(text, left) for text, left in made if (text == "Answer: 24" if left is None else solvable(left))]
        kept = good[:width]
        if not kept or kept[0][1] is None:
            break
        frontier = [left for _, left in kept if left is not None]
    solved = bool(kept) and kept[0][1] is None
    calls["finish"] += not solved
    return +calls, solved


@pytest.fixture
def player(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Player)
    with stub_server.running() as stub:
        yield stub


@pytest.mark.parametrize("width", [1, 3])
def test_calls_by_formula_and_the_trace_is_the_path(player, tmp_path, width):
    player.branching = 4
    counts, wanted = {}, Counter()
    traces = searched(player, tmp_path, width=width, branching=4, counts=counts)
    for game, trace in zip(GAMES, traces, strict=True):
        calls, solved = reference(game, width, 4, 4)
        wanted += calls
        assert (trace.answer == "24") is solved
        if solved:
            assert trace.reasoning.count("\n") == 2
            assert "left: 24)" in trace.reasoning
            assert "sure" not in trace.reasoning
    assert {role: told["calls"] for role, told in counts["calls"].items()} == dict(wanted)
    assert player.stats()["requests"] == player.stats()["distinct"] == sum(wanted.values())
    assert counts["strategy"].get("unreadable", 0) == 0
    assert counts["strategy"]["same again"] == counts["strategy"]["expanded"], "one line is proposed twice each time"
    assert "24" not in {turn for body in player.bodies for turn in turns_of(body).split("gold")[1:]}


def test_more_width_solves_more_and_errors_cost(player, tmp_path):
    player.branching = 6

    def solved(name, **settings):
        traces = searched(player, tmp_path, ledger=name, branching=6, most_calls=1000, **settings)
        return sum(trace.answer == "24" for trace in traces)

    assert solved("exact", width=1, votes=1) == len(GAMES)
    player.wrong = 0.2
    narrow, wide = solved("narrow", width=1, votes=1), solved("wide", width=3, votes=5)
    assert narrow < len(GAMES)
    assert narrow < wide


def test_an_unreadable_value_is_unknown_and_asked_once_more(player, tmp_path):
    player.mumbles, counts = 0.3, {}
    traces = searched(player, tmp_path, width=3, branching=4, counts=counts)
    told = counts["strategy"]
    again = counts["calls"]["value"]["calls"] - 3 * told["states"]
    sent = [(body["seed"], turns_of(body).partition("Steps so far:\n")[2]) for body in player.bodies]
    dice = [f"{seed} {steps.partition(chr(10) * 2)[0]}" for seed, steps in sent if "sure, likely or imp" in steps]
    assert len(dice) == counts["calls"]["value"]["calls"]
    assert sum(random.Random(one).random() < player.mumbles for one in dice) == told["unreadable"] > again > 20, (
        "what could not be read the second time is asked no more"
    )
    assert sum(trace.answer == "24" for trace in traces) >= len(GAMES) - 1


def test_votes_are_shown_in_another_order_each_time_and_read_whole(player, tmp_path):
    counts = {}
    traces = searched(player, tmp_path, width=1, branching=12, evaluate="vote", prune_below=0.0, counts=counts)
    shown = [turns_of(body) for body in player.bodies if "Which of them" in turns_of(body)]
    one = [text for text in shown if text.count("\n1. ") == 1 and "with 4 9 10 13" in text][:3]
    assert len(set(one)) == 3, "the same states in three orders"
    assert sum(trace.answer == "24" for trace in traces) >= 3
    assert "vote" in counts["calls"]
    assert "value" not in counts["calls"]


def test_depth_first_goes_back_and_the_search_can_be_the_trace(player, tmp_path):
    player.wrong, counts = 0.25, {}
    traces = searched(
        player, tmp_path, search="dfs", branching=3, votes=1, depth=4, flatten="search", counts=counts, most_calls=400
    )
    assert counts["strategy"]["back"] > 0
    back = next(trace for trace in traces if "Back to: " in trace.reasoning)
    assert "Try: " in back.reasoning
    path = back.reasoning.rpartition("So the way is:\n")[2].split("\n")
    assert all(f"Try: {step} (" in back.reasoning for step in path if "left" in step)


@pytest.mark.parametrize("search", ["bfs", "dfs"])
def test_the_cap_is_never_passed(player, tmp_path, search):
    player.mumbles, counts = 0.2, {}
    searched(player, tmp_path, problems=PROBLEMS[:2], search=search, most_calls=20, counts=counts)
    assert counts["strategy"]["capped"] == 2
    assert player.stats()["requests"] <= 2 * 20


@pytest.mark.parametrize("commits", [2, 9, 25])
def test_stopped_anywhere_the_search_goes_on_where_it_was(player, tmp_path, monkeypatch, commits):
    player.wrong, player.mumbles = 0.1, 0.1
    calm = searched(player, tmp_path, ledger="calm", problems=PROBLEMS[:2])
    needed = player.stats()["distinct"]
    before = player.stats()["requests"]
    mend = dying(Ledger, monkeypatch, commits)
    with pytest.raises(DyingError):
        searched(player, tmp_path, problems=PROBLEMS[:2])
    mend()
    assert searched(player, tmp_path, problems=PROBLEMS[:2]) == calm
    assert player.stats()["distinct"] == needed
    assert player.stats()["requests"] - before <= needed + 8


def test_states_without_any_judgement_count_as_the_mean(tmp_path):
    from potstill.teach.strategies.tree import State, Walk

    _, how = tree_of(tmp_path, prune_below=0.3)
    root = State("")
    states = [State(str(at), root, value) for at, value in enumerate([0.0, None, 1.0, 0.4])]
    walk = Walk(furthest=root)
    assert [state.step for state in how._kept(states, walk)] == ["2", "1", "3"]
    assert walk.counts["pruned"] == 1
