"""Nothing that is printed steers the terminal, wherever it comes from: models, servers, file names, recipes."""

import io
import subprocess
import sys

from commands import TINY, call
from hypothesis import given
from hypothesis import strategies as st

from potstill.printed import Harmless, control, harmless
from potstill.progress import Progress

CODES = "\x1b[31m \x1b]0;title\x07 \x9b31m \u202e \u2066 \u200f \r \x08 \u2028 \U000e0041 \ufeff"


@given(st.text())
def test_what_is_left_is_printable_and_ordinary_text_stays(text):
    shown = harmless(text)
    for character in shown:
        assert character in "\n\t" or ord(character) >= 0x20
        assert not 0x7F <= ord(character) < 0xA0
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    if text.isprintable():
        assert shown == text


def test_codes_are_spelt_out():
    shown = harmless(CODES)
    assert shown.startswith("\\x1b[31m \\x1b]0;title\\x07 \\x9b31m \\u202e")
    assert shown.isascii()
    assert harmless("Zoë, 25 €, \N{WOMAN}\u200d\N{ROCKET}, a\tb\nc") == "Zoë, 25 €, \N{WOMAN}\u200d\N{ROCKET}, a\tb\nc"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_steers_the_terminal_and_what_it_shows_does_not():
    inner = Terminal()
    Progress("teacher \x1b[2J", 2, stream=Harmless(inner)).close()
    assert inner.getvalue().startswith("\r\x1b[Kteacher \\x1b[2J: 0/2")
    control(inner, "\x1b[K")
    assert inner.getvalue().endswith("\x1b[K")


def test_file_names_recipes_and_mistakes_of_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a\x1b[31m.yaml").write_text(TINY + "nonsense\u202e: 1\n")
    for argv in (
        ["check", "a\x1b[31m.yaml"],
        ["check", "none\x1b]0;x\x07.yaml"],
        ["nonsense\x1b[2J"],
        ["status", "\x9b2J"],
    ):
        ended = call(*argv)
        assert ended.code == 2
        assert "\\x" in ended.err
        assert not any(code in ended.err for code in "\x1b\x07\x9b\u202e\r"), argv


def test_traceback_free_when_the_output_has_no_such_characters():
    code = "import sys; from potstill.cli import main; sys.exit(main(['check', 'no\\u202e.yaml']))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
