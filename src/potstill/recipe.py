"""The frozen `Recipe`: everything that a run is told, with the bounds of every value; `recipe_file` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import Discriminator

from potstill.bounds import Amount, Length, Positive, Samples, Seconds, Seed, Share, Side, Temperature, Tokens, TopP
from potstill.records import Kind

Name = Annotated[str, Len(1, 80)]
ModelName = Annotated[str, Len(1, 500)]
Scope = Literal[
    "problems", "traces", "answers", "verdicts", "examples", "student", "rows", "training", "evaluation", "export"
]


@dataclass(frozen=True)
class Decides:
    """Said at a field: which outputs depend on its value. None: it changes speed, price or what is shown beside them.

    `answers` is how one answer is judged, a student's too; `verdicts` how the samples of a problem are judged together;
    `rows` how an example looks to the student. Fingerprints of stages are made from this, see `pipeline.settings`.
    """

    scopes: frozenset[Scope]

    def __init__(self, *scopes: Scope) -> None:
        object.__setattr__(self, "scopes", frozenset(scopes))


T = TypeVar("T")
Beside = Annotated[T, Decides()]
ForProblems = Annotated[T, Decides("problems")]
ForTraces = Annotated[T, Decides("traces")]
ForAnswers = Annotated[T, Decides("answers")]
ForAsking = Annotated[T, Decides("traces", "answers")]
ForVerdicts = Annotated[T, Decides("verdicts")]
ForVerdictsAndExamples = Annotated[T, Decides("verdicts", "examples")]
ForExamples = Annotated[T, Decides("examples")]
ForExamplesAndTraining = Annotated[T, Decides("examples", "training")]
ForStudent = Annotated[T, Decides("student")]
ForRows = Annotated[T, Decides("rows")]
ForTraining = Annotated[T, Decides("training")]
ForTrainingAndEvaluation = Annotated[T, Decides("training", "evaluation")]
ForEvaluation = Annotated[T, Decides("evaluation")]
ForExport = Annotated[T, Decides("export")]
PROBLEM_COLUMNS = ("id", "question", "gold", "choices", "solution", "difficulty", "domain")


@dataclass(frozen=True)
class Source:
    """Where problems come from: exactly one of `family`, `reasoning_gym`, `file`, `dataset`, `loader`."""

    family: ForProblems[str | None] = None
    """A procedural family of potstill's own, by name."""
    reasoning_gym: ForProblems[str | None] = None
    """A task of the reasoning-gym package, by name; judged by its own scorer, right only at full score."""
    file: ForProblems[str | None] = None
    """A JSONL, JSON, CSV, TSV or Parquet file (`.gz` and `.zst` allowed but for Parquet), relative to `data`."""
    dataset: ForProblems[str | None] = None
    loader: ForProblems[str | None] = None
    """`module:function` of yours that returns an iterable of dicts with the problem fields."""
    count: ForProblems[Positive | None] = None
    """How many problems to generate, or at most to read; generators need it."""
    settings: ForProblems[dict[str, Any]] = field(default_factory=dict)
    columns: ForProblems[dict[str, str]] = field(default_factory=dict)
    """Problem field -> column (fields: id, question, gold, choices, solution, difficulty, domain)."""
    delimiter: ForProblems[Annotated[str, Len(1, 1)] | None] = None
    gold_names: ForProblems[Literal["label", "text", "index_from_0", "index_from_1"] | None] = None
    max_characters: ForProblems[Length] = 1_000_000
    split: ForProblems[str | None] = None
    use: ForProblems[Literal["both", "train", "evaluate"]] = "both"
    """`both`: divided by content into training and evaluation; otherwise all of it for one side."""
    answer_kind: ForProblems[Kind | None] = None
    """How answers compare; families and tasks know their own. `null`: by a column `gold_type`, else by the gold."""
    checker: ForAnswers[str | None] = None
    """`module:function` of yours: (problem, answer) -> True, False or None for unknown."""
    domain: ForProblems[str | None] = None


@dataclass(frozen=True)
class Problems:
    """What is asked, and what is held out."""

    sources: ForProblems[Annotated[tuple[Source, ...], Len(1)]]
    evaluate: ForProblems[Positive] = 200
    """Held-out problems taken from the sources with `use: both` (sources with `use: evaluate` are held out whole)."""
    train: ForProblems[Positive | None] = None
    """At most this many training problems."""
    seed: ForProblems[Seed | None] = None
    """Seed of generation and split; `null` takes the recipe's."""


@dataclass(frozen=True)
class WorkedTeacher:
    """The packaged teacher: procedural worked solutions of our own families, a stand-in for a language model."""

    kind: ForTraces[Literal["worked"]]
    seed: ForTraces[Seed | None] = None
    """`null` takes the recipe's."""
    slip_rate: ForTraces[Share] = 0.1
    """Share of traces with a seeded mistake, so that checking matters."""
    style: ForTraces[Literal["plain", "varied"]] = "varied"
    """`varied`: several strategies, restatements, checks, abandoned attempts; `plain`: the shortest strategy alone."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled; `None` leaves the choice to the server."""

    temperature: ForAsking[Temperature | None] = None
    top_p: ForAsking[TopP | None] = None
    max_tokens: ForAsking[Length] = 4096
    extra: ForAsking[dict[str, Any]] = field(default_factory=dict)
    """Further fields of the request body, passed as they are."""


@dataclass(frozen=True)
class Price:
    """What a teacher costs, in US dollars: per million tokens, or a server of your own by the hour."""

    prompt: Beside[Amount] = 0.0
    completion: Beside[Amount] = 0.0
    hour: Beside[Amount] = 0.0


@dataclass(frozen=True)
class Terms:
    """Whether a provider's terms allow training another model on its output, and where that stands."""

    training: Beside[Literal["allowed", "restricted", "unknown"]]
    basis: Beside[Annotated[str, Len(1)]]
    """Such as `MIT licence of the weights` or the address of the terms with the date they were read."""


@dataclass(frozen=True)
class ServedTeacher:
    """A model behind a server: any OpenAI-compatible one, or Anthropic's."""

    kind: ForTraces[Literal["served"]]
    base_url: Beside[str]
    """Such as `http://localhost:8000/v1`; without a version `/v1` is tried too. A query (`?api-version=...`) stays."""
    model: ForTraces[ModelName]
    api_key_env: Beside[str | None] = None
    """Name of the environment variable that holds the key; the key itself is never written anywhere."""
    sampling: ForTraces[Sampling] = Sampling()
    concurrency: Beside[Side | None] = None
    """At most this many requests at a time; `null` finds what the server bears."""
    timeout: Beside[Seconds] = 3600.0
    """Seconds for one request."""
    price: Beside[Price | None] = None
    """`null` looks the model up in the price table; a model that is not in it has no price."""
    spend_at_most: Beside[Annotated[float, Gt(0), Le(10**9)] | None] = None
    """US dollars for teacher and judge together; the run stops cleanly there, and can be resumed or gone on with."""
    allow_summaries: ForExamples[bool] = False
    """Train on summarised reasoning; otherwise only raw reasoning is a target."""
    wire: ForTraces[Literal["openai", "responses", "anthropic"]] = "openai"
    """The shape of requests and replies; `responses` is the newer one of OpenAI."""
    executor: Beside[Literal["live", "batch"]] = "live"
    """`batch`: the provider's batch interface, half the price within a day."""
    requests_per_minute: Beside[Positive | None] = None
    tokens_per_minute: Beside[Tokens | None] = None
    """Caps of your own; the server's limits are found and kept without them."""
    retry_max_tokens: ForTraces[Length | None] = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Beside[Terms | None] = None
    """`null` looks the model up in the table of terms."""
    allow_restricted: Beside[str | None] = None
    """Name the model here to use a teacher whose terms restrict training on its output."""
    give_up_after: Beside[Seconds] = 900.0
    """Seconds without any answer, such as under a rate limit without end, after which the run stops."""


@dataclass(frozen=True)
class LocalTeacher:
    """A model run in this process, on the GPU when there is one."""

    kind: ForTraces[Literal["local"]]
    model: ForTraces[ModelName]
    """`smollm2-135m-instruct` (packaged wheel, else the hub), a local folder relative to `data`, or a hub name."""
    engine: ForTraces[Literal["transformers", "vllm"]] = "transformers"
    """`vllm` needs a GPU and the extra of that name, which wants an environment of its own."""
    engine_options: ForTraces[dict[str, Any]] = field(default_factory=dict)
    """Further arguments of `vllm.LLM`, such as `{tensor_parallel_size: 4}`."""
    precision: ForTraces[Literal["bf16", "fp32"]] = "bf16"
    sampling: ForTraces[Sampling] = Sampling()
    """What it leaves open is as the model's generation config says."""
    batch: Beside[Side | None] = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    retry_max_tokens: ForTraces[Length | None] = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Beside[Terms | None] = None
    """`null` looks the model up in the table of terms."""
    allow_restricted: Beside[str | None] = None
    """Name the model here to use a teacher whose terms restrict training on its output."""


@dataclass(frozen=True)
class DatasetTeacher:
    """Existing traces in a file."""

    kind: ForTraces[Literal["dataset"]]
    file: ForTraces[str]
    columns: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Trace field -> column (fields: question, response, reasoning, answer, model, finish, id)."""
    delimiter: ForTraces[Annotated[str, Len(1, 1)] | None] = None
    max_characters: ForTraces[Length] = Source.max_characters
    models: ForTraces[tuple[str, ...]] = ()


@dataclass(frozen=True)
class SolutionsTeacher:
    """Human worked solutions that came with the problems (`solution`)."""

    kind: ForTraces[Literal["solutions"]]


AskedTeacher = ServedTeacher | LocalTeacher
"""A teacher that is asked, request by request, through the seam and the ledger of `potstill.models`."""
Teacher = Annotated[
    WorkedTeacher | ServedTeacher | LocalTeacher | DatasetTeacher | SolutionsTeacher, Discriminator("kind")
]


@dataclass(frozen=True)
class Strategy:
    """How the teacher is asked; `{question}` is filled in, with its choices."""

    kind: ForTraces[Literal["zero_shot", "few_shot"]] = "zero_shot"
    samples: ForTraces[Samples] = 1
    """Traces per problem, or with `stop_at_right` the most of them."""
    stop_at_right: ForTraces[Samples | None] = None
    """Ask no more about a problem once this many of its samples are right, in waves; of served and
    local teachers."""
    system: ForTraces[str] = ""
    prompt: ForTraces[str] = ""
    """Empty takes the packaged prompt of the kind."""
    prompt_file: ForTraces[str | None] = None
    """A file with the prompt, relative to `data`; it takes the place of `prompt`."""
    shots: ForTraces[Annotated[int, Gt(0), Le(1000)]] = 3
    """Worked examples before the question, for `few_shot`."""
    shots_file: ForTraces[str | None] = None
    """A file of worked examples with `question`, `reasoning` and `answer`; `null` draws them from the training problems
    that have a solution, never from those held out."""


@dataclass(frozen=True)
class Numbers:
    """How numbers are written in golds and answers."""

    decimal: ForAnswers[Literal["auto", "point", "comma"]] = "auto"
    """The decimal mark: `auto` takes what the golds of the data set show, and for an answer what its language shows;
    an answer that only the other mark makes right is unknown."""


@dataclass(frozen=True)
class Policy:
    """The conventions under which two answers are the same; recorded with every verdict."""

    percent: ForAnswers[Literal["ignore", "strict"]] = "ignore"
    """`strict`: 10% is 0.1 and not 10; `ignore`: the sign is dropped on both sides."""
    tolerance: ForAnswers[Annotated[float, Ge(0), Lt(1)]] = 0.0
    """Relative to the gold, for answers where one side is a decimal; 0 compares exactly."""
    significant_figures: ForAnswers[Annotated[int, Gt(0), Le(100)] | Literal["gold"] | None] = None
    """Decimals agree when they round to the same so many figures; `gold`: to as many as the gold is written with."""
    order: ForAnswers[Literal["ignore", "strict"]] = "ignore"
    """Of several answers without brackets: `1, 2` and `2, 1`. Tuples are ordered and sets are not in either case."""
    units: ForAnswers[Literal["optional", "required"]] = "optional"
    """`optional`: a unit that only one side has is dropped; two units are converted or contradict each other."""
    simplified: ForAnswers[bool] = False
    """Whether `6/8` is wrong for `3/4`, and `sqrt(8)` for `2 sqrt(2)`."""
    numbers: ForAnswers[Numbers] = Numbers()
    """How golds and answers write their numbers."""
    judge: ForAnswers[Literal["undecided", "text", "ambiguous"]] = "undecided"
    """What `checks.judge` is asked about: what the rules cannot compare; `text`: also words that differ from the gold's
    and so are wrong by the rules; `ambiguous`: also answers that say two things."""


@dataclass(frozen=True)
class CodeChecks:
    """How programs are run; they run in the sandbox or not at all."""

    seconds: ForAnswers[Annotated[float, Ge(0.01), Le(3600)]] = 10.0
    """For one program with all its tests."""
    memory_mb: ForAnswers[Annotated[int, Ge(64), Le(65_536)]] = 512


@dataclass(frozen=True)
class Judge:
    """A language model that is asked about answers; `policy.judge` says which."""

    base_url: Beside[str]
    model: ForAnswers[ModelName]
    api_key_env: Beside[str | None] = None
    """Name of the environment variable that holds the key; the key itself is never written anywhere."""
    sampling: ForAnswers[Sampling] = Sampling()
    concurrency: Beside[Side] = 8
    timeout: Beside[Seconds] = 600.0
    """Seconds for one request."""
    prompt: ForAnswers[str | None] = None
    """A file with your own prompt, relative to `data`; `null` takes the packaged one."""
    price: Beside[Price | None] = None
    spend_at_most: Beside[Annotated[float, Gt(0), Le(10**9)] | None] = None
    """US dollars, where the teacher has no cap: a served teacher's holds for both."""


@dataclass(frozen=True)
class Reward:
    """A reward model in a local folder or on the hub, run in this process."""

    model: ForVerdicts[str]
    kind: ForVerdicts[Literal["outcome", "process"]] = "outcome"
    """`outcome`: a sequence classifier, one score a response; `process`: a token classifier, one score a step."""
    separator: ForVerdicts[str] = "\n\n"
    """Written after each step for a process reward model; its last token carries the step's score."""
    aggregate: ForVerdicts[Literal["min", "product", "last", "mean"]] = "min"
    """Of the steps' scores."""


@dataclass(frozen=True)
class Checks:
    """How answers are judged."""

    policy: ForAnswers[Policy] = Policy()
    seconds: ForAnswers[Annotated[float, Ge(0.01), Le(600)]] = 5.0
    """Of processor time for comparing one answer in all, waiting for a worker not counted; then it is unknown."""
    code: ForAnswers[CodeChecks] = CodeChecks()
    judge: ForAnswers[Judge | None] = None
    reward: ForVerdicts[Reward | None] = None
    agreeing: ForVerdicts[Annotated[int, Ge(2), Le(10_000)]] = 3
    """So many samples of a problem, and more than half, must agree for their answer to count for or against a gold."""
    self_consistency: ForVerdicts[bool] = False
    """Judge training problems that have nothing to be judged by against the answer that their own samples agree on."""
    doubted_gold: ForVerdictsAndExamples[Literal["keep", "drop", "repair"]] = "keep"
    """Where no sample gives the gold and they agree on another answer: `keep` the gold and report it, `drop` the
    problem, or `repair` the gold, that is judge by the other answer; all of it marked and counted."""


@dataclass(frozen=True)
class Curate:
    """Which traces become examples."""

    drop_wrong: ForExamples[bool] = True
    drop_unknown: ForExamples[bool] = True
    drop_repetition: ForExamples[Share | None] = 0.5
    """Drop traces in which more than this share of the text repeats itself; `null` keeps them."""
    max_characters: ForExamples[Positive | None] = None
    """Drop traces longer than this (reasoning and answer together)."""
    per_problem: ForExamples[Positive] = 4
    """At most this many traces a problem, the most diverse first."""
    difficulty: ForExamples[Literal["stated", "measured"]] = "stated"
    """`stated`: the source's own, else one minus the pass rate of the problem's samples; `measured`: the other way."""
    min_difficulty: ForExamples[float | None] = None
    """Drop problems that are easier; `null` keeps them. Problems of unknown difficulty stay."""
    max_difficulty: ForExamples[float | None] = None
    """Drop problems that are harder, such as those that no sample solved."""
    order: ForExamplesAndTraining[Literal["shuffled", "easy_to_hard"]] = "shuffled"
    """`easy_to_hard`: by difficulty, those of unknown difficulty last; later epochs are shuffled."""


@dataclass(frozen=True)
class Scratch:
    """A Llama built from nothing, with a tokenizer trained on the examples."""

    hidden: ForStudent[Annotated[int, Gt(0), Le(65_536)]] = 128
    layers: ForStudent[Annotated[int, Gt(0), Le(1000)]] = 4
    heads: ForStudent[Annotated[int, Gt(0), Le(1024)]] = 4
    intermediate: ForStudent[Annotated[int, Gt(0), Le(10**6)]] = 352
    vocabulary: ForStudent[Annotated[int, Ge(280), Le(10**6)]] = 512
    context: ForStudent[Length] = 512


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on all linear layers, merged at export."""

    rank: ForTraining[Annotated[int, Gt(0), Le(65_536)]] = 16
    alpha: ForTraining[Annotated[int, Gt(0), Le(10**6)]] = 32
    dropout: ForTraining[Share] = 0.0


@dataclass(frozen=True)
class Student:
    """The small model: `model` names it, or `scratch` describes it."""

    model: ForStudent[str | None] = None
    """`smollm2-135m-instruct` (packaged wheel, else the hub), a local folder, or a hub name."""
    scratch: ForStudent[Scratch | None] = None
    lora: ForTraining[Lora | None] = None
    prompt: ForRows[str] = "{question}"
    """What the student is asked; `{question}` is filled in, with its choices. The same for every row of the table."""
    reasoning_open: ForRows[str] = "<think>\n"
    reasoning_close: ForRows[str] = "\n</think>\n"


@dataclass(frozen=True)
class Loss:
    """L of the optimiser step; see docs/guide for the two normalisations."""

    kind: ForTraining[Literal["tokens", "segments"]] = "tokens"
    alpha: ForTraining[Amount] = 1.0
    """Weight of reasoning tokens (`tokens`) or of their mean (`segments`)."""
    beta: ForTraining[Amount] = 1.0
    """Weight of answer and format tokens (`tokens`) or of their means (`segments`)."""
    ratio_cap: ForTraining[Annotated[float, Ge(0.001), Le(10**6)]] = 10.0
    """Under `segments`: an answer token weighs at most this many reasoning tokens."""


@dataclass(frozen=True)
class Train:
    """How the student is trained; exactly one of `epochs`, `steps`, `tokens` is the budget."""

    epochs: ForTraining[Annotated[float, Gt(0), Le(10**6)] | None] = None
    steps: ForTraining[Positive | None] = None
    tokens: ForTraining[Tokens | None] = None
    """Tokens of training rows, prompts included."""
    batch: ForTraining[Side] = 16
    """Rows an optimiser step."""
    micro_batch: ForTraining[Side] = 8
    """Rows a forward pass; changes memory and speed, never the result."""
    learning_rate: ForTraining[Annotated[float, Gt(0), Le(10**6)]] = 1e-5
    warmup: ForTraining[Share] = 0.03
    """Share of the steps."""
    schedule: ForTraining[Literal["cosine", "linear", "constant"]] = "cosine"
    final: ForTraining[Share] = 0.1
    """Learning rate at the end, as a share of its peak."""
    weight_decay: ForTraining[Annotated[float, Ge(0), Le(1000)]] = 0.0
    clip: ForTraining[Annotated[float, Ge(1e-6), Le(10**6)]] = 1.0
    """Largest norm of the gradient."""
    max_length: ForTraining[Length] = 2048
    """Tokens of a row; longer rows are dropped and counted, never cut."""
    precision: ForTrainingAndEvaluation[Literal["bf16", "fp32"]] = "bf16"
    loss: ForTraining[Loss] = Loss()
    seed: ForTraining[Seed | None] = None
    """Seed of the order, of new weights and of dropout; `null` takes the recipe's."""
    checkpoint_every: Beside[Positive] = 50
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

    samples: ForEvaluation[Samples] = 1
    temperature: ForEvaluation[Temperature] = 0.0
    top_p: ForEvaluation[TopP] = 1.0
    max_tokens: ForEvaluation[Length] = 512
    batch: ForEvaluation[Side | None] = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    shots: ForEvaluation[Annotated[int, Ge(0), Le(1000)]] = 3


@dataclass(frozen=True)
class Export:
    """What is delivered."""

    safetensors: ForExport[bool] = True


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
