"""An export answers like the model it was made from, or it does not appear."""

import json
import stat

import pytest
from train import tiny

pytest.importorskip("torch")

from potstill.export import safetensors
from potstill.export.card import Card, model_card
from potstill.export.safetensors import ExportError, export
from potstill.train import students

CARD = Card("tiny", "scratch", "worked", "sums", "recipe.yaml", 3, 60, 1234, "tokens, alpha 1, beta 1", "0.1.0")
PROMPTS = [example.question for example in tiny.examples(10)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "trained"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


def test_it_is_a_plain_checkpoint_with_a_card(trained, tmp_path):
    found = export(trained, tmp_path / "out", PROMPTS, CARD)
    assert found == {"prompts": 8, "same_tokens": 8, "largest_logit_difference": 0.0}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    settings = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert settings["eos_token_id"] == students.load(trained)[1].eos_token_id
    assert "| Tokens trained | 1,234 |" in (tmp_path / "out" / "README.md").read_text()
    mode = (tmp_path / "out" / "model.safetensors").stat().st_mode
    assert stat.S_IMODE(mode) == stat.S_IMODE((tmp_path / "out" / "config.json").stat().st_mode)


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
        export(trained, tmp_path / "out", PROMPTS, CARD)
    assert not (tmp_path / "out").exists()


def test_wrong_stop_ids_and_no_prompts_are_refused(trained, tmp_path):
    with pytest.raises(ExportError, match="no prompt"):
        export(trained, tmp_path / "out", [], CARD)
    model, tokenizer = students.load(trained)
    model.generation_config.eos_token_id = 0
    students.write(model, tokenizer, tmp_path / "wrong")
    with pytest.raises(ExportError, match="is not among the generation config's"):
        export(tmp_path / "wrong", tmp_path / "out", PROMPTS, CARD)


def test_text_from_a_recipe_cannot_break_the_card():
    card = Card("a\nb", "x | y", "<script>", "", "r", 0, 0, 0, "l", "v")
    text = model_card(card, 5)
    assert "# a b\n" in text
    assert "| Base model | x \\| y |" in text
    assert "<script>" not in text
    assert "| Problems | unknown |" in text
