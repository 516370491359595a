"""Each provider's documented reply shape; the real HTTP path is in test_served."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.models.dialects import Parts, ReplyError, divide, load, parse
from potstill.models.faults import FaultError


def body(message, finish="stop", usage=None):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": usage or {"prompt_tokens": 3, "completion_tokens": 9}}).encode()


def parts(message, finish="stop", model="m", usage=None):
    return divide(parse(body(message, finish, usage)), model)


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
    assert parts({"content": "7"}, usage=usage).kind == "encrypted"


def test_truncated_with_null_content_is_length_and_has_no_answer():
    reply = parse(body({"content": None, "reasoning": "3 + 4"}, finish="length"))
    assert reply.finish == "length"
    assert divide(reply, "m") == Parts("3 + 4", "", "raw")


def test_truncated_before_anything():
    assert parse(body({"content": None}, finish="length")).finish == "length"


@pytest.mark.parametrize(
    ("said", "finish"),
    [("stop", "stop"), (None, "stop"), ("eos", "stop"), ("end_turn", "stop"), ("MAX_TOKENS", "length"),
     ("model_context_window_exceeded", "length"), ("content_filter", "refused"), ("tool_calls", "refused")],
)  # fmt: skip
def test_finish_reasons(said, finish):
    assert parse(body({"content": "7"}, finish=said)).finish == finish


def test_a_refusal_in_words():
    reply = parse(body({"content": None, "refusal": "I cannot help with that."}))
    assert (reply.finish, reply.failure) == ("refused", "refusal: I cannot help with that.")


@pytest.mark.parametrize("finish", ["error", "abort", "insufficient_system_resource"])
def test_broken_off_is_asked_again(finish):
    with pytest.raises(FaultError, match="broken off"):
        parse(body({"content": "3 +"}, finish=finish))


@pytest.mark.parametrize(
    "bad",
    [b"", b"{", b"null", b"[]", b'{"choices": []}', b'{"choices": null}', b'{"choices": [{}]}', b'{"choices": [null]}',
     b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}',
     b'{"choices": [{"message": {"content": "  "}, "finish_reason": "stop"}]}', b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
def test_no_completion_is_a_fault(bad):
    with pytest.raises(FaultError):
        parse(bad)


def test_an_error_under_status_200():
    with pytest.raises(ReplyError) as caught:
        parse(b'{"error": {"message": "overloaded", "code": 503}}')
    assert (caught.value.status, caught.value.message) == (503, "overloaded")
    with pytest.raises(ReplyError) as caught:
        parse(b'{"choices": [{"error": {"message": "no", "code": "\xc2\xb2"}}]}')
    assert caught.value.status == 500


def test_usage_that_makes_no_sense_is_unknown():
    usage = {"prompt_tokens": -1, "completion_tokens": 10**30}
    reply = parse(body({"content": "7"}, usage=usage))
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


def test_nan_and_half_characters_pass():
    raw = (
        body({"content": "CONTENT"})
        .replace(b"CONTENT", rb"7 \ud800 \ud83d\ude00")
        .replace(b'"index": 0', b'"index": NaN')
    )
    assert divide(parse(raw), "m").content == "7 \ufffd \U0001f600"


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
        found = divide(parse(raw), "m")
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
