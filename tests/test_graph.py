"""The graph of a recipe: what is inherited, what takes the place of what, and every mistake as one line."""

import dataclasses
import typing
from pathlib import Path

import pytest

from potstill.errors import RecipeError
from potstill.graph import graph_of
from potstill.pipeline import naming
from potstill.pipeline.settings import chosen, scopes_of
from potstill.pipeline.stages import stages_of
from potstill.recipe import SECTIONS, Recipe
from potstill.recipe_file import dump, load, parse

EVERYTHING = Path(__file__).parent / "recipes" / "everything.yaml"
BASE = """\
name: x
problems: {evaluate: 5, sources: [{family: chain, count: 20}]}
teacher: {kind: worked}
student: {scratch: {hidden: 32, layers: 1, heads: 2, intermediate: 48}}
train: {steps: 3}
evaluate: {max_tokens: 64}
"""


def graph(text):
    return graph_of(parse(BASE + text, "r.yaml"))


def test_a_recipe_without_sets_and_arms_means_one_set_and_three_arms():
    plain, written = graph(""), graph(
        "sets: {traces: {}}\n"
        "arms: {base: {}, answers: {train: {supervision: answers, match: {examples: traces}}}, traces: {train: {}}}\n"
        "deliver: traces\n"
    )  # fmt: skip
    assert plain == written
    assert list(plain.arms) == ["base", "answers", "traces"]
    assert not plain.arms["base"].trained
    assert plain.arms["answers"].phases[0].match == ("examples", "traces")
    assert plain.arms["traces"].phases[0].recipe.train == parse(BASE, "r.yaml").train


def test_a_node_inherits_and_overrides_key_by_key():
    found = graph(
        "curate: {per_problem: 3, order: easy_to_hard}\n"
        "sets:\n  traces: {}\n  few: {from: traces, curate: {per_problem: 1}}\n"
        "  asked: {teacher: {kind: served, base_url: 'http://localhost:1/v1', model: m}}\n"
        "arms:\n  one: {train: {on: few, tokens: 50}}\n  two: {from: one, train: {on: asked, epochs: 2}}\n"
        "  named: {student: {model: smollm2-135m-instruct}, train: {on: traces}}\n"
        "  wide: {student: {scratch: {hidden: 64}}, train: {on: traces}}\n"
    )
    few = found.sets["few"]
    assert (few.traces_of, few.recipe.curate.per_problem, few.recipe.curate.order) == ("traces", 1, "easy_to_hard")
    assert found.sets["asked"].recipe.teacher.kind == "served"
    train = found.arms["one"].phases[0].recipe.train
    assert (train.tokens, train.steps, train.epochs) == (50, None, None)
    assert found.arms["two"].phases[0].recipe.train.epochs == 2
    assert found.arms["named"].recipe.student.scratch is None
    wide = found.arms["wide"].recipe.student.scratch
    assert (wide.hidden, wide.layers, wide.intermediate) == (64, 1, 48)
    assert [found.arms[name].student for name in ("one", "two", "named", "wide")] == ["", "", "named", "wide"]
    assert found.deliver == "wide", "the last trained arm where none is called traces"


def test_rounds_are_written_out_and_each_is_taught_by_the_one_before():
    found = graph_of(load(str(EVERYTHING)))
    assert list(found.arms)[-2:] == ["improved.round1", "improved"]
    assert found.sets["own.round1"].taught_by == "traces"
    assert found.sets["own"].taught_by == "improved.round1"
    assert found.arms["improved"].phases[0].on == "own"
    assert naming.model(found.arms["improved.round1"], found) == "train-improved.round1"
    first = graph("sets: {traces: {}, own: {teacher: {kind: arm, arm: a}}}\narms: {a: {rounds: 1, train: {on: own}}}\n")
    assert first.sets["own"].taught_by is None
    assert first.sets["own"].taught_by_student == "", "the untouched student teaches the first round"


def test_stages_come_in_an_order_in_which_they_can_run_and_an_arm_is_measured_before_the_next():
    names = [stage.name for stage in stages_of(load(str(EVERYTHING)))]
    for stage in stages_of(load(str(EVERYTHING))):
        assert all(names.index(needed) < names.index(stage.name) for needed in stage.needs)
    assert names.index("evaluate-traces") < names.index("train-other")
    assert names[-1] == "report"


def test_the_resolved_recipe_reads_back_to_the_same_graph():
    recipe = load(str(EVERYTHING))
    assert graph_of(parse(dump(recipe), "again.yaml")) == graph_of(recipe)


MISTAKES = {
    "arms: {a: {trai: {}}}": "arms.a.trai: unknown key, did you mean 'train'?",
    "arms: {a: {train: {stepz: 3}}}": "arms.a.train.stepz: unknown key, did you mean 'steps'?",
    "arms: {a: {train: {on: trace}}}": "arms.a.train.on: there is no set 'trace', did you mean 'traces'?",
    "sets: {a: {from: b}, b: {from: a}}": "sets.a.from: a circle: a <- b <- a",
    "sets: {a: {}, b: {}}\narms: {c: {train: {on: a}}}": "sets.b: nothing uses this set",
    "sets: {a: {}, b: {}}\narms: {c: {train: {}}, d: {train: {on: b}}}": "arms.c.train.on: say which set",
    "arms: {a: {train: {match: {tokens: a}}}}": "arms.a.train.match.tokens: an arm cannot match 'a', itself",
    "arms: {a: {}, b: {train: {match: {flops: a}}}}": "arms.b.train.match.flops: an arm cannot match 'a', which is not",
    "arms: {a: {train: {match: {}}}}": "arms.a.train.match: give exactly one of examples, tokens, flops",
    "arms: {a: {train: {match: {tokens: b}}}, b: {train: {match: {tokens: a}}}}": "a circle: arm a <- arm b <- arm a",
    "sets: {s: {teacher: {kind: arm, arm: a}}}\narms: {a: {train: {on: s}}}": "needs `rounds: N`",
    "sets: {s: {teacher: {kind: arm, arm: b}}}\narms: {a: {train: {on: s}}}": "sets.s.teacher.arm: there is no arm 'b'",
    "deliver: base": "deliver: 'base' is not trained: name one of answers, traces",
    "deliver: nobody": "deliver: there is no arm 'nobody'",
    "arms: {a: {from: b}}": "arms.a.from: there is no arm 'b'",
    "arms: {a: {train: {}}, b: {from: a, student: {scratch: {}}}}": "arms.b.student: its student comes from 'a'",
    "sets: {traces: {}, b: {from: traces, strategy: {samples: 2}}}": "sets.b.strategy: its traces come from 'traces'",
    "sets: {s: {teacher: {kind: served}}}": "sets.s.teacher.base_url: this key is missing",
    "sets: {s: {strategy: {samples: x}}}": "sets.s.strategy.samples: input should be a valid integer",
    "sets: {s: {curate: 3}}": "sets.s.curate: needs keys of its own, not 3",
    "arms: {a: {student: {lora: {rank: 0}}}}": "arms.a.student.lora.rank: input should be greater than 0",
    "arms: {a: {evaluate: {max_tokens: 5000}}}": "arms.a.evaluate.max_tokens: max_tokens (5000) is more than",
    "arms: {a: {train: [{steps: 1}, {epochs: 1, steps: 2}]}}": "exactly one budget",
    "arms: {a: {train: []}}": "arms.a.train: an empty list trains nothing",
    "arms: {a: {train: [3]}}": "arms.a.train.0: a phase has keys",
    "arms: {'a.b': {}}": "arms.a.b: a name has letters",
    "arms: {a: {rounds: 2, train: {}}}": "arms.a.rounds: rounds need a set that this arm teaches",
    "sets: {s: {teacher: {kind: arm, arm: a}}}\narms: {a: {rounds: 99, train: {on: s}}}": "a whole number from 1 to 20",
    "scorers: {p: {kind: process}}": "scorers.p.labels: this key is missing: what it is trained on",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_gets_one_line_with_file_line_and_key(text):
    with pytest.raises(RecipeError) as caught:
        graph(text + "\n")
    assert MISTAKES[text] in str(caught.value)
    assert str(caught.value).startswith("r.yaml:")
    assert "\n" not in str(caught.value)


def test_every_field_of_a_recipe_says_what_it_decides():
    for section in SECTIONS:
        if section is Recipe:
            continue
        hints = typing.get_type_hints(section, include_extras=True)
        for item in dataclasses.fields(section):
            assert isinstance(scopes_of(hints[item.name]), frozenset), (section.__name__, item.name)


def test_what_a_field_decides_is_what_its_stage_depends_on():
    recipe = load("pocket")
    assert "learning_rate" in chosen(recipe.train, "training")
    assert "checkpoint_every" not in chosen(recipe.train, "training")
    assert set(chosen(recipe.student, "rows")) == {"prompt", "reasoning_open", "reasoning_close"}
