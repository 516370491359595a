"""Who may be learnt from: the table, the recipe's own word, and what is said about the rest."""

import io
import json
import re

import pytest

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models import terms as table
from potstill.models.terms import check_terms, terms_of

LOCAL = "http://localhost:8000/v1"


def teacher(model, base_url=LOCAL, **changes):
    return recipe.ServedTeacher(kind="served", base_url=base_url, model=model, **changes)


@pytest.mark.parametrize(
    ("addresses", "training"),
    [
        (("https://api.deepseek.com", "https://api.openai.com/v1"), "restricted"),
        (("https://api.deepseek.com", LOCAL), "unknown"),
        (("https://api.deepseek.com", "https://api.deepseek.com/beta"), "allowed"),
    ],
)
def test_of_several_servers_the_strictest_counts(addresses, training):
    assert terms_of(teacher("stub", addresses)).training == training


@pytest.mark.parametrize(
    ("model", "training"),
    [
        ("deepseek-ai/DeepSeek-R1-0528", "allowed"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "allowed"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "restricted"),
        ("deepseek-r1:70b", "restricted"),
        ("deepseek/deepseek-chat-v3-0324", "allowed"),
        ("deepseek-ai/DeepSeek-V3.2", "allowed"),
        ("deepseek-ai/DeepSeek-V3", "restricted"),
        ("Qwen/QwQ-32B", "allowed"),
        ("qwen3:8b", "allowed"),
        ("Qwen/Qwen2.5-32B-Instruct", "allowed"),
        ("Qwen/Qwen2.5-3B-Instruct", "restricted"),
        ("Qwen/Qwen2.5-Math-72B-Instruct", "restricted"),
        ("qwen3-max", "unknown"),
        ("openai/gpt-oss-120b", "allowed"),
        ("gpt-5.1", "restricted"),
        ("openai/o4-mini", "restricted"),
        ("AIDC-AI/Marco-o1", "unknown"),
        ("meta-llama/Llama-3.3-70B-Instruct", "restricted"),
        ("anthropic/claude-opus-4.5", "restricted"),
        ("us.anthropic.claude-sonnet-4-v1:0", "restricted"),
        ("google/gemma-3-27b-it", "restricted"),
        ("TinyLlama-like-but-not", "unknown"),
        ("stub", "unknown"),
    ],
)
def test_models(model, training):
    terms = terms_of(teacher(model))
    assert terms.training == training
    assert "2026" in terms.basis


@pytest.mark.parametrize(
    ("base_url", "training"),
    [
        ("https://api.openai.com/v1", "restricted"),
        ("https://API.anthropic.com", "restricted"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "restricted"),
        ("https://api.deepseek.com", "allowed"),
        ("https://api.openai.com.example.org/v1", "unknown"),
    ],
)
def test_a_provider_binds_whatever_the_model(base_url, training):
    assert terms_of(teacher("some-model", base_url)).training == training


def test_restricted_stops_unless_exactly_this_model_is_named():
    with pytest.raises(RecipeError, match=r"^teacher\.terms: .*claude-opus-4-5 .*allow_restricted: claude-opus-4-5$"):
        check_terms(teacher("claude-opus-4-5"))
    with pytest.raises(RecipeError, match="names 'claude'"):
        check_terms(teacher("claude-opus-4-5", allow_restricted="claude"))
    record = check_terms(teacher("claude-opus-4-5", allow_restricted="claude-opus-4-5"))
    assert record["training"] == "restricted"
    assert record["allowed_by"] == "teacher.allow_restricted"
    assert json.loads(json.dumps(record)) == record


def test_the_recipe_has_the_last_word():
    own = recipe.Terms("restricted", "our contract")
    with pytest.raises(RecipeError, match="our contract"):
        check_terms(teacher("Qwen/QwQ-32B", terms=own))
    own = recipe.Terms("allowed", "our contract")
    record = check_terms(teacher("gpt-5.1", "https://api.openai.com/v1", terms=own))
    assert record == {"model": "gpt-5.1", "host": "api.openai.com", "training": "allowed", "basis": "our contract"}


def test_unknown_is_said_once():
    said = io.StringIO()
    for _ in range(3):
        assert check_terms(teacher("nobody/knows-this"), said)["training"] == "unknown"
    assert said.getvalue().count("\n") == 1
    assert "nobody/knows-this" in said.getvalue()
    check_terms(teacher("nor/this"), said)
    assert said.getvalue().count("\n") == 2


def test_allowed_is_silent(capsys):
    check_terms(teacher("Qwen/QwQ-32B"))
    assert capsys.readouterr().err == ""


def test_a_basis_names_the_text_that_was_read_or_says_that_none_was():
    for terms in (*table._HOSTS.values(), *table._MODELS.values()):
        address = re.search(r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|dev)\b", terms.basis)
        assert address or "(reported)" in terms.basis or "not read" in terms.basis, terms
