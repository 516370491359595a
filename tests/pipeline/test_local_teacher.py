"""A teacher in this process, from the recipe to its traces, and a student behind a server from the command line."""

import json
import shutil
from pathlib import Path

import pytest
from commands import TINY, call, done
from stub_server import running

from potstill.models.ledger import Ledger
from potstill.records import Trace
from potstill.store import Run

LOCAL = "{kind: local, model: teacher, precision: fp32, sampling: {max_tokens: 6, temperature: 1.0}}"


def recipe(teacher=LOCAL, strategy='{prompt: "{question}", samples: 2}'):
    Path("l.yaml").write_text(TINY.replace("{kind: worked}", teacher) + f"strategy: {strategy}\n")


def taught(*more):
    """Make the traces again where something changed; return them and the number of completions in the ledger."""
    done("run", "l.yaml", "--out", "taught", "--stage", "problems", *more)
    done("run", "l.yaml", "--out", "taught", "--stage", "traces", *more)
    with Ledger(Path("taught/ledger/completions.sqlite"), write=False) as ledger:
        return list(Run(Path("taught")).committed("traces").rows("traces", Trace)), len(ledger)


@pytest.fixture
def here(finished_run):
    shutil.copytree("run/export/model", "teacher")
    return finished_run.parent


def test_a_local_teacher_is_asked_once_and_by_its_weights(here):
    recipe()
    traces, kept = taught()
    assert len(traces) == 40
    assert {(trace.teacher, trace.finish) for trace in traces} <= {("teacher", "stop"), ("teacher", "length")}
    about = [json.loads(trace.sampling) for trace in traces]
    assert {(a["local"]["engine"], a["local"]["precision"], a["temperature"]) for a in about} == {
        ("transformers", "fp32", 1.0)
    }
    assert len({a["seed"] for a in about}) == 40
    assert all(trace.attempt == 1 for trace in traces if trace.finish == "length"), "a truncated one is retried"
    assert kept == 40 + sum(trace.attempt for trace in traces)

    recipe(LOCAL.replace("}}", "}, batch: 3}"))
    assert taught() == (traces, kept), "batches of another size are no other traces"
    recipe(strategy='{prompt: "{question}", samples: 3}')
    more, wider = taught("--redo")
    assert [trace for trace in more if trace.sample < 2] == traces
    assert wider == kept + 20 + sum(trace.attempt for trace in more if trace.sample == 2)

    shutil.rmtree("teacher")
    shutil.copytree("run/student/model", "teacher")
    assert "model contents" in call("run", "l.yaml", "--out", "taught", "--stage", "traces").mistake()
    other, both = taught("--redo")
    assert len(other) == 60
    assert both == wider + 60 + sum(trace.attempt for trace in other), "other weights are another teacher"
    assert "completions  " in done("ledger", "taught").out


def test_a_local_teacher_is_asked_on_about_what_it_gets_wrong(here):
    recipe(strategy='{prompt: "{question}", samples: 3, stop_at_right: 1}')
    traces, _ = taught()
    assert len(traces) > 40, "a tiny model is wrong nearly always"
    again, _ = taught("--redo")
    assert again == traces


def test_a_date_in_its_template_is_that_of_the_first_question_on_every_later_day(here, monkeypatch):
    from datetime import date

    from potstill.models.local.model import LocalModel
    from potstill.pipeline import checkpoints
    from potstill.pipeline.checks.models import QUESTION

    template, shown, render = Path("teacher/chat_template.jinja"), [], LocalModel.render
    monkeypatch.setattr(LocalModel, "render", lambda model, turns: shown.append(render(model, turns)) or shown[-1])

    def days(today, samples):
        shown.clear()
        monkeypatch.setattr(checkpoints, "today", lambda: today)
        recipe(strategy=f'{{prompt: "{{question}}", samples: {samples}}}')
        taught("--redo")
        return {text[: len("It is 02 January 2026.")] for text in shown if QUESTION not in text}

    undated = days(date(2026, 1, 1), 1)
    assert "day" not in Run(Path("taught")).committed("traces").counts
    template.write_text("It is {{ strftime_now('%d %B %Y') }}. " + template.read_text())
    assert days(date(2026, 1, 2), 1) == {"It is 02 January 2026."} != undated
    assert days(date(2027, 3, 4), 2) == {"It is 02 January 2026."}, "a run goes on as it began"
    assert Run(Path("taught")).committed("traces").counts["day"] == "2026-01-02"


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        ("{kind: local, model: teachr}", "l.yaml:7: teacher.model: there is no folder"),
        ("{kind: local, model: run}", "has no config.json, so it is no Hugging Face checkpoint"),
        ("{kind: local, model: teacher}", "teacher has a context of 256 tokens, less than max_tokens 4096"),
        ("{kind: local}", "l.yaml:7: teacher.model: this key is missing"),
        ("{kind: local, model: teacher, base_url: x}", "teacher.base_url: unknown key"),
        ("{kind: local, model: teacher, engine: vlm}", "'vlm' is not one of transformers, vllm, did you mean 'vllm'?"),
        ("{kind: local, model: teacher, engine_options: {a: 1}}", "these are for engine vllm; transformers has none"),
        (
            "{kind: local, model: teacher, engine: vllm, engine_options: {trust_remote_code: true}}",
            "teacher.engine_options: code from a model's repository is never run",
        ),
        (
            "{kind: local, model: teacher, sampling: {extra: {top_k: 20}}}",
            "l.yaml:7: teacher.sampling.extra.top_k: transformers samples by temperature and top_p alone",
        ),
        (
            "{kind: local, model: teacher, sampling: {temperature: 0}}",
            "several samples at teacher.sampling.temperature 0",
        ),
        (
            "{kind: local, model: teacher, sampling: {max_tokens: 6}, terms: {training: restricted, basis: b}}",
            "at this machine is restricted (b)",
        ),
        ("{kind: locl, model: teacher}", "unknown teacher 'locl', did you mean 'local'?"),
    ],
)
def test_mistakes_in_a_local_teacher(here, teacher, told):
    recipe(teacher)
    assert told in call("check", "l.yaml").mistake()


def test_a_missing_engine_is_said_when_it_is_needed(here, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "vllm", None)
    recipe("{kind: local, model: teacher, engine: vllm, sampling: {max_tokens: 6}}")
    for argv in (("check", "l.yaml"), ("run", "l.yaml", "--out", "taught")):
        assert "teacher.engine vllm" in (told := call(*argv).mistake())
        assert "needs vllm: pip install 'potstill[vllm]'" in told


def test_evaluating_a_served_student_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.jsonl").write_text("".join(f'{{"question": "What is 0 + {n}?", "gold": "{n}"}}\n' for n in range(10, 16)))
    rules = [{"match": "0 + 12?", "replies": [{"status": 400, "body": '{"error": {"message": "no"}}'}], "always": True}]
    with running(script={"rules": rules, "answers": {"0 + 11?": "3"}}) as stub:
        command = ("evaluate", stub.url, "--model", "org/m", "--problems", "p.jsonl", "--batch", 2)
        first = done(*command)
        assert "accuracy 0.800 " in first.out
        assert "on 5 problems, 6 responses: 4 right" in first.out
        assert "1 that could not be judged (accuracy 0.667 were they all wrong); 1 requests were refused" in first.out
        assert stub.stats()["most_open"] <= 2
        assert "note:" not in first.err
        again = done(*command)
        assert (again.out, stub.stats()["requests"]) == (first.out, 6)
        kept = f"runs/evaluate-127.0.0.1-{stub.port}-org-m"
        assert f"note: 6 responses are in {kept} from before: remove it to ask again" in again.err
        assert "students" in done("ledger", kept).out
        done(*command, "--keep", "elsewhere")
        assert stub.stats()["requests"] == 12
        assert "give --model NAME" in call("evaluate", stub.url, "--problems", "p.jsonl").mistake()
    gone = call(*command, "--keep", "new").mistake()
    assert "start the server or correct MODEL.base_url, then run again" in gone
    wrong = call("evaluate", ".", "--model", "m", "--problems", "p.jsonl").mistake()
    assert "--model and --api-key-env are for the address of a server" in wrong
