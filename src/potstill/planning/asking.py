"""What asking models will take: teachers, served or in this process, judges, and students that are measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from potstill.errors import PotstillError
from potstill.graph import ArmNode, SetNode
from potstill.models.flops import read_flops, sampled_flops
from potstill.models.prices import price_of
from potstill.pipeline.stage import Stage
from potstill.planning.figures import Figure, assumed, formula, known, product, quotient, total
from potstill.planning.machines import Target
from potstill.planning.memory import BF16, FP32, of_sampling
from potstill.planning.sets import Requests, response
from potstill.planning.shapes import Architecture, of_model
from potstill.planning.stage_plan import START, Planning, StagePlan, of_rows
from potstill.planning.texts import mean_of
from potstill.recipe import ArmTeacher, Endpoint, LocalTeacher, ServedTeacher

TEXT_BYTES = assumed(1.5, 3.5, 6.0, "bytes on disk a token of text, compressed, with the ledger's copy")
SIDE_BY_SIDE = {"cpu": 128, "gpu": 256}
"""Responses of a batch that are worth having, as the sampler takes them."""
CALLS = {"cpu": 4e-4, "gpu": 1e-4}
"""Seconds that one layer takes for one token of however few rows: the calls themselves."""
UNDECIDED = assumed(0.0, 0.03, 0.2, "answers that the rules leave to the judge")
JUDGED = (assumed(200, 450, 2500, "tokens that a judge reads"), assumed(5, 120, 800, "tokens that it writes"))
READY = assumed(0.5, 0.8, 1.3, "an answer as long as what it was trained on")
NEW = assumed(0.3, 0.7, 1.0, "written problems that are whole and new")
PROMPTED = assumed(1.2, 2.0, 6.0, "a prompt is as long as its problem and what stands around it")
AGAIN = assumed(1.0, 2.0, 20.0, "a written problem, with the reasoning before it")
UNTRAINED = assumed(0.15, 0.7, 1.0, "an untouched student often writes until it is stopped")


def traces(planning: Planning, stage: Stage) -> StagePlan:
    """Asking a teacher, or reading what one wrote."""
    node, teacher = planning.sets[stage.name], planning.sets[stage.name].recipe.teacher
    found = planning.material.of(node)
    asked = found.asked
    if asked is None:
        return StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("traces", found.traces))
    disk = product("tokens x bytes", total("", [asked.read, asked.written]), TEXT_BYTES)
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="read and written", disk=disk,
        tokens=total("requests x tokens of a prompt and a response", [asked.read, asked.written]),
        needs=("tokens", "seconds", "disk"),
    )  # fmt: skip
    if isinstance(teacher, ServedTeacher):
        dollars = _price(planning, teacher, "teacher", asked)
        return replace(made, dollars=dollars, seconds=asked.seconds, needs=("tokens", "dollars", "seconds", "disk"))
    return _local(planning, node, asked, made)


def writing(planning: Planning, made: StagePlan) -> StagePlan:
    """Return the plan of problems with what writing further ones takes, and solving them."""
    recipe, teacher = planning.recipe, planning.recipe.teacher
    written, seeds = recipe.problems.written, planning.material.training_read
    if written is None or seeds is None or not isinstance(teacher, ServedTeacher | LocalTeacher):
        return made
    if written.seeds is not None:
        seeds = seeds.at_most(written.seeds)
    asked = product("problems x problems written of each", seeds, known(written.each, ""))
    solved = product("of these whole and new, x samples", asked, NEW, known(written.samples, ""))
    question = planning.material.question
    read = total("", [product("", asked, question, PROMPTED), product("", solved, question, PROMPTED)])
    answers = product("requests x tokens of a response", solved, response(teacher.sampling.max_tokens))
    said = total("", [product("", asked, question, AGAIN), answers])
    requests = Requests(requests=total("", [asked, solved]), read=read, written=said)
    made = replace(made, what="of written problems", tokens=total("", [read, said]), needs=("tokens", "seconds"))
    if isinstance(teacher, ServedTeacher):
        dollars = _price(planning, teacher, "teacher", requests)
        return replace(made, dollars=dollars, seconds=None, needs=("tokens", "dollars"))
    planning.say(f"{made.name}: the time of the teacher that writes problems")
    return replace(made, seconds=None)


def _price(planning: Planning, endpoint: Endpoint, section: str, asked: Requests) -> Figure | None:
    try:
        priced = price_of(replace(endpoint, spend_at_most=None), section)
    except PotstillError as error:
        planning.say(f"{section}: its price: {error}")
        return None
    price = priced.price
    if price is None:
        planning.say(f"{section}: its price ({priced.basis}); {section}.price says it, 0 for nothing")
        return None
    parts = [
        product("", part, known(each / 1e6, ""))
        for part, each in ((asked.read, price.prompt), (asked.written, price.completion))
    ]
    if price.hour:
        parts.append(product("", asked.seconds, known(price.hour / 3600, "")))
    found = total(f"tokens at {priced.basis}", parts)
    most = endpoint.spend_at_most
    if found is not None and most is not None and found.high > most:
        found = found.at_most(most).told(f"{found.how}, and {section}.spend_at_most")
    return found


def _local(planning: Planning, node: SetNode, asked: Requests, made: StagePlan) -> StagePlan:
    """Return the plan with what sampling a model in this process takes."""
    teacher = node.recipe.teacher
    assert isinstance(teacher, LocalTeacher | ArmTeacher)  # noqa: S101 - nobody else is asked here
    if isinstance(teacher, LocalTeacher):
        shape = of_model(teacher.model, Path(node.recipe.data))
    else:
        arm = planning.graph.arms.get(node.taught_by or "")
        shape = planning.shape(arm.recipe if arm is not None else planning.recipe) if teacher.run is None else None
    if shape is None:
        planning.say(f"{node.name}: the dimensions of its teacher")
        return made
    rows = teacher.batch or SIDE_BY_SIDE[planning.machine.kind]
    length = quotient("", asked.written, asked.requests)
    prompt = quotient("", asked.read, asked.requests)
    if length is None or prompt is None or asked.requests is None:
        return made
    held = of_sampling(shape, teacher.precision, rows, prompt, round(length.value), planning.machine)
    seconds = sampled_seconds(shape, planning.machine, teacher.precision, asked.requests, rows, prompt, length)
    return replace(made, memory=held, seconds=seconds, peak=held.peak)


def sampled_seconds(
    shape: Architecture, machine: Target, precision: str, responses: Figure, together: int, prompt: Figure,
    length: Figure,
) -> Figure | None:  # fmt: skip
    """Return the seconds of responses, `together` of them side by side: weights read and arithmetic done each step."""
    together = max(1, min(together, round(responses.value)))
    size = BF16 if precision == "bf16" else FP32
    moved = size * (shape.linear + shape.head + together * shape.cached * (prompt.value + length.value / 2))
    step = total("", [
        quotient("", known(moved, ""), machine.bandwidth), known(CALLS[machine.kind] * shape.layers, ""),
        quotient("", known(together * sampled_flops(shape.shape, 0, 1), ""), machine.flops(precision)),
    ])  # fmt: skip
    steps = product("", responses, length, known(1 / together, ""))
    prompts = quotient(
        "", product("", responses, known(read_flops(shape.shape, round(prompt.value), 1), "")), machine.flops(precision)
    )
    return total("weights read and arithmetic of each token", [product("", steps, step), prompts])


def verdicts(planning: Planning, stage: Stage) -> StagePlan:
    """Judging traces, by a language model too where the recipe has one."""
    node = planning.sets[stage.name]
    count, judge = planning.material.of(node).traces, node.recipe.checks.judge
    made = StagePlan(name=stage.name, kind=stage.kind, seconds=of_rows("verdicts", count))
    if judge is None:
        return made
    read, written = (product("undecided answers", count, UNDECIDED, each) for each in JUDGED)
    asked = Requests(requests=product("", count, UNDECIDED), read=read, written=written)
    return replace(
        made, what="a judge's", tokens=total("", [read, written]), needs=("tokens", "dollars", "seconds"),
        dollars=_price(planning, judge, "checks.judge", asked),
    )  # fmt: skip


def evaluate(planning: Planning, stage: Stage) -> StagePlan:
    """Measuring an arm."""
    arm, tables = planning.arms[stage.name]
    return asked_of_arm(planning, stage, arm, tables, planning.material.held_out)


def asked_of_arm(planning: Planning, stage: Stage, arm: ArmNode, tables: int, held_out: Figure) -> StagePlan:
    """Return what `held_out` problems take of an arm that is asked each in so many ways, `tables`."""
    recipe = arm.recipe
    responses = product("held-out problems x samples", held_out, known(recipe.evaluate.samples * tables, ""))
    length, prompt = answers_of(planning, arm)
    made = StagePlan(
        name=stage.name, kind=stage.kind, what="written", needs=("tokens", "seconds", "peak"),
        tokens=product("responses x tokens of one", responses, length),
    )  # fmt: skip
    shape = planning.shape(recipe)
    if shape is None or responses is None:
        return made
    most = recipe.evaluate.batch or SIDE_BY_SIDE[planning.machine.kind]
    together = max(1, min(most, round(held_out.value * recipe.evaluate.samples)))
    held = of_sampling(shape, recipe.train.precision, together, prompt, recipe.evaluate.max_tokens, planning.machine)
    timing = planning.timing(recipe)
    if timing is not None:
        seconds = [timing.sampling(getattr(responses, part), together, getattr(prompt, part), getattr(length, part))
                   for part in ("low", "value", "high")]  # fmt: skip
        low, value, high = 0.8 * seconds[0], seconds[1], 1.3 * seconds[2]
        timed = Figure(value=value, low=low, high=high, basis=length.basis, how="the tokens that --probe timed")
        return replace(
            made, memory=held, seconds=timed, peak=formula(timing.held_sampling, "what --probe measured", 0.15)
        )
    seconds_ = sampled_seconds(shape, planning.machine, recipe.train.precision, responses, together, prompt, length)
    return replace(
        made, memory=held, peak=held.peak, seconds=total("weights read and arithmetic of each token", [seconds_, START])
    )


def answers_of(planning: Planning, arm: ArmNode) -> tuple[Figure, Figure]:
    """Return the tokens of a response and of a prompt."""
    recipe, graph = arm.recipe, planning.graph
    limit = recipe.evaluate.max_tokens
    phases = arm.phases or (graph.arms[arm.start].phases if arm.start is not None else ())
    question = total("", [planning.material.question, assumed(4, 20, 40, "the chat template")])
    assert question is not None  # noqa: S101 - both are there
    if phases:
        size = mean_of(planning.trainings.of(phases[-1]).sizes)
        own = max(1.0, size - question.value)
        written = product("", READY, known(own, ""))
        assert written is not None  # noqa: S101 - both are there
        return written.at_most(limit).told("as long as what it was trained on"), question
    shots = total("", [question, _shots(planning, arm)])
    return UNTRAINED.times(limit), shots or question


def _shots(planning: Planning, arm: ArmNode) -> Figure:
    """Return the tokens of worked examples before a question, in the mean of both measures of an untouched student."""
    lengths = planning.material.of(planning.graph.sets[planning.graph.main]).lengths
    shots = arm.recipe.evaluate.shots / 2
    if lengths is None or not lengths.texts:
        return assumed(50 * shots, 200 * shots, 1500 * shots, "worked examples")
    size = mean_of(lengths.rows(arm.recipe.student, answers_only=False))
    return formula(size * shots, "worked examples", 0.2)
