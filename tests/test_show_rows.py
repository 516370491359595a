"""`potstill show-rows`: every token with its segment, of a run and of a recipe that costs nothing."""

import contextlib
import io
import re

import pytest
from commands import TINY, call, done

from potstill.cli import main

SERVED = (
    "{kind: served, base_url: 'http://127.0.0.1:9/v1', model: m, price: {prompt: 1, completion: 1}, spend_at_most: 1}"
)


def shown(*argv):
    return done("show-rows", *argv).out


def test_the_rows_of_a_run_show_every_token_and_what_was_left_out(finished_run):
    out = shown("run", "--rows", "2")
    told = re.match(r"rows-traces: (\d+) rows, ([\d,]+) tokens, ([\d,]+) of them trained\n", out)
    assert told
    assert re.search(r"no example: \d+ traces, wrong", out)
    rows = re.split(r"^row \d+ \(example \d+\): ", out, flags=re.MULTILINE)[1:]
    assert len(rows) == 2
    for row in rows:
        tokens, counts = re.match(r"(\d+) tokens: (.*)", row).groups()
        counted = {name: int(n) for n, name in re.findall(r"(\d+) (\w+)", counts)}
        assert sum(counted.values()) == int(tokens)
        bars, name = dict.fromkeys(counted, 0), ""
        for line in row.splitlines()[1:]:
            name = line[2:11].strip() or name
            bars[name] += line.count("¦") - 1
        assert bars == counted, "as many tokens between bars"
        assert "format    trained  ¦<think>¦⏎¦" in row
        assert row.rstrip().endswith("format    trained  ¦<|end|>¦ EOS")


def test_a_recipe_that_costs_nothing_shows_the_same_rows_without_a_run(finished_run, monkeypatch, tmp_path):
    of_run = shown("run", "--arm", "answers")
    assert "reasoning" not in of_run
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "r.yaml").write_text(TINY)
    assert shown("r.yaml", "--arm", "answers") == of_run
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["r.yaml"], "nothing is left behind"
    median = sorted(map(int, re.findall(r"example \d+\): (\d+) tokens", shown(finished_run, "--rows", "99"))))[7]
    short = shown("r.yaml", "--set", f"train.max_length={median}", "--rows", "1")
    assert re.search(r"dropped: \d+ over max_length tokens \(examples? [\d, .]+\)", short)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ("r.yaml", "--set", f"teacher={SERVED}"),
            "need the stage traces first, which asks a served teacher: potstill",
        ),
        (("r.yaml", "--arm", "base"), "the arm 'base' is not trained, so it has no rows; answers, traces have some"),
        (("run", "--arm", "trace"), "no arm 'trace', did you mean 'traces'?"),
        (("run", "--set", "seed=9"), "--set is for a recipe"),
    ],
)
def test_what_has_no_rows_says_in_one_line_what_to_do(finished_run, argv, said):
    assert said in call("show-rows", *argv).mistake()


def test_a_run_without_rows_names_the_command_that_makes_them(finished_run):
    (finished_run / "rows-traces").unlink()
    assert "run has no rows-traces yet: potstill run run/recipe.yaml --out run --stage rows-traces" in call(
        "show-rows", "run"
    ).mistake()  # fmt: skip


def test_a_terminal_gets_colours_and_no_code_of_a_text(finished_run, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    with contextlib.redirect_stdout(out):
        assert main(["show-rows", "run", "--rows", "1"]) == 0
    assert "\x1b[36m¦" in out.getvalue()
    plain = re.sub(r"\x1b\[\d+m", "", out.getvalue())
    assert "\x1b" not in plain
    assert plain == shown("run", "--rows", "1")
