"""Who answers with reasoning, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le, Len
from pydantic import Discriminator

from potstill.recipe.bounds import (
    Amount,
    Length,
    ModelName,
    Name,
    Positive,
    Samples,
    Seconds,
    Seed,
    Share,
    Side,
    Temperature,
    Tokens,
    TopP,
)
from potstill.recipe.problems import Source
from potstill.recipe.scopes import Beside, ForAsking, ForExamples, ForTraces
from potstill.tables import OneOf


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
    """JSONL or Parquet (`.gz` allowed), relative to `data`."""
    columns: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Trace field -> column (fields: question, response, reasoning, answer, model, finish, id)."""
    delimiter: ForTraces[Annotated[str, Len(1, 1)] | None] = None
    max_characters: ForTraces[Length] = Source.max_characters
    models: ForTraces[tuple[str, ...]] = ()
    """Keep only these models' traces; empty keeps all."""


@dataclass(frozen=True)
class SolutionsTeacher:
    """Human worked solutions that came with the problems (`solution`)."""

    kind: ForTraces[Literal["solutions"]]


@dataclass(frozen=True)
class ArmTeacher:
    """An arm of this recipe or of another run: a student that teaches."""

    kind: ForTraces[Literal["arm"]]
    arm: Beside[Name]
    """Whose answers become traces; asked as it was trained, with its student's prompt and marks."""
    run: Beside[str | None] = None
    """The folder of another run, relative to `data`; `null` takes an arm of this recipe."""
    first: Beside[Name | None] = None
    """Who teaches the first of `rounds`; `null` takes what the arm itself starts from."""
    precision: ForTraces[Literal["bf16", "fp32"]] = "bf16"
    """Of the weights."""
    sampling: ForTraces[Sampling] = Sampling(temperature=1.0, max_tokens=512)
    """How the arm is sampled."""
    batch: Beside[Positive | None] = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    retry_max_tokens: ForTraces[Positive | None] = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""


AskedTeacher = ServedTeacher | LocalTeacher
"""A teacher that is asked, request by request, through the sampler and the ledger of `potstill.models`."""
Teacher = Annotated[
    WorkedTeacher | ServedTeacher | LocalTeacher | ArmTeacher | DatasetTeacher | SolutionsTeacher, Discriminator("kind")
]


@dataclass(frozen=True)
class Strategy:
    """How the teacher is asked; `{question}` is filled in, with its choices."""

    kind: ForTraces[Annotated[str, OneOf("potstill.teach.strategies:STRATEGIES")]] = "zero_shot"
    samples: ForTraces[Samples] = 1
    """Traces per problem, or with `stop_at_right` the most of them."""
    stop_at_right: ForTraces[Samples | None] = None
    """Ask no more about a problem once this many of its samples are right, in sampling rounds; of served and
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
