"""What the outputs of each node are called in the run folder."""

from __future__ import annotations

from potstill.graph import ArmNode, Graph, Phase, SetNode
from potstill.recipe import Also, Benchmark
from potstill.scorer_nodes import Part

PROBLEMS = "problems"
REPORT = "report"
MODEL = "model"
"""Folder of a checkpoint inside a stage."""
ROWS = "rows"
"""Folder of shards inside a stage."""
ASSESSMENT = "assessment.json"
"""What a reward model is worth, inside a stage."""
SCORER = "scorer"
"""Role of a reward model that is trained here."""
LOGITS = "logits"
"""Folder of a teacher's distributions inside a stage."""


def _named(kind: str, node: str, default: str) -> str:
    """Return the kind alone for the node that is meant where none is named."""
    return kind if node == default else f"{kind}-{node}"


def traces(node: SetNode, graph: Graph) -> str:
    """The traces of a set; one with `from` has those of the set that it names."""
    return _named("traces", node.traces_of, graph.main)


def verdicts(node: SetNode, graph: Graph) -> str:
    """The verdicts of a set."""
    return _named("verdicts", node.name, graph.main)


def listened(node: SetNode, graph: Graph) -> str:
    """What a student says of the traces of a set before it is trained on any."""
    return _named("listen", node.name, graph.main)


def examples(node: SetNode, graph: Graph) -> str:
    """The examples of a set."""
    return _named("examples", node.name, graph.main)


def student(student: str) -> str:
    """A base student; see `ArmNode.student`."""
    return _named("student", student, "")


def rows(phase: Phase) -> str:
    """The rows of one phase of an arm."""
    return f"rows-{phase.name}"


def pairs(phase: Phase) -> str:
    """Which answers a phase prefers to which."""
    return f"pairs-{phase.name}"


def reference(phase: Phase) -> str:
    """What the student gives the rows of a phase before it is trained."""
    return f"reference-{phase.name}"


def logits(phase: Phase) -> str:
    """What the teacher of a phase says of its rows, where that is stored."""
    return f"logits-{phase.name}"


def labels(scorer: str, part: Part) -> str:
    """The labels that a reward model is trained on, or measured on."""
    return f"labels-{scorer}" if part == "train" else f"labels-{scorer}.test"


def scorer(scorer: str) -> str:
    """A reward model that is trained here."""
    return f"scorer-{scorer}"


def assessed(scorer: str) -> str:
    """How well a reward model finds what is wrong."""
    return f"assess-{scorer}"


def best(arm: ArmNode) -> str:
    """What a reward model gave the answers of an arm."""
    return f"best-{arm.name}"


def training(phase: Phase) -> str:
    """One phase of an arm."""
    return f"train-{phase.name}"


def measures(arm: ArmNode) -> str:
    """What an arm answered."""
    return f"evaluate-{arm.name}"


def measures_of_phase(phase: Phase) -> str:
    """What an arm answered after one of its phases; after the last one it is `measures`."""
    return f"evaluate-{phase.name}"


def benchmark(arm: ArmNode, asked: Benchmark) -> str:
    """What an arm answered by a published protocol."""
    return f"benchmark-{arm.name}-{asked.name}{'' if asked.form == 'r1' else f'-{asked.form}'}"


def also_problems(also: Also) -> str:
    """Other problems than those that are taught."""
    return f"also_problems-{also.name}"


def also(arm: ArmNode, also: Also) -> str:
    """What an arm answered to other problems."""
    return f"also-{arm.name}.{also.name}"


def faithful(arm: ArmNode) -> str:
    """Whether the answers of an arm rest on its reasoning."""
    return f"faithful-{arm.name}"


def verified(arm: ArmNode) -> str:
    """What an arm answered once it had checked its answers."""
    return f"verified-{arm.name}"


def model(arm: ArmNode, graph: Graph) -> str:
    """Where an arm's checkpoint is: its last phase, or that of the arm or student that it starts from."""
    if arm.phases:
        return training(arm.phases[-1])
    return model(graph.arms[arm.start], graph) if arm.start is not None else student(arm.student)


def before(arm: ArmNode, graph: Graph) -> str:
    """Where the checkpoint is that the first phase of an arm begins with."""
    return model(graph.arms[arm.start], graph) if arm.start is not None else student(arm.student)


def trainings(arm: ArmNode, graph: Graph) -> list[str]:
    """Everything that trained an arm, the trainings of the arms that it starts from first."""
    before = trainings(graph.arms[arm.start], graph) if arm.start is not None else []
    return [*before, *(training(phase) for phase in arm.phases)]


def delivered(exporter: str, kind: str) -> str:
    """What one delivered file answered."""
    return f"measure-{exporter}-{kind}"


def export(exporter: str) -> str:
    """What is delivered in one form; the plain checkpoint is what is meant where none is named."""
    return _named("export", exporter, "safetensors")
