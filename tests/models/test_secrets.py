import base64
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import TeacherError
from potstill.models.served.secrets import Secret

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)


@given(printable, st.binary(max_size=5), st.binary(max_size=5))
def test_blots_every_form_of_the_key(key, before, after):
    secret = Secret(key)
    wrapped = before + key.encode() + after
    everything_escaped = "".join(f"\\u{ord(c):04X}" for c in key)
    for written in (
        wrapped,
        json.dumps({"said": key}).encode(),
        everything_escaped.encode(),
        quote(key, safe="").encode(),
        quote(key).encode(),
        re.sub("%..", lambda found: found[0].lower(), quote(key, safe="")).encode(),
        key.encode().hex().encode(),
    ):
        redacted = secret.redact(b"... " + written + b" ...")
        assert key.encode() not in redacted
        assert everything_escaped.encode() not in redacted
        assert b"[key]" in redacted
    coded = base64.b64encode(wrapped)
    redacted = secret.redact(coded)
    # What is left around the redact decodes to no more than the bytes next to the key.
    assert len(redacted) - len(b"[key]") <= len(coded) - (4 * len(key) // 3 - 2)


def test_slashes_escaped_as_php_does_it():
    assert Secret("sk/live/12345").redact(rb'{"a": "sk\/live\/12345"}') == b'{"a": "[key]"}'


def test_leaves_all_else_alone():
    body = rb'{"latex": "\\frac{1}{2} \\underline{x}", "accent": "\u00e9", "url": "https:\/\/a.b"}'
    assert Secret("sk-1234567890").redact(body) == body


def test_placeholder_keys_are_no_secret_and_ruin_no_reply():
    assert Secret("none").redact(b"there are none left") == b"there are none left"


def test_never_shows_itself():
    secret = Secret("sk-1234567890")
    assert "1234567890" not in f"{secret} {secret!r} {vars(type(secret)).get('__dict__')}"


def test_unset_variable_is_named(monkeypatch):
    monkeypatch.delenv("STUB_KEY", raising=False)
    with pytest.raises(TeacherError, match=r"api_key_env names STUB_KEY, which is not set"):
        Secret.from_environment("STUB_KEY")


def test_key_that_no_header_can_carry_is_not_shown(monkeypatch):
    monkeypatch.setenv("STUB_KEY", "sk-12345\n67890")
    with pytest.raises(TeacherError) as caught:
        Secret.from_environment("STUB_KEY")
    assert "67890" not in str(caught.value)
