"""Who is answered: the page itself and nobody else, whatever a request pretends."""

import json
import socket

import pytest
from commands import call
from view.served import serving


@pytest.fixture(scope="module")
def served(made, tmp_path_factory):
    with serving(made, cache=tmp_path_factory.mktemp("cache")) as its:
        yield its


def test_the_page_itself_is_answered(served):
    about = served.json("/api/about")
    assert about["total"] == 57
    status, headers, body = served.ask("/", Cookie=None)
    assert status == 200
    assert b"<script src" in body
    assert b"potstill view" in body
    assert served.ask("/", Cookie=None, **{"Sec-Fetch-Site": "cross-site"})[0] == 200  # a link may be followed
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Cookie": None},
        {"Cookie": "potstill-1=x"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_reading_is_refused(served, headers):
    status, _, body = served.ask("/api/list", **headers)
    assert status == 403
    assert b"rows" not in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": None},
        {"Origin": "null"},
        {"X-Potstill": None},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Cookie": None},
        {"Host": "evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/api/label", "/api/import", "/api/session"])
def test_writing_is_refused(served, headers, path):
    if path == "/api/session" and "Cookie" in headers:
        return
    status, _, _ = served.ask(path, {"token": served.token, "labeller": "x", "text": ""}, **headers)
    assert status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(served, method):
    assert served.ask("/api/label", {}, method=method)[0] in (403, 405)


@pytest.mark.parametrize("path", [
    "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/%2e%2e/store.py", "/static//etc/passwd",
    "/static/..%5cserver.py", "/temml/../LICENSE", "/temml/LICENSE", "/../../etc/passwd", "/static/bundle.py",
    "/static/",
    "/static/main.js%00.html", "/api/response/..%2f..%2fetc%2fpasswd", "/api/problem/-1", "/api/problem/999999",
    "/api/nothing", "/api/list?colour=red", "/api/compare?one=a&other=b", "/api/response/x?begin=x",
])  # fmt: skip
def test_no_path_leads_elsewhere(served, path):
    status, _, body = served.ask(path)
    assert status in (400, 403, 404, 405)
    assert b"root:" not in body
    assert b"import" not in body


def test_the_token_is_exchanged_for_a_cookie_that_scripts_do_not_see(served):
    status, headers, _ = served.ask("/api/session", {"token": served.token}, Cookie=None)
    assert status == 200
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    for token in ("", "x", None, 7, served.token + "x", "é"):
        assert served.ask("/api/session", {"token": token}, Cookie=None)[0] == 403


def test_it_is_bound_to_this_machine_alone(served):
    with open("/proc/net/tcp") as file:
        lines = [line.split() for line in file][1:]
    listening = {line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{served.port:04X}")}
    assert listening == {f"0100007F:{served.port:04X}"}
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", served.port)) != 0


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b"{", b"null", json.dumps({"kind": "steps"}).encode()])
def test_bodies_that_are_none(served, body):
    for path in ("/api/label", "/api/import"):
        status, _, told = served.ask(path, body)
        assert status == 400
        assert b"error" in told


def test_labels_that_do_not_fit_are_refused(served):
    key = served.json("/api/list?limit=1")["rows"][0]["key"]
    good = {"kind": "steps", "labeller": "ada", "solution": key, "ratings": [1], "seconds": 1}
    for change in ({"ratings": [2]}, {"ratings": "x"}, {"labeller": ""}, {"labeller": "a\nb"}, {"solution": "x"},
                   {"seconds": -1}, {"kind": "other"}, {"kind": "verdict", "outcome": "fine"},
                   {"kind": "gold", "gold": " "}, {"comment": "x" * 4001}):  # fmt: skip
        status, _, told = served.ask("/api/label", good | change)
        assert status == 400, (change, told)


def test_a_search_streams_lines(served):
    _, _, body = served.ask("/api/search?q=wagons&outcome=right")
    lines = [json.loads(line) for line in body.splitlines()]
    hits = [line["hit"] for line in lines if "hit" in line]
    assert hits
    assert all(hit["outcome"] == "right" for hit in hits)
    assert lines[-1] == {"done": True, "looked": lines[0]["total"], "all": True}
    status, _, told = served.ask("/api/search?q=(&regex=1")
    assert status == 400
    assert b"regular expression" in told


def test_mistakes_on_the_command_line(tmp_path, made):
    assert "is no run folder" in call("view", tmp_path).mistake()
    assert "--port" in call("view", made, "--port", "70000").mistake()
    (tmp_path / "mine.txt").write_text("mine")
    assert "no bundle" in call("view", made, "--bundle", tmp_path).mistake()
