"""An export answers like the model it was made from, or it does not appear."""

import json
import re
import stat
from dataclasses import replace
from html import unescape

import pytest
from commands import TINY
from train import tiny

pytest.importorskip("torch")

from models import families, tiny_families

from potstill.evaluate.conditions import conditions_of
from potstill.evaluate.metrics import summarise
from potstill.export import safetensors
from potstill.export.card import Base, Card, model_card
from potstill.export.safetensors import ExportError, export
from potstill.printed import harmless
from potstill.recipe_file import parse
from potstill.records import Measure
from potstill.train import students

CARD = Card(
    name="tiny", base=Base(name="scratch"), teacher="worked", problems="sums", seed=3, examples=60, tokens_trained=1234,
    loss="tokens, alpha 1, beta 1", potstill="0.1.0", measured=summarise(()),
)  # fmt: skip
CONDITIONS = conditions_of(parse(TINY, "r.yaml"))
PROMPTS = [example.question for example in tiny.examples(10)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "trained"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


def test_it_is_a_plain_checkpoint_with_a_card(trained, tmp_path):
    found = export(trained, tmp_path / "out", PROMPTS, CARD, CONDITIONS)
    assert found == {"prompts": 8, "same_tokens": 8, "largest_logit_difference": 0.0}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
        "potstill.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    settings = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert settings["eos_token_id"] == students.load(trained)[1].eos_token_id
    assert "| Tokens trained | 1,234 |" in (tmp_path / "out" / "README.md").read_text()
    mode = (tmp_path / "out" / "model.safetensors").stat().st_mode
    assert stat.S_IMODE(mode) == stat.S_IMODE((tmp_path / "out" / "config.json").stat().st_mode)


@pytest.mark.parametrize(("groups", "told"), [(8, True), (1, False)])
def test_an_export_that_transformers_4_computes_otherwise_says_so(trained, tmp_path, capsys, groups, told):
    _, tokenizer = students.load(trained)
    model = tiny_families.random_model(families.tiny("mamba2", n_groups=groups), 0)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    students.write(model, tokenizer, tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", PROMPTS[:1], CARD, CONDITIONS)
    assert ("transformers 4 does not answer as 5 does with it: it normalises" in capsys.readouterr().err) is told
    assert ("Use transformers 5; version 4 does not" in (tmp_path / "out" / "README.md").read_text()) is told


@pytest.mark.parametrize(("scale", "said"), [(-1.0, "other tokens"), (1.001, "logits")])
def test_an_export_that_answers_otherwise_does_not_appear(trained, tmp_path, monkeypatch, scale, said):
    """Saved with weights that were changed on the way."""
    import torch

    real = students.write

    def lossy(model, tokenizer, out):
        with torch.no_grad():
            model.model.norm.weight.mul_(scale)
        real(model, tokenizer, out)

    monkeypatch.setattr(safetensors.students, "write", lossy)
    with pytest.raises(ExportError, match=said):
        export(trained, tmp_path / "out", PROMPTS, CARD, CONDITIONS)
    assert not (tmp_path / "out").exists()


def test_wrong_stop_ids_and_no_prompts_are_refused(trained, tmp_path):
    with pytest.raises(ExportError, match="no prompt"):
        export(trained, tmp_path / "out", [], CARD, CONDITIONS)
    model, tokenizer = students.load(trained)
    model.generation_config.eos_token_id = 0
    students.write(model, tokenizer, tmp_path / "wrong")
    with pytest.raises(ExportError, match="is not among the generation config's"):
        export(tmp_path / "wrong", tmp_path / "out", PROMPTS, CARD, CONDITIONS)


def measured(rights):
    rows = [
        Measure(
            student="s",
            prompt="zero-shot",
            problem_key=f"p{n}",
            sample=0,
            reasoning="r",
            answer="a",
            finish="stop",
            prompt_tokens=1,
            completion_tokens=1,
            looped=False,
            outcome=o,
            cause="",
            extracted="a",
        )
        for n, o in enumerate(rights)
    ]
    return summarise(rows)


def test_the_head_says_licence_base_language_and_accuracy_as_the_hub_reads_them():
    cards = pytest.importorskip("huggingface_hub").ModelCard
    licence = {"license": "other", "license_name": "gemma", "license_link": "https://ai.google.dev/gemma/terms"}
    base = Base(name="b", hub="org/b", licence=licence, languages=("en", "de"))
    said = ["right"] * 6 + ["wrong"] * 2
    text = model_card(replace(CARD, base=base, measured=measured(said)), 5)
    head = cards(text).data
    assert (head.license, head.license_name, head.base_model, head.language) == (
        "other",
        "gemma",
        "org/b",
        ["en", "de"],
    )
    (result,) = head.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.75)
    assert result.dataset_name == "held-out problems of sums"
    low, high = measured(said).accuracy.low, measured(said).accuracy.high
    told = f"95% interval {low:.1%} to {high:.1%}, 8 problems"
    assert result.metric_name == f"pass@1, {told}"
    assert f"| Accuracy on held-out problems | 75.0% ({told}) |" in text
    assert "| Licence of the base model | gemma |" in text
    bare = cards(model_card(CARD, 5))
    assert (bare.data.license, bare.data.base_model, bare.data.eval_results) == (None, None, None)
    assert "| Licence of the base model | unknown |" in bare.text


@pytest.mark.parametrize(
    "bad", ["a\nb", "x | y", "<script>", "[click](http://x)", "`c` \\| d", "\x1b[2J\u202e", "# *h*"]
)
def test_text_from_a_recipe_cannot_break_the_card(bad):
    """Whatever a name holds, the page shows it letter by letter, in one heading and in one cell."""
    text = model_card(replace(CARD, name=bad, teacher=bad, base=Base(name=bad, licence={"license": bad})), 5)
    _, head, body = text.split("---\n", 2)
    assert pytest.importorskip("yaml").safe_load(head)["license"] == bad
    html = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table").render(body)
    shown = re.sub(r"<[^>]*>", "\n", html)
    told = harmless(" ".join(bad.split()))
    assert [unescape(line) for line in shown.split("\n")].count(told) == 5, "heading, base, licence, teacher, recipe"
    assert set(re.findall(r"<(\w+)", html)) == {"h1", "p", "code", "table", "thead", "tr", "th", "tbody", "td"}
    assert html.count("<td>") == 2 * 11
