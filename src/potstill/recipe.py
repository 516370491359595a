"""The frozen `Recipe`: everything that a run is told, with the bounds of every value.

`recipe_file` reads and writes it as YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import Discriminator

from potstill.records import Kind

Share = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[int, Gt(0), Le(10**12)]
Natural = Annotated[int, Ge(0), Le(10**12)]
Seed = Annotated[int, Ge(0), Lt(2**32)]
Name = Annotated[str, Len(1, 80)]
PROBLEM_COLUMNS = ("id", "question", "gold", "choices", "solution", "difficulty", "domain")


@dataclass(frozen=True)
class Source:
    """Where problems come from: exactly one of `family`, `reasoning_gym`, `file`, `dataset`, `loader`."""

    family: str | None = None
    """A procedural family of potstill's own, by name."""
    reasoning_gym: str | None = None
    """A task of the reasoning-gym package, by name; judged by its own scorer, right only at full score."""
    file: str | None = None
    """A JSONL, Parquet or CSV file (`.gz` allowed), relative to `data`."""
    dataset: str | None = None
    """A Hugging Face dataset by hub name or local path."""
    loader: str | None = None
    """`module:function` of yours that returns an iterable of dicts with the problem fields."""
    count: Positive | None = None
    """How many problems to generate, or at most to read; generators need it."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the family, task or loader."""
    columns: dict[str, str] = field(default_factory=dict)
    """Problem field -> column (fields: id, question, gold, choices, solution, difficulty, domain)."""
    split: str | None = None
    """Split of a Hugging Face dataset."""
    use: Literal["both", "train", "evaluate"] = "both"
    """`both`: divided by content into training and evaluation; otherwise all of it for one side."""
    answer_kind: Kind | None = None
    """How answers compare; families and tasks know their own. `null`: by a column `gold_type`, else by the gold."""
    checker: str | None = None
    """`module:function` of yours: (problem, answer) -> True, False or None for unknown."""
    domain: str | None = None


@dataclass(frozen=True)
class Problems:
    """What is asked, and what is held out."""

    sources: Annotated[tuple[Source, ...], Len(1)]
    evaluate: Positive = 200
    """Held-out problems taken from the sources with `use: both` (sources with `use: evaluate` are held out whole)."""
    train: Positive | None = None
    """At most this many training problems."""
    seed: Seed | None = None
    """Seed of generation and split; `null` takes the recipe's."""


@dataclass(frozen=True)
class WorkedTeacher:
    """The packaged teacher: procedural worked solutions of our own families, a stand-in for a language model."""

    kind: Literal["worked"]
    seed: Seed | None = None
    """`null` takes the recipe's."""
    slip_rate: Share = 0.1
    """Share of traces with a seeded mistake, so that checking matters."""
    style: Literal["plain", "varied"] = "varied"
    """`varied`: several strategies, restatements, checks, abandoned attempts; `plain`: the shortest strategy alone."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled; `None` leaves the choice to the server."""

    temperature: Annotated[float, Ge(0)] | None = None
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    max_tokens: Positive = 4096
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request body, passed as they are."""


@dataclass(frozen=True)
class Price:
    """What a teacher costs, in US dollars: per million tokens, or a server of your own by the hour."""

    prompt: Annotated[float, Ge(0)] = 0.0
    completion: Annotated[float, Ge(0)] = 0.0
    hour: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True)
class Terms:
    """Whether a provider's terms allow training another model on its output, and where that stands."""

    training: Literal["allowed", "restricted", "unknown"]
    basis: Annotated[str, Len(1)]
    """Such as `MIT licence of the weights` or the address of the terms with the date they were read."""


@dataclass(frozen=True)
class ServedTeacher:
    """A model behind a server: any OpenAI-compatible one, or Anthropic's."""

    kind: Literal["served"]
    base_url: str
    """Up to and including the version, such as `http://localhost:8000/v1`."""
    model: Name
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself is never written anywhere."""
    sampling: Sampling = Sampling()
    concurrency: Positive | None = None
    """At most this many requests at a time; `null` finds what the server bears."""
    timeout: Annotated[float, Gt(0)] = 3600.0
    """Seconds for one request."""
    price: Price | None = None
    """`null` looks the model up in the price table; a model that is not in it has no price."""
    spend_at_most: Annotated[float, Gt(0)] | None = None
    """US dollars; the run stops cleanly at this sum and can be resumed."""
    allow_summaries: bool = False
    """Train on summarised reasoning; otherwise only raw reasoning is a target."""
    wire: Literal["openai", "responses", "anthropic"] = "openai"
    """The shape of requests and replies; `responses` is the newer one of OpenAI."""
    executor: Literal["live", "batch"] = "live"
    """`batch`: the provider's batch interface, half the price within a day."""
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    """Caps of your own; the server's limits are found and kept without them."""
    retry_max_tokens: Positive | None = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Terms | None = None
    """`null` looks the model up in the table of terms."""
    allow_restricted: str | None = None
    """Name the model here to use a teacher whose terms restrict training on its output."""


@dataclass(frozen=True)
class LocalTeacher:
    """A model run in this process, on the GPU when there is one."""

    kind: Literal["local"]
    model: Name
    """`smollm2-135m-instruct` (packaged wheel, else the hub), a local folder relative to `data`, or a hub name."""
    engine: Literal["transformers", "vllm"] = "transformers"
    """`vllm` needs a GPU and the extra of that name, which wants an environment of its own."""
    engine_options: dict[str, Any] = field(default_factory=dict)
    """Further arguments of `vllm.LLM`, such as `{tensor_parallel_size: 4}`."""
    precision: Literal["bf16", "fp32"] = "bf16"
    sampling: Sampling = Sampling()
    """What it leaves open is as the model's generation config says."""
    batch: Positive | None = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    retry_max_tokens: Positive | None = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Terms | None = None
    """`null` looks the model up in the table of terms."""
    allow_restricted: str | None = None
    """Name the model here to use a teacher whose terms restrict training on its output."""


@dataclass(frozen=True)
class DatasetTeacher:
    """Existing traces in a file."""

    kind: Literal["dataset"]
    file: str
    """JSONL or Parquet (`.gz` allowed), relative to `data`."""
    columns: dict[str, str] = field(default_factory=dict)
    """Trace field -> column (fields: question, response, reasoning, answer, model, finish, id)."""
    models: tuple[str, ...] = ()
    """Keep only these models' traces; empty keeps all."""


@dataclass(frozen=True)
class SolutionsTeacher:
    """Human worked solutions that came with the problems (`solution`)."""

    kind: Literal["solutions"]


AskedTeacher = ServedTeacher | LocalTeacher
"""A teacher that is asked, request by request, through the seam and the ledger of `potstill.models`."""
Teacher = Annotated[
    WorkedTeacher | ServedTeacher | LocalTeacher | DatasetTeacher | SolutionsTeacher, Discriminator("kind")
]


@dataclass(frozen=True)
class Strategy:
    """How the teacher is asked; `{question}` is filled in, with its choices."""

    kind: Literal["zero_shot", "few_shot"] = "zero_shot"
    samples: Positive = 1
    """Traces per problem, or with `stop_at_right` the most of them."""
    stop_at_right: Positive | None = None
    """Ask no more about a problem once this many of its samples are right, in waves; of served and
    local teachers."""
    system: str = ""
    prompt: str = ""
    """Empty takes the packaged prompt of the kind."""
    prompt_file: str | None = None
    """A file with the prompt, relative to `data`; it takes the place of `prompt`."""
    shots: Positive = 3
    """Worked examples before the question, for `few_shot`."""
    shots_file: str | None = None
    """A file of worked examples with `question`, `reasoning` and `answer`; `null` draws them from the training problems
    that have a solution, never from those held out."""


@dataclass(frozen=True)
class Policy:
    """The conventions under which two answers are the same; recorded with every verdict."""

    percent: Literal["ignore", "strict"] = "ignore"
    """`strict`: 10% is 0.1 and not 10; `ignore`: the sign is dropped on both sides."""
    tolerance: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Relative to the gold, for answers where one side is a decimal; 0 compares exactly."""
    significant_figures: Positive | Literal["gold"] | None = None
    """Decimals agree when they round to the same so many figures; `gold`: to as many as the gold is written with."""
    order: Literal["ignore", "strict"] = "ignore"
    """Of several answers without brackets: `1, 2` and `2, 1`. Tuples are ordered and sets are not in either case."""
    units: Literal["optional", "required"] = "optional"
    """`optional`: a unit that only one side has is dropped; two units are converted or contradict each other."""
    simplified: bool = False
    """Whether `6/8` is wrong for `3/4`, and `sqrt(8)` for `2 sqrt(2)`."""


@dataclass(frozen=True)
class CodeChecks:
    """How programs are run; they run in the sandbox or not at all."""

    seconds: Annotated[float, Gt(0), Le(3600)] = 10.0
    """For one program with all its tests."""
    memory_mb: Annotated[int, Ge(64), Le(65_536)] = 512


@dataclass(frozen=True)
class Judge:
    """A language model that is asked about undecided answers only."""

    base_url: str
    model: Name
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself is never written anywhere."""
    sampling: Sampling = Sampling()
    concurrency: Positive = 8
    timeout: Annotated[float, Gt(0)] = 600.0
    """Seconds for one request."""
    prompt: str | None = None
    """A file with your own prompt, relative to `data`; `null` takes the packaged one."""


@dataclass(frozen=True)
class Reward:
    """A reward model in a local folder or on the hub, run in this process."""

    model: str
    kind: Literal["outcome", "process"] = "outcome"
    """`outcome`: a sequence classifier, one score a response; `process`: a token classifier, one score a step."""
    separator: str = "\n\n"
    """Written after each step for a process reward model; its last token carries the step's score."""
    aggregate: Literal["min", "product", "last", "mean"] = "min"
    """Of the steps' scores."""


@dataclass(frozen=True)
class Checks:
    """How answers are judged."""

    policy: Policy = Policy()
    seconds: Annotated[float, Gt(0), Le(600)] = 5.0
    """Of processor time for comparing one answer in all, waiting for a worker not counted; then it is unknown."""
    code: CodeChecks = CodeChecks()
    judge: Judge | None = None
    reward: Reward | None = None
    agreeing: Annotated[int, Ge(2)] = 3
    """So many samples of a problem, and more than half, must agree for their answer to count for or against a gold."""
    self_consistency: bool = False
    """Judge training problems that have nothing to be judged by against the answer that their own samples agree on."""
    doubted_gold: Literal["keep", "drop", "repair"] = "keep"
    """Where no sample gives the gold and they agree on another answer: `keep` the gold and report it, `drop` the
    problem, or `repair` the gold, that is judge by the other answer; all of it marked and counted."""


@dataclass(frozen=True)
class Curate:
    """Which traces become examples."""

    drop_wrong: bool = True
    drop_unknown: bool = True
    drop_repetition: Share | None = 0.5
    """Drop traces in which more than this share of the text repeats itself; `null` keeps them."""
    max_characters: Positive | None = None
    """Drop traces longer than this (reasoning and answer together)."""
    per_problem: Positive = 4
    """At most this many traces a problem, the most diverse first."""
    difficulty: Literal["stated", "measured"] = "stated"
    """`stated`: the source's own, else one minus the pass rate of the problem's samples; `measured`: the other way."""
    min_difficulty: float | None = None
    """Drop problems that are easier; `null` keeps them. Problems of unknown difficulty stay."""
    max_difficulty: float | None = None
    """Drop problems that are harder, such as those that no sample solved."""
    order: Literal["shuffled", "easy_to_hard"] = "shuffled"
    """`easy_to_hard`: by difficulty, those of unknown difficulty last; later epochs are shuffled."""


@dataclass(frozen=True)
class Scratch:
    """A Llama built from nothing, with a tokenizer trained on the examples."""

    hidden: Positive = 128
    layers: Positive = 4
    heads: Positive = 4
    intermediate: Positive = 352
    vocabulary: Annotated[int, Ge(280)] = 512
    context: Positive = 512


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on all linear layers, merged at export."""

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.0


@dataclass(frozen=True)
class Student:
    """The small model: `model` names it, or `scratch` describes it."""

    model: str | None = None
    """`smollm2-135m-instruct` (packaged wheel, else the hub), a local folder, or a hub name."""
    scratch: Scratch | None = None
    lora: Lora | None = None
    prompt: str = "{question}"
    """What the student is asked; `{question}` is filled in, with its choices. The same for every row of the table."""
    reasoning_open: str = "<think>\n"
    reasoning_close: str = "\n</think>\n"


@dataclass(frozen=True)
class Loss:
    """L of the optimiser step; see docs/guide for the two normalisations."""

    kind: Literal["tokens", "segments"] = "tokens"
    alpha: Annotated[float, Ge(0)] = 1.0
    """Weight of reasoning tokens (`tokens`) or of their mean (`segments`)."""
    beta: Annotated[float, Ge(0)] = 1.0
    """Weight of answer and format tokens (`tokens`) or of their means (`segments`)."""
    ratio_cap: Annotated[float, Gt(0)] = 10.0
    """Under `segments`: an answer token weighs at most this many reasoning tokens."""


@dataclass(frozen=True)
class Train:
    """How the student is trained; exactly one of `epochs`, `steps`, `tokens` is the budget."""

    epochs: Annotated[float, Gt(0)] | None = None
    steps: Positive | None = None
    tokens: Positive | None = None
    """Tokens of training rows, prompts included."""
    batch: Positive = 16
    """Rows an optimiser step."""
    micro_batch: Positive = 8
    """Rows a forward pass; changes memory and speed, never the result."""
    learning_rate: Annotated[float, Gt(0)] = 1e-5
    warmup: Share = 0.03
    """Share of the steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    final: Share = 0.1
    """Learning rate at the end, as a share of its peak."""
    weight_decay: Annotated[float, Ge(0)] = 0.0
    clip: Annotated[float, Gt(0)] = 1.0
    """Largest norm of the gradient."""
    max_length: Positive = 2048
    """Tokens of a row; longer rows are dropped and counted, never cut."""
    precision: Literal["bf16", "fp32"] = "bf16"
    loss: Loss = Loss()
    seed: Seed | None = None
    """Seed of the order, of new weights and of dropout; `null` takes the recipe's."""
    checkpoint_every: Positive = 50
    """Optimiser steps between checkpoints to resume from."""


@dataclass(frozen=True)
class Baselines:
    """The rows beside `traces` in the table."""

    base: bool = True
    """The untouched student: the better of zero-shot and `evaluate.shots` worked examples."""
    answers: Literal["equal_examples", "equal_tokens"] | None = "equal_examples"
    """Trained on answers alone, with as many examples or as many tokens as `traces`."""


@dataclass(frozen=True)
class Evaluate:
    """How every row of the table is sampled."""

    samples: Positive = 1
    temperature: Annotated[float, Ge(0)] = 0.0
    top_p: Annotated[float, Gt(0), Le(1)] = 1.0
    max_tokens: Positive = 512
    batch: Positive | None = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    shots: Natural = 3


@dataclass(frozen=True)
class Export:
    """What is delivered."""

    safetensors: bool = True


@dataclass(frozen=True)
class Recipe:
    """One run, whole."""

    name: Name
    problems: Problems
    teacher: Teacher
    student: Student
    seed: Seed = 0
    data: str = "."
    """Folder that relative files are looked up in; `.` is the folder of the recipe (of the shell for shipped ones)."""
    strategy: Strategy = Strategy()
    checks: Checks = Checks()
    curate: Curate = Curate()
    train: Train = Train(epochs=1.0)
    baselines: Baselines = Baselines()
    evaluate: Evaluate = Evaluate()
    export: Export = Export()


SECTIONS = (
    Source, Problems, WorkedTeacher, ServedTeacher, LocalTeacher, DatasetTeacher, SolutionsTeacher, Sampling, Price,
    Strategy, Terms, Policy, CodeChecks, Judge, Reward, Checks,
    Curate, Scratch, Lora, Student, Loss, Train, Baselines, Evaluate, Export, Recipe,
)  # fmt: skip
for _section in SECTIONS:
    setattr(_section, "__pydantic_config__", {"extra": "forbid", "strict": True})  # noqa: B010 - for every section
