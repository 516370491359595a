"""Each provider's documented reply shape, read directly and over HTTP by the client."""

import http.server
import json
import os
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill import recipe
from potstill.models.ledger import Ledger
from potstill.models.replies.dialects import Parts, ReplyError, divide
from potstill.models.replies.loose_json import load
from potstill.models.replies.shapes import read
from potstill.models.requests import Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.models.served.faults import FaultError
from potstill.progress import Progress


def body(message, finish="stop", usage=None):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": usage or {"prompt_tokens": 3, "completion_tokens": 9}}).encode()


def parts(message, finish="stop", model="m", usage=None):
    return divide(read(body(message, finish, usage)), model)


def details(*items):
    return {"content": "7", "reasoning_details": list(items)}


TEXT = {"type": "reasoning.text", "text": "3 + 4 = 7", "signature": "s", "index": 0}
SUMMARY = {"type": "reasoning.summary", "summary": "Added."}
SEALED = {"type": "reasoning.encrypted", "data": "AAAA"}
RAW = Parts("3 + 4 = 7", "7", "raw")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "7", "reasoning_content": "3 + 4 = 7"}, RAW),  # DeepSeek, SGLang, llama.cpp
        ({"content": "\n\n7", "reasoning": "3 + 4 = 7\n"}, RAW),  # vLLM, Ollama
        ({"content": "7", "reasoning": "3 + 4 = 7", "reasoning_content": None}, RAW),
        ({"content": "7", "thinking": "3 + 4 = 7"}, RAW),
        (details(TEXT) | {"reasoning": "3 + 4 = 7"}, RAW),  # OpenRouter
        (details(SUMMARY) | {"reasoning": "Added."}, Parts("Added.", "7", "summary")),
        (details(SEALED), Parts("", "7", "encrypted")),
        (details(SEALED) | {"reasoning": "Added."}, Parts("Added.", "7", "summary")),
        (details(TEXT, SEALED), Parts("3 + 4 = 7", "7", "encrypted")),
        ({"content": [{"type": "thinking", "thinking": "3 + 4 = 7"}, {"type": "text", "text": "7"}]}, RAW),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "3 + 4 = 7"}]},
                         {"type": "text", "text": "7"}]}, RAW,
        ),
        ({"content": "7", "thinking_blocks": [{"type": "thinking", "thinking": "3 + 4 = 7"}]}, RAW),
        ({"content": "7", "thinking_blocks": [{"type": "redacted_thinking"}]}, Parts("", "7", "encrypted")),
        ({"content": "<think>3 + 4 = 7</think>7"}, RAW),
        ({"content": "3 + 4 = 7</think>\n\n7<|im_end|>"}, RAW),
        ({"content": "<think>3 + 4 = 7</think>7", "reasoning_content": "3 + 4 = 7"}, RAW),  # llama.cpp's legacy format
        ({"content": None, "reasoning": "3 + 4 = 7</think>7"}, RAW),  # a parser that missed the end
        ({"content": "7", "reasoning_content": "<think>\n3 + 4 = 7<｜end▁of▁sentence｜>"}, RAW),
        ({"content": "7"}, Parts("", "7", "none")),
        ({"content": "Mind the <think> tag.", "reasoning": "x"}, Parts("x", "Mind the <think> tag.", "raw")),
    ],
)  # fmt: skip
def test_where_reasoning_is(message, expected):
    assert parts(message) == expected


@pytest.mark.parametrize("model", ["claude-opus-4-5", "anthropic/claude-sonnet-4", "google/gemini-3-pro", "o4-mini"])
def test_providers_that_show_summaries(model):
    assert parts({"content": "7", "reasoning": "Added."}, model=model).kind == "summary"


@pytest.mark.parametrize("model", ["Qwen/QwQ-32B", "openai/gpt-oss-120b", "qwen-claude-distill", "olmo-2", "gemma-3"])
def test_open_models_show_the_reasoning_itself(model):
    assert parts({"content": "7", "reasoning": "Added."}, model=model).kind == "raw"


def test_reasoning_that_is_only_counted_is_hidden():
    usage = {"completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 880}}
    assert parts({"content": "7"}, usage=usage).kind == "none"
    assert read(body({"content": "7"}, usage=usage)).hidden_tokens == 880


def test_truncated_with_null_content_is_length_and_has_no_answer():
    reply = read(body({"content": None, "reasoning": "3 + 4"}, finish="length"))
    assert reply.finish == "length"
    assert divide(reply, "m") == Parts("3 + 4", "", "raw")


def test_truncated_before_anything():
    assert read(body({"content": None}, finish="length")).finish == "length"


@pytest.mark.parametrize(
    ("said", "finish"),
    [("stop", "stop"), (None, "stop"), ("eos", "stop"), ("end_turn", "stop"), ("MAX_TOKENS", "length"),
     ("model_context_window_exceeded", "length"), ("content_filter", "refused"), ("tool_calls", "refused")],
)  # fmt: skip
def test_finish_reasons(said, finish):
    assert read(body({"content": "7"}, finish=said)).finish == finish


def test_a_refusal_in_words():
    reply = read(body({"content": None, "refusal": "I cannot help with that."}))
    assert (reply.finish, reply.failure) == ("refused", "refusal: I cannot help with that.")


@pytest.mark.parametrize("finish", ["error", "abort", "insufficient_system_resource"])
def test_broken_off_is_asked_again(finish):
    with pytest.raises(FaultError, match="broken off"):
        read(body({"content": "3 +"}, finish=finish))


@pytest.mark.parametrize(
    "bad",
    [b"", b"{", b"null", b"[]", b'{"choices": []}', b'{"choices": null}', b'{"choices": [{}]}', b'{"choices": [null]}',
     b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}',
     b'{"choices": [{"message": {"content": "  "}, "finish_reason": "stop"}]}', b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
def test_no_completion_is_a_fault(bad):
    with pytest.raises(FaultError):
        read(bad)


def test_an_error_under_status_200():
    with pytest.raises(ReplyError) as caught:
        read(b'{"error": {"message": "overloaded", "code": 503}}')
    assert (caught.value.status, caught.value.message) == (503, "overloaded")
    with pytest.raises(ReplyError) as caught:
        read(b'{"choices": [{"error": {"message": "no", "code": "\xc2\xb2"}}]}')
    assert caught.value.status == 500


def test_usage_that_makes_no_sense_is_unknown():
    usage = {"prompt_tokens": -1, "completion_tokens": 10**30}
    reply = read(body({"content": "7"}, usage=usage))
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


def test_nan_and_half_characters_pass():
    raw = (
        body({"content": "CONTENT"})
        .replace(b"CONTENT", rb"7 \ud800 \ud83d\ude00")
        .replace(b'"index": 0', b'"index": NaN')
    )
    assert divide(read(raw), "m").content == "7 \ufffd \U0001f600"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "message", "content", "type", "text", "thinking", "reasoning", "reasoning_details",
                         "reasoning_content", "error", "usage", "finish_reason", "code", "completion_tokens_details",
                         "reasoning_tokens", "completion_tokens", "refusal", "thinking_blocks", "summary"]),
        inner, max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@given(json_values, json_values)
def test_any_json_is_a_reply_or_a_named_fault(message, usage):
    raw = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()
    try:
        found = divide(read(raw), "m")
    except (FaultError, ReplyError):
        return
    assert isinstance(found.content, str)
    assert isinstance(found.reasoning, str)
    assert bool(found.reasoning) or found.kind in ("none", "encrypted")


@given(st.binary(max_size=200))
def test_any_bytes_load_or_fault(raw):
    try:
        load(raw)
    except FaultError as fault:
        assert "malformed" in fault.reason


def chat(message, finish="stop", usage=None, **more):
    """A chat completion as the servers send it, with what they add of their own."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    usage = usage or {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
        **more,
    }


def hidden(count):
    return {"prompt_tokens": 12, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": count}}


THOUGHT, ANSWER = "3 and 4 make 7.", "The answer is 7."
WHOLE = Parts(THOUGHT, ANSWER, "raw")
ANTHROPIC_USAGE = {"input_tokens": 12, "output_tokens": 30}
CLAUDE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-5", "stop_reason": "end_turn",
          "stop_sequence": None, "usage": ANTHROPIC_USAGE}  # fmt: skip
RESPONSES_USAGE = {"input_tokens": 12, "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 20}}
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "error": None, "incomplete_details": None,
            "usage": RESPONSES_USAGE}  # fmt: skip
SAYS = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER, "annotations": []}]}
DIALECTS = {
    "deepseek": (
        "deepseek-v4-pro",
        chat(
            {"content": ANSWER, "reasoning_content": THOUGHT},
            usage=hidden(20) | {"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 12},
            system_fingerprint="fp",
        ),
        WHOLE,
    ),
    "deepseek, thinking switched off": ("deepseek-v4-flash", chat({"content": ANSWER}), Parts("", ANSWER, "none")),
    "vllm": (
        "Qwen/QwQ-32B",
        chat(
            {"content": f"\n\n{ANSWER}", "reasoning": f"{THOUGHT}\n", "refusal": None, "tool_calls": []},
            prompt_logprobs=None,
        ),
        WHOLE,
    ),
    "vllm before 0.11": (
        "Qwen/QwQ-32B",
        chat({"content": ANSWER, "reasoning_content": THOUGHT, "tool_calls": []}),
        WHOLE,
    ),
    "vllm, both names": (
        "Qwen/QwQ-32B",
        chat({"content": ANSWER, "reasoning_content": THOUGHT, "reasoning": THOUGHT}),
        WHOLE,
    ),
    "vllm without a parser": (
        "Qwen/QwQ-32B",
        chat({"content": f"{THOUGHT}\n</think>\n\n{ANSWER}", "reasoning": None}),
        WHOLE,
    ),
    "sglang": (
        "Qwen/Qwen3-8B",
        chat({"content": ANSWER, "reasoning_content": THOUGHT, "tool_calls": None}, metadata={"weight_version": "d"}),
        WHOLE,
    ),
    "llama.cpp": (
        "qwen3",
        chat({"content": ANSWER, "reasoning_content": THOUGHT}, timings={"predicted_n": 30, "prompt_n": 12}),
        WHOLE,
    ),
    "llama.cpp, reasoning-format none": (
        "qwen3",
        chat({"content": f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"}),
        WHOLE,
    ),
    "ollama": ("qwen3:8b", chat({"content": ANSWER, "reasoning": THOUGHT}, system_fingerprint="fp_ollama"), WHOLE),
    "ollama, its own name": ("qwen3:8b", chat({"content": ANSWER, "thinking": THOUGHT}), WHOLE),
    "openrouter, text": (
        "deepseek/deepseek-r1",
        chat(
            {
                "content": ANSWER,
                "reasoning": THOUGHT,
                "reasoning_details": [
                    {"type": "reasoning.text", "text": THOUGHT, "signature": None, "format": "unknown", "index": 0}
                ],
            },
            provider="DeepInfra",
        ),
        WHOLE,
    ),
    "openrouter, summary": (
        "openai/gpt-5.1",
        chat(
            {
                "content": ANSWER,
                "reasoning": "Added.",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "Added.", "format": "openai-responses-v1", "index": 0},
                    {"type": "reasoning.encrypted", "data": "gAAAA", "id": "rs_1", "index": 0},
                ],
            },
            usage=hidden(20),
        ),
        Parts("Added.", ANSWER, "summary"),
    ),
    "openrouter, encrypted": (
        "x-ai/grok-4",
        chat(
            {"content": ANSWER, "reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "g"}]}
        ),
        Parts("", ANSWER, "encrypted"),
    ),
    "openrouter, a signed block without text": (
        "anthropic/claude-opus-4.7",
        chat({"content": ANSWER, "reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "Eq"}]}),
        Parts("", ANSWER, "encrypted"),
    ),
    "openrouter, text of a model that is summarised": (
        "anthropic/claude-opus-4.5",
        chat(
            {"content": ANSWER, "reasoning_details": [{"type": "reasoning.text", "text": "Added.", "signature": "E"}]}
        ),
        Parts("Added.", ANSWER, "summary"),
    ),
    "openai": (
        "gpt-5.1",
        chat({"content": ANSWER, "refusal": None, "annotations": []}, usage=hidden(20), service_tier="default"),
        Parts("", ANSWER, "none"),
    ),
    "openai without reasoning": (
        "gpt-4.1",
        chat({"content": ANSWER, "refusal": None}, usage=hidden(0)),
        Parts("", ANSWER, "none"),
    ),
    "openai, gateway with summaries": (
        "gpt-5.1",
        chat({"content": ANSWER, "reasoning_content": "Added."}, usage=hidden(20)),
        Parts("Added.", ANSWER, "summary"),
    ),
    "openai responses, summary": (
        "gpt-5.1",
        RESPONSE
        | {
            "output": [{"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Added."}]}, SAYS]
        },
        Parts("Added.", ANSWER, "summary"),
    ),
    "openai responses, hidden": (
        "gpt-5.1",
        RESPONSE | {"output": [{"type": "reasoning", "id": "rs", "summary": []}, SAYS]},
        Parts("", ANSWER, "none"),
    ),
    "responses of an open model": (
        "openai/gpt-oss-20b",
        RESPONSE
        | {
            "output": [
                {"type": "reasoning", "content": [{"type": "reasoning_text", "text": THOUGHT}], "summary": []},
                SAYS,
            ]
        },
        WHOLE,
    ),
    "anthropic": (
        "claude-opus-4-5",
        CLAUDE
        | {
            "content": [{"type": "thinking", "thinking": "Added.", "signature": "Eq"}, {"type": "text", "text": ANSWER}]
        },
        Parts("Added.", ANSWER, "summary"),
    ),
    "anthropic, redacted": (
        "claude-opus-4-5",
        CLAUDE | {"content": [{"type": "redacted_thinking", "data": "Em"}, {"type": "text", "text": ANSWER}]},
        Parts("", ANSWER, "encrypted"),
    ),
    "anthropic shape of an open model": (
        "deepseek-v4-pro",
        CLAUDE
        | {"content": [{"type": "thinking", "thinking": THOUGHT, "signature": "1"}, {"type": "text", "text": ANSWER}]},
        WHOLE,
    ),
    "mistral": (
        "magistral-medium-latest",
        chat(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}], "closed": True},
                    {"type": "text", "text": ANSWER},
                ]
            }
        ),
        WHOLE,
    ),
    "gemini's compatible address": (
        "gemini-3-pro",
        chat({"content": f"<thought>Added.</thought>{ANSWER}"}),
        Parts("Added.", ANSWER, "summary"),
    ),
    "harmony left in": (
        "openai/gpt-oss-20b",
        chat(
            {
                "content": f"<|channel|>analysis<|message|>{THOUGHT}<|end|>"
                f"<|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
            }
        ),
        WHOLE,
    ),
    "plain think": ("m", chat({"content": f"<think>{THOUGHT}</think>{ANSWER}"}), WHOLE),
    "another tag": ("m", chat({"content": f"<reasoning>\n{THOUGHT}\n</reasoning>\n{ANSWER}"}), WHOLE),
    "only a closing tag": ("m", chat({"content": f"{THOUGHT}</think>{ANSWER}"}), WHOLE),
    "marked by words": ("simplescaling/s1.1-32B", chat({"content": f"think\n{THOUGHT}\nanswer\n{ANSWER}"}), WHOLE),
    "no marks at all": ("m", chat({"content": f"{THOUGHT} {ANSWER}"}), Parts("", f"{THOUGHT} {ANSWER}", "none")),
}
WIRES = {"anthropic": "anthropic", "openai responses": "responses", "responses": "responses"}


@contextmanager
def answering(value):
    """A server that gives one reply to every request, and remembers what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(
                (self.path, dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked_over_http(tmp_path, value, model, wire):
    """Return what the server was asked and what the ledger has of its reply."""
    turns = (Message("system", "Think."), Message("user", "3 + 4?"))
    request = Request(messages=turns, model=model, sampling={"max_tokens": 64, "temperature": 0.6, "seed": 1}, sample=0)
    with answering(value) as (url, asked), Ledger(tmp_path / "l.sqlite") as ledger, open(os.devnull, "w") as nowhere:
        teacher = recipe.ServedTeacher(kind="served", base_url=url, model=model, wire=wire)
        retry_policy = RetryPolicy(tries=1, first_wait=0.01)
        ServedModel(teacher, retry_policy).collect([request], ledger, Progress("traces", None, stream=nowhere))
        return asked, ledger.get(request.key)


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_over_http(tmp_path, name):
    model, value, expected = DIALECTS[name]
    wire = next((wire for start, wire in WIRES.items() if name.startswith(start)), "openai")
    asked, done = asked_over_http(tmp_path, value, model, wire)
    assert Parts(done.reasoning, done.content, done.reasoning_kind) == expected
    assert (done.finish, done.failure) == ("stop", "")
    assert (done.prompt_tokens, done.completion_tokens) == (12, 30)
    assert json.loads(done.raw) == value
    paths = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "responses": "/v1/responses"}
    assert [path for path, _, _ in asked] == [paths[wire]]


def test_what_each_shape_is_asked(tmp_path):
    for wire, model, name in (("openai", "m", "plain think"), ("openai", "gpt-5.1", "openai"),
                              ("responses", "gpt-5.1", "openai responses, summary")):  # fmt: skip
        (tmp_path / name).mkdir()
        asked, _ = asked_over_http(tmp_path / name, DIALECTS[name][1], model, wire)
        _, headers, body = asked[0]
        assert "anthropic-version" not in {header.lower() for header in headers}
        # OpenAI's reasoning models refuse max_tokens; the Responses API has no seed.
        budget = (
            {"m": "max_tokens", "gpt-5.1": "max_completion_tokens"}[model] if wire == "openai" else "max_output_tokens"
        )
        assert {field for field in body if field.startswith("max_")} == {budget}
        assert ("seed" in body, body["temperature"], body[budget]) == (wire == "openai", 0.6, 64)
        turns = body["messages"] if wire == "openai" else body["input"]
        assert [turn["role"] for turn in turns] == (["system", "user"] if wire == "openai" else ["user"])
        assert wire == "openai" or (body["instructions"], body["store"]) == ("Think.", False)


@pytest.mark.parametrize("name", ["openai", "openai responses, summary"])
def test_responses_and_chat_that_ran_out_of_tokens(tmp_path, name):
    cut = {
        "openai": chat({"content": ""}, finish="length", usage=hidden(30)),
        "openai responses, summary": RESPONSE
        | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []},
    }[name]
    _, done = asked_over_http(tmp_path, cut, "gpt-5.1", "openai" if name == "openai" else "responses")
    assert done.hidden_tokens
    assert (done.finish, done.content, done.reasoning_kind) == ("length", "", "none")


def test_a_response_that_failed_is_asked_again():
    with pytest.raises(ReplyError):
        read(json.dumps(RESPONSE | {"status": "failed", "error": {"code": "server_error", "message": "no"}}).encode())
    with pytest.raises(FaultError, match="broken off"):
        read(json.dumps(RESPONSE | {"status": "in_progress"}).encode())
    refusal = [{"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}]
    assert read(json.dumps(RESPONSE | {"output": refusal}).encode()).failure == "refusal: I will not."


@given(json_values)
def test_any_body_of_any_shape_is_a_reply_or_a_named_fault(value):
    for shape in ({"type": "message"}, {"object": "response"}, {"type": "error"}, {}):
        for more in ({"content": value}, {"output": value}, {"output": [{"type": "reasoning", "content": value}]}):
            try:
                parts = divide(read(json.dumps(shape | more).encode()), "m")
            except (FaultError, ReplyError):
                continue
            assert bool(parts.reasoning) or parts.kind in ("none", "encrypted")
