"""`potstill serve` and `potstill chat` as their users meet them: OpenAI's client, a browser, a terminal, Ctrl-C."""

import asyncio
import contextlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from commands import Ended, call, start
from report.webdriver import BROWSER, DRIVER, browser

pytest.importorskip("torch")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")
pytest.importorskip("openai", reason="the client is not installed: make install")

import openai
from export.test_gguf import delivery

from potstill.export.gguf import gguf
from potstill.recipe import Student
from potstill.serve import llama as in_llama
from potstill.serve import local as in_process
from potstill.serve.divided import divided
from potstill.serve.dividing import ReplyPiece
from potstill.serve.seam import ChatRequest, ReplyEnd
from potstill.train.render import split

KEY = "sk-of-a-test"
ASK = [{"role": "user", "content": "Ann has 2 and gets 3. How many has she?"}]


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """A finished run with two GGUF files of its student, the smaller one named last."""
    folder = tmp_path_factory.mktemp("served") / "run"
    shutil.copytree(finished / "run", folder, symlinks=True)
    out = folder / "export-gguf"
    found = gguf(delivery(folder / "train-traces" / "model", out / "model", "q8_0", "q4_k_m"))
    (out / "manifest.json").write_text(json.dumps({"counts": found}))
    return folder


@contextmanager
def serving(*argv, **environment):
    process = start("serve", *argv, "--port", 0, OMP_NUM_THREADS="1", **environment)
    told = process.stdout.readline()
    if not told:
        pytest.fail(f"it did not start: {process.communicate()}")
    try:
        yield process, told.split(" at ")[1].split("/v1")[0], told
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def llama(run):
    with serving(run, "--key-env", "SERVE_KEY", SERVE_KEY=KEY) as (_, address, told):
        assert told.startswith("tiny-q8_0 (gguf, context 256)")
        assert "with the key in SERVE_KEY" in told
        yield address, "tiny-q8_0"


@pytest.fixture(scope="module")
def local(run):
    with serving(run, "--arm", "traces", "--context", 200) as (_, address, told):
        assert told.startswith("tiny-traces (transformers, context 200)")
        yield address, "tiny-traces"


@pytest.fixture(scope="module", params=["llama", "local"])
def served(request):
    return request.getfixturevalue(request.param)


def client(address, key=KEY):
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=60)


def sent(address, method="POST", path="/v1/chat/completions", body="", **headers):
    """Return (status, body) of a request made by hand."""
    named = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=60)) as connection:
        connection.request(method, path, body if isinstance(body, str | bytes) else json.dumps(body), named)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def test_openais_client_asks_whole_and_streamed_alike(served):
    address, name = served
    with client(address) as asking:
        assert [model.id for model in asking.models.list()] == [name]
        assert asking.models.retrieve(name).id == name
        whole = asking.chat.completions.create(model=name, messages=ASK, max_tokens=40, temperature=0.7, seed=5)
        (choice,) = whole.choices
        usage = whole.usage
        assert choice.finish_reason in ("stop", "length")
        assert 0 < usage.completion_tokens <= 40
        assert usage.prompt_tokens + usage.completion_tokens == usage.total_tokens
        chunks = list(asking.chat.completions.create(
            model=name, messages=ASK, max_tokens=40, temperature=0.7, seed=5, stream=True,
            stream_options={"include_usage": True},
        ))  # fmt: skip
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        thought, answer = (
            "".join(getattr(delta, field, None) or "" for delta in deltas) for field in ("reasoning_content", "content")
        )
        assert (thought, answer) == (getattr(choice.message, "reasoning_content", ""), choice.message.content)
        assert chunks[-1].usage == usage
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == choice.finish_reason
        raw = f"{thought}{answer}"
        assert raw.strip()
        stop = raw.strip()[1]
        stopped = asking.chat.completions.create(
            model=name, messages=ASK, max_tokens=40, temperature=0.7, seed=5, stop=stop
        )
        assert stopped.choices[0].finish_reason == "stop"
        message = stopped.choices[0].message
        assert stop not in f"{getattr(message, 'reasoning_content', '')}{message.content}"


def test_fifty_at_once_are_all_answered(served):
    address, name = served

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0, timeout=120) as asking:
            one = asking.chat.completions.create
            asked = [
                one(model=name, messages=[{"role": "user", "content": f"{n} + 1?"}], max_tokens=8, temperature=1.0)
                for n in range(50)
            ]
            return await asyncio.gather(*asked)

    replies = asyncio.run(all_of_them())
    assert len({reply.id for reply in replies}) == 50
    assert all(0 < reply.usage.completion_tokens <= 8 for reply in replies)
    assert len({reply.seed for reply in replies}) == 50, "each has a seed of its own, and says it"


def body(served, **changes):
    return {"model": served[1], "messages": ASK, "max_tokens": 4, **changes}


BAD = {
    "{": "the body is not JSON",
    "[" * 100_000: "the body is not JSON",
    "[]": "not a JSON object",
    "messages": ([], "messages is a list"),
    "messages#": ([{"role": "user", "content": [{"type": "image_url"}]}], "messages.0.content is a text"),
    "messages##": ([{"role": "tool", "content": "x"}], "messages.0.role is one of"),
    "messages###": ([{"role": "user", "content": "\ud800"}], "half a character"),
    "max_tokens": (0, "max_tokens is a whole number from 1"),
    "temperature": ("hot", "temperature is a number from 0 to 2"),
    "top_p": (0, "top_p is a number"),
    "n": (2, "n of another value"),
    "stop": ([""], "stop is a text or a list"),
    "stream": ("yes", "stream is true or false"),
    "tools": ([{}], "tools of another value"),
    "best_off": (1, "best_off is not known here"),
}  # fmt: skip


def test_what_cannot_be_answered_is_refused_in_json(served):
    address = served[0]
    for name, told in BAD.items():
        made, wanted = (name, told) if isinstance(told, str) else (body(served, **{name.rstrip("#"): told[0]}), told[1])
        status, said = sent(address, body=made)
        assert status == 400, (name[:20], said)
        assert wanted in said["error"]["message"]
        assert said["error"]["type"] == "invalid_request_error"
    for path, method, made, wanted in (
        ("/v1/chat/completions", "POST", body(served, model="gpt-9"), (404, "model_not_found")),
        ("/v1/models/gpt-9", "GET", "", (404, "model_not_found")),
        ("/v1/nowhere", "GET", "", (404, None)),
        ("/v1/chat/completions", "GET", "", (405, None)),
        ("/v1/chat/completions", "POST", body(served, messages=[{"role": "user", "content": "x" * (5 << 20)}]),
         (413, "too_large")),
        ("/v1/chat/completions", "POST", body(served, messages=[{"role": "user", "content": "a b " * 300}]),
         (400, "context_length_exceeded")),
        ("/v1/chat/completions", "POST",
         body(served, messages=[{"role": "user", "content": "a b " * 300}], stream=True),
         (400, "context_length_exceeded")),
    ):  # fmt: skip
        status, said = sent(address, method, path, made)
        assert (status, said["error"]["code"]) == wanted, (path, said)
    assert sent(address, body=json.dumps(body(served)), Content_Type="text/plain")[0] == 415
    assert sent(address, body=body(served))[0] == 200, "it goes on after all that"


def test_who_may_not_ask(llama, local):
    for headers, status in (
        ({"Host": "evil.example:80"}, 403), ({"Host": "127.0.0.1.evil.example"}, 403), ({"Host": "["}, 403),
        ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401), ({"Authorization": f"Bearer {KEY}é"}, 401),
    ):  # fmt: skip
        encoded = {name: value.encode("utf-8").decode("latin-1") for name, value in headers.items()}
        got, said = sent(llama[0], body=body(llama), **encoded)
        assert (got, "message" in said["error"]) == (status, True), headers
        assert KEY not in json.dumps(said)
    with client(llama[0], "wrong") as asking, pytest.raises(openai.AuthenticationError):
        asking.models.list()
    assert sent(local[0], "GET", "/v1/models", Authorization="Bearer any")[0] == 200, "no key, none is asked for"
    port = int(llama[0].rpartition(":")[2])
    with closing(socket.socket()) as other:
        other.settimeout(2)
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            assert other.connect_ex((own, port)) != 0, "the loopback alone"


def test_a_reply_whose_client_has_left_is_not_written_on(local):
    with closing(HTTPConnection(local[0].removeprefix("http://"), timeout=60)) as connection:
        long = {**body(local), "max_tokens": None, "stream": True, "temperature": 1.5}
        connection.request("POST", "/v1/chat/completions", json.dumps(long), {"Content-Type": "application/json"})
        assert connection.getresponse().read(5) == b"data:"
    assert sent(local[0], body=body(local))[0] == 200


@pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")
def test_the_page_asks_with_the_key_and_shows_a_reply_as_text(llama, tmp_path):
    address = llama[0]
    with browser(800, 700, tmp_path / "profile") as driver:
        driver.call("POST", "/url", url=f"{address}/")
        until(driver, "return !document.getElementById('trouble').hidden && !document.getElementById('locked').hidden")
        driver.script(
            f"const key = document.getElementById('key'); key.value = '{KEY}'; key.dispatchEvent(new Event('change'));"
        )
        until(driver, "return document.getElementById('model').textContent === 'tiny-q8_0'")
        driver.script(
            "document.getElementById('question').value = '<img src=x onerror=\"document.title=1\"> 2 + 3?';"
            "document.getElementById('send').click();"
        )
        until(driver, "return [...document.querySelectorAll('.told')].some(one => /tokens in/.test(one.textContent))")
        assert driver.script("return document.querySelectorAll('#turns img').length") == 0
        shown = driver.script("return document.getElementById('turns').textContent")
        assert "<img src=x" in shown
        assert driver.script(
            "return [...document.querySelectorAll('.thought, .assistant')].map(one => one.textContent).join('').length"
        )
        assert driver.script("return document.getElementById('trouble').textContent") == ""


def until(driver, script):
    for _ in range(200):
        if driver.script(script):
            return
        time.sleep(0.05)
    pytest.fail(f"never: {script}; {driver.script('return document.body.innerText')}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_while_it_writes(run, number):
    with serving(run, "--type", "q4_k_m") as (process, address, told):
        assert told.startswith("tiny-q4_k_m (gguf")
        child = next(p for p in Path("/proc").iterdir() if p.name.isdigit() and parent(p) == process.pid)
        with closing(HTTPConnection(address.removeprefix("http://"), timeout=60)) as connection:
            long = {"model": "tiny-q4_k_m", "messages": ASK, "stream": True, "temperature": 1.5}
            connection.request("POST", "/v1/chat/completions", json.dumps(long), {"Content-Type": "application/json"})
            connection.getresponse().read(5)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert err.splitlines()[-1] == "potstill: stopped"
        assert "Traceback" not in out + err
        assert not child.exists(), "llama.cpp has ended with it"


def parent(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["run", "--arm", "trace"], "--arm trace: run has no such arm, did you mean 'traces'?"),
        (["run", "--type", "q4_0"], "--type q4_0: there is no such file, did you mean 'q8_0'?"),
        (["run", "--format", "transformers", "--type", "q8_0"], "--type q8_0 is of a GGUF file, and run has none"),
        (["run/train-traces", "--format", "gguf"], "has no GGUF file: give its recipe export: {gguf: [q8_0]}"),
        (["run", "--port", "70000"], "--port: 70000 is no port"),
        (["run", "--key-env", "NOT_SET"], "--key-env names NOT_SET, which is not set"),
        (["nowhere"], "nowhere"),
        (["nowhere.gguf"], "nowhere.gguf is not there"),
    ],
)
def test_what_cannot_be_served_is_one_line(run, monkeypatch, argv, told):
    monkeypatch.chdir(run.parent)
    assert told in call("serve", *argv).mistake()


def test_a_port_that_is_taken_is_one_line(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("serve", "run", "--port", port)
        out, err = process.communicate(timeout=60)
    assert f"--port {port}: " in Ended(process.returncode, out, err).mistake()


def test_chat_in_a_pipe_shows_thinking_apart_and_keeps_the_conversation(run):
    process = subprocess.run(
        [sys.executable, "-m", "potstill", "chat", str(run), "--max-tokens", "12"], input=b"2 + 3?\n\n/new\n\xff\n4?\n",
        capture_output=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert process.stderr.count(b" tokens, first after ") >= 1
    assert b"[thinking]" in process.stdout or b"[answer]" in process.stdout
    assert b"\x1b" not in process.stdout


def test_chat_on_a_terminal_ctrl_c_stops_the_reply_then_the_chat(run):
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "potstill", "chat", str(run), "--format", "gguf", "--temperature", "2",
         "--context", "100000"],
        stdin=end, stdout=end, stderr=end, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    os.close(end)
    read_until(terminal, b"> ")
    os.write(terminal, b"count for ever\n")
    seen = read_until(terminal, b"\x1b[", b"tokens, first after")
    patience = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < patience:  # the first ends the reply, the next the chat
        pause = time.monotonic() + 1
        with contextlib.suppress(OSError):  # it has left the terminal
            os.write(terminal, b"\x03")
            while time.monotonic() < pause:
                if select.select([terminal], [], [], 0.1)[0]:
                    seen += os.read(terminal, 4096)
    assert process.wait(timeout=5) == 0
    assert b"not kept]" in seen or b"tokens, first after" in seen  # it may have been faster than we
    os.close(terminal)


def read_until(terminal, *wanted):
    seen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 4096)
        if any(one in seen for one in wanted):
            return seen
    pytest.fail(f"never {wanted} in {seen!r}")


@pytest.mark.parametrize("kind", ["gguf", "transformers"])
def test_thinking_is_what_stands_between_the_students_marks_in_either_runtime(run, kind):
    """The student is hardly trained, so texts that it writes are taken for its marks."""

    async def replies():
        request = ChatRequest(messages=ASK, max_tokens=60, temperature=1.0, top_p=1.0, seed=3)
        async with contextlib.aclosing(backend.reply(request)) as pieces:
            raw = [piece async for piece in pieces]
        text = "".join(piece for piece in raw if isinstance(piece, str))
        seen = text.strip()
        chunks = (seen[at : at + 3] for at in range(len(seen) // 2, len(seen) - 4))
        closing = next(chunk for chunk in chunks if chunk.strip() == chunk and seen.find(chunk, 2) > 4)
        marks = Student(reasoning_open=seen[:2], reasoning_close=closing)
        async with contextlib.aclosing(divided(backend, marks, request)) as passed:
            found = [piece async for piece in passed]
        await backend.close()
        return text, marks, raw[-1], found

    if kind == "gguf":
        backend = in_llama.backend_of(run / "export-gguf/model/tiny-q8_0.gguf", Student(), 256)
    else:
        backend = in_process.backend_of(str(run / "train-traces/model"), Student(), "fp32", 256)
    text, marks, end, found = asyncio.run(replies())
    assert isinstance(end, ReplyEnd)
    assert found[-1] == end
    by_channel = {"reasoning_content": "", "content": ""}
    for passed in found[:-1]:
        assert isinstance(passed, ReplyPiece)
        by_channel[passed.channel.value] += passed.text
    assert tuple(by_channel.values()) == split(marks, text)
    assert all(by_channel.values())


def test_a_character_of_several_tokens_is_shown_once_it_is_whole():
    raw = "né 世界 🙂 \ufffd!".encode() + b"\xff\xfe ok"
    text = in_process.TextOfTokens(lambda ids: bytes(ids).decode("utf-8", "replace"))
    shown = [text.add(byte) for byte in raw]
    assert "".join(shown) + text.end() == raw.decode("utf-8", "replace")
    assert shown[1:3] == ["", "é"]
