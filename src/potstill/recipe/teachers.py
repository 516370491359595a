"""Who answers with reasoning, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

from annotated_types import Gt, Le, Len
from pydantic import Discriminator

from potstill.hardware import Precise, Precision
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
from potstill.recipe.strategies import Rationalise, Tree, VerifyChain, Ways
from potstill.recipe.tools import Tool
from potstill.tables import OneOf


@dataclass(frozen=True)
class WorkedTeacher:
    """The packaged teacher: procedural worked solutions of our own families, a stand-in for a language model."""

    kind: ForTraces[Literal["worked"]]
    """Chooses this kind of teacher."""
    seed: ForTraces[Seed | None] = None
    """Seed of its choices; `null` takes the recipe's."""
    error_rate: ForTraces[Share] = 0.1
    """Share of traces with an injected error, so that checking matters."""
    style: ForTraces[Literal["plain", "checked", "varied"]] = "varied"
    """How solutions are written. `varied`: several strategies, restatements, checks, abandoned attempts; `plain`:
    the shortest strategy alone; `checked`: the same, and a check behind each result that is right."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled."""

    temperature: ForAsking[Temperature | None] = None
    """How freely tokens are drawn, 0 takes the likeliest; `null` leaves it to the server."""
    top_p: ForAsking[TopP | None] = None
    """Draws among the likeliest tokens that hold this share; `null` leaves it to the server."""
    max_tokens: ForAsking[Length] = 4096
    """Tokens of a reply, reasoning included. A trace that reaches it is dropped as truncated."""
    extra: ForAsking[dict[str, Any]] = field(default_factory=dict)
    """Further fields of the request body, passed as they are."""


@dataclass(frozen=True)
class Price:
    """What a teacher costs, in US dollars: per million tokens, or a server of your own by the hour."""

    prompt: Beside[Amount] = 0.0
    """For a million tokens sent."""
    completion: Beside[Amount] = 0.0
    """For a million tokens received, reasoning included."""
    hour: Beside[Amount] = 0.0
    """For an hour of a server's time."""


@dataclass(frozen=True)
class Terms:
    """Whether a provider's terms allow training another model on its output, and where that stands."""

    training: Beside[Literal["allowed", "restricted", "unknown"]]
    """What the terms say of training another model on the output."""
    basis: Beside[Annotated[str, Len(1)]]
    """Where that stands, such as `MIT licence of the weights` or the address of the terms with the date they
    were read."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model behind a server, and how it is asked: what a teacher, a judge and a measured model have in common."""

    base_url: Beside[str | Annotated[tuple[str, ...], Len(1)]]
    """Address of the server, such as `http://localhost:8000/v1`. Without a version `/v1` is tried too. A query
    (`?api-version=...`) stays. A list of addresses names servers of the same model that share the requests."""
    model: ForAsking[ModelName]
    """The model's name as the server knows it."""
    api_key_env: Beside[str | None] = None
    """Name of the variable that holds the key. The key itself is never written anywhere."""
    sampling: ForAsking[Sampling] = Sampling()
    """How the model is sampled."""
    concurrency: Beside[Side | None] = None
    """At most this many requests at a time; `null` finds what the server bears."""
    timeout: Beside[Seconds] = 3600.0
    """Seconds for one request."""
    price: Beside[Price | None] = None
    """What the model costs. `null` looks it up in the price table; a model that is not in it has no price."""
    spend_at_most: Beside[Annotated[float, Gt(0), Le(10**9)] | None] = None
    """US dollars that a run may cost. The run stops cleanly there, and can be resumed or gone on with. A served
    teacher's cap holds for the judge too, in place of the judge's own."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of all its servers."""
        return (self.base_url,) if isinstance(self.base_url, str) else self.base_url

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        more = len(self.addresses) - 1
        return f"{self.addresses[0]} and {more} more" if more else self.addresses[0]


@dataclass(frozen=True, kw_only=True)
class ServedTeacher(Endpoint):
    """A model behind a server: any OpenAI-compatible one, or Anthropic's."""

    kind: ForTraces[Literal["served"]]
    """Chooses this kind of teacher."""
    allow_summaries: ForExamples[bool] = False
    """Train on summarised reasoning; otherwise only raw reasoning is a target."""
    wire: ForTraces[Literal["openai", "responses", "anthropic"]] = "openai"
    """The shape of requests and replies; `responses` is the newer one of OpenAI."""
    executor: Beside[Literal["live", "batch"]] = "live"
    """How requests are sent; `batch`: by the provider's batch interface, half the price within a day."""
    requests_per_minute: Beside[Positive | None] = None
    """A cap of your own; the server's limits are found and kept without it."""
    tokens_per_minute: Beside[Tokens | None] = None
    """A cap of your own; the server's limits are found and kept without it."""
    retry_max_tokens: ForTraces[Length | None] = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Beside[Terms | None] = None
    """What the terms say of training on the output; `null` looks the model up in the table of terms."""
    allow_restricted: Beside[str | None] = None
    """Name the model here to use a teacher whose terms restrict training on its output."""
    give_up_after: Beside[Seconds] = 900.0
    """Seconds without any answer, such as under a rate limit without end, after which the run stops."""


@dataclass(frozen=True, kw_only=True)
class LocalTeacher(Precise):
    """A model run in this process, on the GPU when there is one."""

    kind: ForTraces[Literal["local"]]
    """Chooses this kind of teacher."""
    model: ForTraces[ModelName]
    """The model: `smollm2-135m-instruct` (packaged wheel, else the hub), a local folder relative to `data`, or a hub
    name."""
    engine: ForTraces[Literal["transformers", "vllm"]] = "transformers"
    """What runs the model; `vllm` needs a GPU and the extra of that name, which wants an
    environment of its own."""
    engine_options: ForTraces[dict[str, Any]] = field(default_factory=dict)
    """Further arguments of `vllm.LLM`, such as `{tensor_parallel_size: 4}`."""
    precision: ForTraces[Precision] = "auto"
    """Number format of the weights; `auto` as in `train.precision`."""
    sampling: ForTraces[Sampling] = Sampling()
    """How the model is sampled; what it leaves open is as the model's generation config says."""
    batch: Beside[Side | None] = None
    """Responses side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    retry_max_tokens: ForTraces[Length | None] = None
    """Budget of the one retry of a truncated trace; `null`: twice `sampling.max_tokens`."""
    terms: Beside[Terms | None] = None
    """What the terms say of training on the output; `null` looks the model up in the table of terms."""
    allow_restricted: Beside[str | None] = None
    """Name the model here to use a teacher whose terms restrict training on its output."""


@dataclass(frozen=True, kw_only=True)
class DatasetTeacher:
    """Existing traces in a file."""

    kind: ForTraces[Literal["dataset"]]
    """Chooses this kind of teacher."""
    file: ForTraces[str]
    """The file, of any format that problems can have, relative to `data`."""
    columns: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Which column holds what: trace field -> column (fields: question, response, reasoning, answer, model,
    finish, id)."""
    delimiter: ForTraces[Annotated[str, Len(1, 1)] | None] = None
    """What separates the columns of a CSV file; `null` takes commas, or what its first line says."""
    max_characters: ForTraces[Length] = Source.max_characters
    """Characters of one text; a longer one is an error. A row may have 16 times as many bytes, or 16 MB."""
    models: ForTraces[tuple[str, ...]] = ()
    """Keep only these models' traces; empty keeps all."""


@dataclass(frozen=True)
class SolutionsTeacher:
    """Human worked solutions that came with the problems (`solution`)."""

    kind: ForTraces[Literal["solutions"]]
    """Chooses this kind of teacher."""


@dataclass(frozen=True, kw_only=True)
class ArmTeacher(Precise):
    """An arm of this recipe or of another run: a student that teaches."""

    kind: ForTraces[Literal["arm"]]
    """Chooses this kind of teacher."""
    arm: Beside[Name]
    """The arm whose answers become traces. It is asked as it was trained, with its student's prompt and marks."""
    run: Beside[str | None] = None
    """The folder of another run, relative to `data`; `null` takes an arm of this recipe."""
    first: Beside[Name | None] = None
    """Who teaches the first of `rounds`; `null` takes what the arm itself starts from."""
    precision: ForTraces[Precision] = "auto"
    """Number format of the weights; `auto` as in `train.precision`."""
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
TEACHERS: tuple[str, ...] = tuple(get_type_hints(part)["kind"].__args__[0] for part in get_args(get_args(Teacher)[0]))
"""The kinds of teacher, in the order of `Teacher`."""


@dataclass(frozen=True, kw_only=True)
class SystemMessage:
    """A system message that a sample may be asked under, for `explain`."""

    name: ForTraces[Name]
    """What it is called in the traces and in the report."""
    text: ForTraces[str]
    """The message; empty sends none."""
    weight: ForTraces[Annotated[float, Gt(0), Le(10**6)]] = 1.0
    """How often it is drawn, beside the weights of the others."""
    kinds: ForTraces[tuple[str, ...]] = ()
    """Domains, or kinds of answers, of the problems that it is for; empty is for all."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How the teacher is asked; `{question}` is filled in, with its choices."""

    kind: ForTraces[Annotated[str, OneOf("potstill.teach.strategies:STRATEGIES")]] = "zero_shot"
    """What is shown. `zero_shot`: the question alone; `few_shot`: the question after worked examples; `explain`: the
    question under one of several system messages, drawn for each sample; `react`: the question with tools that may be
    called; `strategies`: each kind of problem in a way of its own; `rationalise`: with the answer, where all samples
    without it are wrong. Of several calls a sample: `tree`: steps are proposed, judged and searched; `verify_chain`: a
    draft is checked by questions and written anew."""
    samples: ForTraces[Samples] = 1
    """Traces per problem; with `stop_at_right` the most of them."""
    stop_at_right: ForTraces[Samples | None] = None
    """Ask no more about a problem once this many of its samples are right; of served and local teachers."""
    system: ForTraces[str] = ""
    """The system message; empty sends none."""
    messages: ForTraces[tuple[SystemMessage, ...]] = ()
    """The system messages that `explain` draws from; empty takes the packaged ones."""
    prompt: ForTraces[str] = ""
    """The user message; empty takes the packaged one of the kind."""
    prompt_file: ForTraces[str | None] = None
    """A file with the prompt, relative to `data`; it takes the place of `prompt`."""
    prompts: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Files with the other prompts of a kind that has several, relative to `data`: role -> file."""
    shots: ForTraces[Annotated[int, Gt(0), Le(1000)]] = 3
    """Worked examples before the question, for `few_shot`."""
    shots_file: ForTraces[str | None] = None
    """A file of worked examples with `question`, `reasoning` and `answer`; `null` draws them from the training problems
    that have a solution, never from those held out."""
    tools: ForTraces[tuple[Tool, ...]] = ()
    """The tools that `react` offers."""
    calls: ForTraces[Literal["marked", "native"]] = "marked"
    """How a teacher calls the tools of `react`: in marks within its text, which every model can write, or in the fields
    that a server has for it. In a trace both are the same text."""
    most_calls: ForTraces[Annotated[int, Gt(0), Le(100)]] = 6
    """Calls of tools in one answer, for `react`; the next one is told that none is left, and ends it if it goes on."""
    internalise: ForTraces[Literal["none", "small", "all"]] = "none"
    """Which calls become what they came to, so that the student learns to do without, for `react`. `small`: a
    calculator's whose numbers are at most `small`, as an equation; `all`: every call, others as their result."""
    small: ForTraces[Length] = 20
    """The largest number in a call that `internalise: small` writes out."""
    tree: ForTraces[Tree | None] = None
    """How `tree` searches."""
    verify_chain: ForTraces[VerifyChain | None] = None
    """How `verify_chain` checks."""
    ways: ForTraces[Ways | None] = None
    """Which way of solving `strategies` asks each kind of problem for."""
    rationalise: ForTraces[Rationalise | None] = None
    """When `rationalise` tells the answer."""


def as_served(endpoint: Endpoint) -> ServedTeacher:
    """Return any endpoint as a served teacher, whose further settings have their defaults; a teacher is one already."""
    if isinstance(endpoint, ServedTeacher):
        return endpoint
    return ServedTeacher(kind="served", **{item.name: getattr(endpoint, item.name) for item in fields(Endpoint)})
