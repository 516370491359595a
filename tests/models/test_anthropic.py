"""The Messages shape: requests as documented, and replies with every kind of block."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.models.replies.dialects import Parts, ReplyError, divide
from potstill.models.replies.shapes import SHAPES, joined, read
from potstill.models.requests import Message, Request
from potstill.models.served.faults import FaultError
from potstill.models.served.secrets import Secret

TURNS = (Message("system", "Think."), Message("user", "3 + 4?"), Message("assistant", "7"), Message("user", "4 + 4?"))
CLAUDE = "claude-opus-4-5"


def message(*content, **changes):
    usage = {"input_tokens": 25, "output_tokens": 60, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 5}
    value = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    return read(json.dumps(value | changes).encode())


def text(said):
    return {"type": "text", "text": said}


def thinking(said, signature="EqQBCgIYAhIM"):
    return {"type": "thinking", "thinking": said, "signature": signature}


def test_a_request_as_the_api_wants_it():
    sampling = {"temperature": 0.6, "max_tokens": 900, "seed": 3, "thinking": {"type": "enabled", "budget_tokens": 500}}
    assert SHAPES["anthropic"].body(Request(messages=TURNS, model=CLAUDE, sampling=sampling, sample=0)) == {
        "model": CLAUDE,
        "system": "Think.",
        "messages": [
            {"role": "user", "content": "3 + 4?"},
            {"role": "assistant", "content": "7"},
            {"role": "user", "content": "4 + 4?"},
        ],
        "temperature": 0.6,
        "max_tokens": 900,
        "thinking": {"type": "enabled", "budget_tokens": 500},
    }


def test_max_tokens_is_always_there_and_an_empty_system_prompt_is_not():
    body = SHAPES["anthropic"].body(Request(messages=TURNS[1:2], model=CLAUDE, sampling={}, sample=0))
    assert body["max_tokens"] > 0
    assert "system" not in body


def test_the_key_goes_into_its_own_header():
    assert SHAPES["anthropic"].headers(Secret("sk-ant-123"), "") == {
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-ant-123",
    }
    assert "x-api-key" not in SHAPES["anthropic"].headers(Secret(""), "")


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("", "/v1/messages", "/v1/messages"),
        ("/", "/v1/messages", "/v1/messages"),
        ("/v1", "/v1/messages", "/v1/messages"),
        ("/v1/", "/v1/messages", "/v1/messages"),
        ("/v1/messages", "/v1/messages", "/v1/messages"),
        ("/anthropic", "/v1/messages", "/anthropic/v1/messages"),
        ("/v1", "/chat/completions", "/v1/chat/completions"),
        ("", "/chat/completions", "/chat/completions"),
        ("/api/v1/chat/completions", "/chat/completions", "/api/v1/chat/completions"),
        ("/webchat", "/chat/completions", "/webchat/chat/completions"),
    ],
)
def test_a_base_address_may_hold_the_version_the_whole_path_or_neither(base, path, expected):
    assert joined(base, path) == expected


@pytest.mark.parametrize(
    ("content", "model", "expected"),
    [
        ([text("7")], CLAUDE, Parts("", "7", "none")),
        ([thinking("Added."), text("7")], CLAUDE, Parts("Added.", "7", "summary")),
        ([thinking("3 + 4 = 7"), text("7")], "deepseek-v4-pro", Parts("3 + 4 = 7", "7", "raw")),
        ([thinking(""), text("7")], CLAUDE, Parts("", "7", "encrypted")),  # display: omitted
        ([{"type": "redacted_thinking", "data": "Emw"}, text("7")], CLAUDE, Parts("", "7", "encrypted")),
        (
            [thinking("Added."), {"type": "redacted_thinking", "data": "E"}, text("7")],
            CLAUDE,
            Parts("Added.", "7", "encrypted"),
        ),
        ([thinking("One. "), thinking("Two."), text("7"), text(".")], "m", Parts("One. Two.", "7.", "raw")),
        ([text("<think>3 + 4</think>7")], "m", Parts("3 + 4", "7", "raw")),
        ([text("7")], "us.anthropic.claude-sonnet-4-v1:0", Parts("", "7", "none")),
    ],
)
def test_blocks(content, model, expected):
    assert divide(message(*content), model) == expected


def test_tokens_of_the_prompt_include_the_cached_ones():
    reply = message(text("7"))
    assert (reply.prompt_tokens, reply.completion_tokens) == (40, 60)
    assert message(text("7"), usage=None).prompt_tokens is None


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refused"),
        ("tool_use", "refused"),
    ],
)
def test_stop_reasons(said, finish):
    assert message(text("7"), stop_reason=said).finish == finish


def test_a_refusal_says_why():
    details = {"type": "refusal", "category": "cyber", "explanation": "not this"}
    reply = message(stop_reason="refusal", stop_details=details)
    assert (reply.finish, reply.failure) == ("refused", "refusal: not this")


def test_truncated_while_thinking_has_no_answer():
    reply = message(thinking("3 + 4"), stop_reason="max_tokens")
    assert divide(reply, "m") == Parts("3 + 4", "", "raw")


def test_nothing_said_is_a_fault():
    for content in ((), (text(" "),), (thinking(""),)):
        with pytest.raises(FaultError, match="empty"):
            message(*content)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("overloaded_error", 529), ("rate_limit_error", 429), ("invalid_request_error", 400), ("x", 500)],
)
def test_errors_in_a_body_have_a_status(kind, status):
    with pytest.raises(ReplyError) as caught:
        read(json.dumps({"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "r"}).encode())
    assert (caught.value.status, caught.value.message) == (status, "no")


blocks = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "new"])},
    optional={"text": st.text(max_size=9) | st.none() | st.integers(), "thinking": st.text(max_size=9) | st.none()},
)


@given(
    st.lists(blocks | st.none() | st.text(max_size=3), max_size=5), st.sampled_from(["end_turn", "max_tokens", None])
)
def test_any_blocks_are_a_reply_or_a_named_fault(content, stop_reason):
    try:
        parts = divide(message(*content, stop_reason=stop_reason), "m")
    except FaultError:
        return
    assert bool(parts.reasoning) or parts.kind in ("none", "encrypted")
