import email.utils

import pytest

from potstill.errors import TeacherError
from potstill.models.served.faults import (
    DenialError,
    FaultError,
    Health,
    RefusalError,
    asked_wait,
    classify,
    one_line,
    told,
)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": email.utils.formatdate(1_000_010, usegmt=True)}, 10.0),
        ({"Retry-After": email.utils.formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_asked_wait(headers, seconds):
    assert asked_wait(headers, now=1_000_000) == seconds


@pytest.mark.parametrize(
    ("status", "code", "message", "proven", "kind"),
    [
        (401, "", "bad key", False, DenialError),
        (401, "", "bad key", True, DenialError),
        (402, "", "Insufficient Balance", True, DenialError),
        (403, "", "no access to this model", False, DenialError),
        (403, "", "no access", True, FaultError),
        (403, "", "your input was flagged", False, RefusalError),
        (404, "model_not_found", "The model x does not exist", False, DenialError),
        (404, "", "Not Found", True, RefusalError),
        (400, "", "Model Not Exist", False, DenialError),
        (400, "", "maximum context length is 4096", False, RefusalError),
        (413, "", "", True, RefusalError),
        (422, "", "temperature: out of range", True, RefusalError),
        (429, "", "slow down", True, FaultError),
        (429, "insufficient_quota", "You exceeded your current quota", True, DenialError),
        (500, "", "", True, FaultError),
        (503, "", "overloaded", False, FaultError),
        (307, "", "", False, DenialError),
    ],
)
def test_classify(status, code, message, proven, kind):
    found = classify(status, {}, code, message, proven=proven)
    assert type(found) is kind
    assert str(status) in found.reason


def test_only_429_is_a_rate_limit():
    assert classify(429, {"Retry-After": "2"}, "", "", proven=True).kind == "limited"
    late = classify(503, {"Retry-After": "2"}, "", "", proven=True)
    assert (late.kind, late.wait) == ("overloaded", 2.0)
    assert classify(500, {}, "", "", proven=True).kind == "other"


def test_a_rate_limit_without_retry_after_is_read_from_the_other_headers():
    empty = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0",
             "x-ratelimit-reset-requests": "60s"}  # fmt: skip
    assert classify(429, empty, "", "", proven=True).wait == pytest.approx(1.0)
    assert classify(429, {**empty, "Retry-After": "7"}, "", "", proven=True).wait == 7.0
    assert classify(429, {**empty, "x-ratelimit-remaining-requests": "9"}, "", "", proven=True).wait is None


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"message": "no", "type": "t", "code": "c"}}, "c", "no"),
        ({"object": "error", "message": "no", "code": 404}, "404", "no"),
        ({"detail": "Not Found"}, "", "Not Found"),
        ({"error": "no"}, "", "no"),
        ([1], "", ""),
    ],
)
def test_told(body, code, message):
    assert told(body) == (code, message)


def test_one_line_of_anything():
    assert one_line("a\x1b[31m\nb\r\n\tc" + "x" * 9999).startswith("a [31m b c")
    assert len(one_line("y" * 100_000)) == 300


def test_failures_in_a_row_stop_and_an_answer_between_does_not():
    health = Health("m", most_failures=3, most_refusals=9)
    for _ in range(5):
        health.failed("timeout")
        health.failed("timeout")
        health.answered()
    health.failed("timeout")
    health.failed("timeout")
    with pytest.raises(TeacherError, match="3 requests in a row failed"):
        health.failed("timeout")


def test_refusals_stop_only_a_teacher_that_never_answered():
    health = Health("m", most_failures=3, most_refusals=2)
    health.answered()
    for number in range(9):
        health.refusing(str(number), f"reason {chr(97 + number)}")
        health.consider_refusals("HTTP 400")
    fresh = Health("m", most_failures=3, most_refusals=2)
    fresh.refusing("a", "one")
    fresh.consider_refusals("HTTP 400")
    fresh.refusing("b", "another")
    with pytest.raises(TeacherError, match="refused each of the first 2"):
        fresh.consider_refusals("HTTP 400")
    assert fresh.refused_everything
