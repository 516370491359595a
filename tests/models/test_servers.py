"""Servers reached otherwise than most: addresses, proxies, streams nobody asked for, and those that never work."""

import http.server
import io
import json
import threading
import time
from contextlib import contextmanager

import pytest
from stub_server import running

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.ledger import Ledger
from potstill.models.replies.shapes import SHAPES, read
from potstill.models.requests import Message, Request
from potstill.models.sampling import wire_sampling
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.models.served.proxies import proxy_of
from potstill.models.served.wire import endpoint, endpoints
from potstill.progress import Progress

USAGE = {"prompt_tokens": 3, "completion_tokens": 9}
FINE = {"choices": [{"message": {"content": "7", "reasoning": "3 + 4"}, "finish_reason": "stop"}], "usage": USAGE}


@contextmanager
def serving(reply):
    """A server that answers each POST with `reply(path, headers)`: a body, or (status, body)."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, dict(self.headers), body))
            found = reply(self.path, self.headers)
            status, said = found if isinstance(found, tuple) else (200, found)
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def collect(folder, url, count=1, retry_policy=None, model="m", **settings):
    """Ask `count` questions; return the completions."""
    teacher = recipe.ServedTeacher(kind="served", base_url=url, model=model, **settings)
    wanted = [
        Request(messages=(Message("user", f"{n}?"),), model=model, sampling={"max_tokens": 64}, sample=0)
        for n in range(count)
    ]
    with Ledger(folder / "l.sqlite") as ledger:
        ServedModel(teacher, retry_policy or RetryPolicy(first_wait=0.01)).collect(
            wanted, ledger, Progress("t", None, stream=io.StringIO())
        )
        return [ledger.get(request.key) for request in wanted]


def test_azure_has_its_version_in_the_query_and_its_key_in_a_header_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE", "0123456789abcdef")
    with serving(lambda *_: FINE) as (url, asked):
        base = f"{url}/openai/deployments/o3?api-version=2024-10-21"
        (done,) = collect(tmp_path, base, api_key_env="AZURE", model="a" * 200)
    path, headers, body = asked[0]
    assert (done.content, done.reasoning) == ("7", "3 + 4")
    assert path == "/openai/deployments/o3/chat/completions?api-version=2024-10-21"
    assert (headers["api-key"], "Authorization" in headers) == ("0123456789abcdef", False)
    assert body["model"] == "a" * 200
    for secret in ("?api-key=sk-1", "?api-version=1&code=x&sig=y", "?access_token=z"):
        with pytest.raises(TeacherError, match="a key goes into the variable"):
            endpoint(f"https://x.azure.com/v1{secret}", "/chat/completions")


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_a_base_address_may_lack_the_version(tmp_path, ending):
    with running() as stub:
        done = collect(tmp_path, f"http://127.0.0.1:{stub.port}{ending}", 9)
        assert {completion.finish for completion in done} == {"stop"}
        assert stub.stats()["requests"] == 9


def test_addresses_that_say_where_the_version_is_mean_themselves():
    path = "/chat/completions"
    assert len(endpoints("https://api.deepseek.com", path)) == 2
    for base in (
        "https://x/v1beta/openai",
        "https://x/openai/deployments/d?api-version=1",
        "https://x/api/v1",
        "https://x/v1",
    ):
        assert len(endpoints(base, path)) == 1, base
    assert endpoints("https://api.anthropic.com", "/v1/messages") == ("https://api.anthropic.com/v1/messages",)


def chunks(*deltas, finish="stop"):
    events = [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*events, {"choices": [], "usage": USAGE}]


def stream(events, newline="\n", done=True):
    lines = [f": comment{newline}{newline}"] if not done else []
    for event in events:
        name = f"event: {event['type']}{newline}" if "type" in event else ""
        lines.append(f"{name}data: {json.dumps(event)}{newline}{newline}")
    return "".join(lines).encode() + (f"data: [DONE]{newline}{newline}".encode() if done else b"")


CLAUDE = [
    {"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "3 "}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "+ 4"}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "7"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]
RESPONSE = {
    "object": "response", "status": "completed", "usage": {"input_tokens": 3, "output_tokens": 9},
    "output": [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "3 + 4"}]},
               {"type": "message", "content": [{"type": "output_text", "text": "7"}]}],
}  # fmt: skip
STREAMS = {
    "chat": stream(
        chunks({"role": "assistant", "reasoning_content": "3 "}, {"reasoning_content": "+ 4"}, {"content": "7"})
    ),
    "carriage returns": stream(chunks({"reasoning": "3 + 4"}, {"content": "7"}), "\r\n"),
    "no end mark": stream(chunks({"reasoning": "3 + 4"}, {"content": "7"}), done=False),
    "one whole completion": stream([FINE]),
    "details": stream(chunks({"reasoning_details": [{"type": "reasoning.text", "text": "3 "}]},
                             {"reasoning_details": [{"type": "reasoning.text", "text": "+ 4"}]}, {"content": "7"})),
    "byte order mark": b"\xef\xbb\xbf" + stream(chunks({"reasoning": "3 + 4", "content": ""}, {"content": "7"})),
    "anthropic": stream(CLAUDE, done=False),
    "responses": stream([{"type": "response.created"}, {"type": "response.completed", "response": RESPONSE}]),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_nobody_asked_for_is_read(tmp_path, name):
    with serving(lambda *_: STREAMS[name]) as (url, asked):
        (done,) = collect(tmp_path, f"{url}/v1")
    assert (done.finish, done.reasoning, done.content, done.completion_tokens) == ("stop", "3 + 4", "7", 9)
    assert len(asked) == 1


def test_a_stream_that_broke_off_is_no_answer(tmp_path):
    cut = stream(chunks({"content": "The answer is 1"}, {"content": "2"}))[:150]
    with serving(lambda *_: cut) as (url, _):
        (done,) = collect(tmp_path, f"{url}/v1", retry_policy=RetryPolicy(tries=2, first_wait=0.01))
    assert (done.finish, done.failure) == ("failed", "broken off: the stream of events has no end")


NEVER = {
    "no JSON": (b"<html>hello</html>", 4 * 2),
    "wrong key": ((401, {"error": {"message": "bad key"}}), 1),
    "no such path": ((404, {"detail": "Not Found"}), 2),
    "no such model": ((404, {"error": {"message": "The model `m` does not exist"}}), 1),
    "a setting": ((400, {"error": {"message": "Unsupported parameter: 'temperature'"}}), 4),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_will_never_work_is_asked_little(tmp_path, name):
    reply, most = NEVER[name]
    with serving(lambda *_: reply) as (url, asked), pytest.raises(TeacherError):
        collect(tmp_path, url if name == "no such path" else f"{url}/v1", 60)
    assert len(asked) <= most


def test_requests_go_one_by_one_until_the_first_answer_and_then_together(tmp_path):
    with running(delay=0.15) as stub:
        collect(tmp_path, stub.url, 40)
        first, second = stub.sent_at[:2]
        assert second - first >= 0.14
        assert stub.most_open >= 8


def test_a_server_that_is_slow_to_answer_holds_the_others_for_a_second_only(tmp_path):
    with running(delay=1.6) as stub:
        collect(tmp_path, stub.url, 2)
        assert 0.9 <= stub.sent_at[1] - stub.sent_at[0] <= 1.5


@pytest.mark.parametrize(
    "reply",
    [
        (429, {"error": {"message": "slow down"}}),
        {"error": {"message": "slow down", "code": 429}},
        (503, {"error": {"message": "slow down"}}),
    ],
)
def test_a_limit_without_end_stops_after_the_stated_time(tmp_path, reply):
    retry_policy = RetryPolicy(tries=10**6, limited_tries=10**6, first_wait=0.05, longest_wait=0.2)
    said = r"nothing was answered for 1s, the last reply was .*slow down.*give_up_after"
    began = time.monotonic()
    with serving(lambda *_: reply) as (url, _), pytest.raises(TeacherError, match=said):
        collect(tmp_path, f"{url}/v1", 5, retry_policy, give_up_after=1.0)
    assert time.monotonic() - began < 6


def test_the_reason_of_the_provider_behind_a_gateway_is_told(tmp_path):
    raw = json.dumps({"error": {"message": "max_tokens must be at most 8192"}})
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "X"}}
    with serving(lambda *_: (400, {"error": error})) as (url, _):
        (done,) = collect(tmp_path, f"{url}/v1")
    assert done.failure == "HTTP 400: Provider returned error (max_tokens must be at most 8192)"


def test_a_null_limit_leaves_the_older_field():
    sampling = wire_sampling(recipe.Sampling(max_tokens=9, extra={"max_completion_tokens": None}), 1, "s")
    body = SHAPES["openai"].body(
        Request(messages=(Message("user", "x"),), model="gpt-5-mini", sampling=sampling, sample=0)
    )
    assert (body["max_tokens"], "max_completion_tokens" in body) == (9, False)
    neither = wire_sampling(recipe.Sampling(extra={"max_completion_tokens": None, "max_tokens": None}), 1, "s")
    for shape in ("openai", "responses"):
        body = SHAPES[shape].body(
            Request(messages=(Message("user", "x"),), model="gpt-5-mini", sampling=neither, sample=0)
        )
        assert not [name for name in body if name.startswith("max_")]


CLEAN = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def proxies(monkeypatch):
    for name in CLEAN:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in values.items()]


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("10.0.0.0/8", "10.1.2.3", True), ("10.0.0.0/8", "11.1.2.3", False), ("192.168.1.7", "192.168.1.7", True),
        ("fd00::/8", "[fd12::1]", True), (".corp.example", "gpu.corp.example", True),
        ("corp.example", "corp.example", True),
        ("*.corp.example", "gpu.corp.example", True), ("corp.example", "notcorp.example", False), ("*", "x.org", True),
        ("a.org, gpu:8000", "gpu", True), ("gpu:9000", "gpu", False), ("", "x.org", False),
        ("10.0.0.0/99,x.org", "x.org", True),
    ],
)  # fmt: skip
def test_who_is_asked_without_a_proxy(proxies, no_proxy, host, direct):
    proxies(all_proxy="http://proxy:3128", no_proxy=no_proxy)
    assert (proxy_of(f"http://{host}:8000/v1") is None) == direct


def test_which_proxy_is_taken(proxies):
    proxies(ALL_PROXY="http://all:1", https_proxy="http://name:secret@secure:2")
    assert str(proxy_of("https://x.org/v1")) == "the proxy http://secure:2 of https_proxy"
    assert str(proxy_of("http://x.org/v1")) == "the proxy http://all:1 of ALL_PROXY"
    for own in ("http://0.0.0.0:8000/v1", "http://[::]:8000/v1", "http://localhost:1/v1", "http://127.0.0.2/v1"):
        assert proxy_of(own) is None
    proxies(all_proxy="socks5://all:1")
    with pytest.raises(TeacherError, match=r"the proxy socks5://all:1 of all_proxy is no HTTP proxy"):
        proxy_of("http://x.org/v1")


def test_a_proxy_that_is_down_is_named_and_its_password_is_not(proxies, tmp_path):
    proxies(http_proxy="http://me:hunter22@127.0.0.1:9")
    with pytest.raises(TeacherError, match=r"by the proxy http://127.0.0.1:9 of http_proxy") as caught:
        collect(tmp_path, "http://model.example/v1")
    assert "hunter22" not in str(caught.value)


def test_paid_tokens_of_useless_replies_count(tmp_path):
    empty = {
        "choices": [{"message": {"content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 500},
    }
    replies = iter([empty, empty, FINE])
    with serving(lambda *_: next(replies)) as (url, _):
        collect(tmp_path, f"{url}/v1")
    with Ledger(tmp_path / "l.sqlite", write=False) as ledger:
        counts = ledger.counts()
    assert (counts.lost_prompt, counts.lost_completion, counts.completion_tokens) == (20, 1000, 9)
    assert counts.dollars(recipe.Price(0.0, 1e6)) == pytest.approx(1009)


def test_a_body_may_be_read_again(tmp_path):
    assert read(STREAMS["chat"]).completion_tokens == 9
