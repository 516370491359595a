"""The adapter to vLLM, against a module of vLLM's own shapes that generates with a real tiny model.

vLLM wants a GPU and a torch of its own, so it is not installed here. What stands in for it has the names, the arguments
and the results of vLLM 0.33's `LLM`, `SamplingParams` and `RequestOutput`, and refuses what they refuse.
"""

import io
import sys
import types
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from potstill import recipe
from potstill.errors import MissingExtraError, TeacherError
from potstill.models.ledger import Ledger
from potstill.models.local.inprocess import InProcess, load_engine
from potstill.models.local.model import LocalModel, Prompt
from potstill.models.local.vllm import VllmModel
from potstill.models.requests import Message, Request
from potstill.progress import Progress
from potstill.train import students

torch = pytest.importorskip("torch")


@dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = 16
    skip_special_tokens: bool = True

    def __post_init__(self):
        if self.temperature < 0.0:
            raise ValueError(f"temperature must be non-negative, got {self.temperature}.")


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    cumulative_logprob: float | None = None
    logprobs: list | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt: str | None
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool = True


@dataclass
class ModelConfig:
    max_model_len: int = 128
    diff: dict = field(default_factory=dict)

    def get_diff_sampling_param(self):
        return self.diff


class LLM:
    """Greedy whatever it is asked, with `transformers.generate`; it keeps what it was asked."""

    made: ClassVar[list] = []
    finish = None

    def __init__(self, model, *, dtype="auto", seed=0, gpu_memory_utilization=0.92, tensor_parallel_size=1, **more):
        if more:
            raise TypeError(f"EngineArgs.__init__() got an unexpected keyword argument {next(iter(more))!r}")
        if gpu_memory_utilization > 1:
            raise ValueError("GPU memory utilization must be in (0, 1].\nMore lines")
        if not isinstance(model, str):
            raise TypeError("model is a name")
        self.runner = LocalModel(model, "fp32")
        self.about = {"dtype": dtype, "seed": seed, "tensor_parallel_size": tensor_parallel_size}
        self.model_config = ModelConfig()
        self.asked = []
        LLM.made.append(self)

    def get_tokenizer(self):
        return self.runner.tokenizer

    def generate(self, prompts, sampling_params=None, *, use_tqdm=True):
        assert len(prompts) == len(sampling_params)
        assert use_tqdm is False, "its bar would break our progress lines"
        self.asked.append((prompts, sampling_params))
        return [self.one(str(n), p, s) for n, (p, s) in enumerate(zip(prompts, sampling_params, strict=True))]

    def one(self, name, prompt, params):
        ids = prompt["prompt_token_ids"]
        if len(ids) >= self.model_config.max_model_len:
            raise ValueError(f"The decoder prompt (length {len(ids)}) is longer than the maximum model length")
        stops = self.runner.stops
        room = min(params.max_tokens, self.model_config.max_model_len - len(ids))
        given = torch.tensor([ids])
        written = self.runner.model.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=room, do_sample=False, pad_token_id=stops[0]
        )[0, len(ids) :].tolist()
        stopped = written[-1] in stops
        text = self.runner.tokenizer.decode(
            written[:-1] if stopped else written, skip_special_tokens=params.skip_special_tokens,
            clean_up_tokenization_spaces=False,
        )  # fmt: skip
        reason = LLM.finish or ("stop" if stopped else "length")
        return RequestOutput(name, None, ids, [CompletionOutput(0, text, written, finish_reason=reason)])


@pytest.fixture
def vllm(monkeypatch):
    module = types.ModuleType("vllm")
    module.LLM, module.SamplingParams = LLM, SamplingParams
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(LLM, "made", [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "m"
    scratch = recipe.Scratch(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=300, context=128)
    students.prepare(recipe.Student(scratch=scratch), lambda: iter(["What is one plus two? Three."] * 20), 3, out)
    return out


def test_it_says_what_the_same_weights_say_with_transformers(vllm, folder, tmp_path):
    asked = [
        Request(
            messages=(Message("user", f"What is {n}?"),),
            model="m",
            sampling={"temperature": 0.0, "max_tokens": 9, "seed": n},
            sample=0,
        )
        for n in range(7)
    ] + [
        Request(
            messages=(Message("user", "word " * 300),),
            model="m",
            sampling={"temperature": 0.0, "max_tokens": 9, "seed": 1},
            sample=0,
        )
    ]
    found = []
    for name, load in (("a", lambda: VllmModel(folder, "fp32", {})), ("b", lambda: LocalModel(folder, "fp32"))):
        with Ledger(tmp_path / f"{name}.sqlite") as ledger:
            request_counts = InProcess("m", load).collect(asked, ledger, Progress("t", None, stream=io.StringIO()))
            assert request_counts.sent == 8
            found.append([ledger.get(request.key) for request in asked])
    assert found[0] == found[1]
    assert (found[0][-1].finish, found[0][-1].completion_tokens) == ("length", 0), "beyond the context"


def test_what_it_is_asked_with(vllm, folder):
    options = {"tensor_parallel_size": 4}
    load_engine(
        recipe.LocalTeacher(kind="local", model="m", engine="vllm", precision="bf16", engine_options=options), folder
    )
    model = VllmModel(folder, "fp32", {})
    assert [llm.about for llm in LLM.made] == [
        {"dtype": "bfloat16", "seed": 0, "tensor_parallel_size": 4},
        {"dtype": "float32", "seed": 0, "tensor_parallel_size": 1},
    ]

    text = model.render([{"role": "user", "content": "What is one?"}])
    model.answer([Prompt(text, 5), Prompt(text, 6)], {"max_tokens": 4, "top_p": 0.9})
    prompts, params = LLM.made[-1].asked[0]
    assert [prompt["prompt_token_ids"] for prompt in prompts] == [model.tokenizer(text)["input_ids"]] * 2
    assert [(p.seed, p.top_p, p.max_tokens, p.temperature, p.skip_special_tokens) for p in params] == [
        (5, 0.9, 4, 1.0, False),
        (6, 0.9, 4, 1.0, False),
    ]


def test_what_is_left_open_is_the_models_own(vllm, folder, monkeypatch):
    monkeypatch.setattr(ModelConfig, "get_diff_sampling_param", lambda self: {"temperature": 0.6, "top_k": 20})
    model = VllmModel(folder, "fp32", {})
    text = model.render([{"role": "user", "content": "What is one?"}])
    model.answer([Prompt(text)], {"max_tokens": 4})
    model.answer([Prompt(text)], {"max_tokens": 4, "temperature": 0.0})
    own, given = (params[0] for _, params in LLM.made[-1].asked)
    assert (own.temperature, own.top_k, given.temperature, given.top_k) == (0.6, 20, 0.0, 20)


@pytest.mark.parametrize(("reason", "finish"), [("repetition", "length"), ("abort", "failed"), ("error", "failed")])
def test_other_ways_to_finish(vllm, folder, monkeypatch, reason, finish):
    monkeypatch.setattr(LLM, "finish", reason)
    model = VllmModel(folder, "fp32", {})
    (found,) = model.answer([Prompt(model.render([{"role": "user", "content": "One?"}]))], {"max_tokens": 3})
    assert found.finish == finish


def test_what_vllm_refuses_is_told_in_one_line(vllm, folder):
    with pytest.raises(TeacherError, match="unexpected keyword argument 'max_sequences'"):
        VllmModel(folder, "bf16", {"max_sequences": 3})
    with pytest.raises(TeacherError, match=r"in \(0, 1\]\.$"):
        VllmModel(folder, "bf16", {"gpu_memory_utilization": 7})
    model = VllmModel(folder, "bf16", {})
    text = model.render([{"role": "user", "content": "One?"}])
    with pytest.raises(TeacherError, match=r"takes no such settings: .*top_kk"):
        model.answer([Prompt(text)], {"max_tokens": 3, "top_kk": 3})
    with pytest.raises(TeacherError, match="takes no such settings: temperature must be non-negative"):
        model.answer([Prompt(text)], {"max_tokens": 3, "temperature": -1.0})


def test_without_vllm_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingExtraError, match=r"the engine vllm needs vllm: pip install 'potstill\[vllm\]'"):
        load_engine(recipe.LocalTeacher(kind="local", model="m", engine="vllm"), folder)
