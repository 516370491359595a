import builtins
import io
import time

import pytest
from stub_server import running

from potstill import recipe
from potstill.errors import DamageError, MissingExtraError, TeacherError
from potstill.models.budget import Budget
from potstill.models.in_flight import InFlight
from potstill.models.ledger import Ledger
from potstill.models.ledger_sums import Counts
from potstill.models.prices import Priced, price_of
from potstill.models.requests import Completion, Message, Request
from potstill.models.served.client import ServedModel
from potstill.progress import Progress

NOTHING = Counts(
    rows=0,
    requests=0,
    prompt_tokens=0,
    completion_tokens=0,
    unmetered=0,
    unmetered_bytes=0,
    finishes={},
    failures={},
    seconds=0.0,
)


def teacher(url="https://api.openai.com/v1", model="o3", **changes):
    return recipe.ServedTeacher(kind="served", base_url=url, model=model, **changes)


def test_the_recipe_wins():
    assert price_of(teacher(price=recipe.Price(3.0, 4.0))) == Priced(recipe.Price(3.0, 4.0), "the recipe")


def test_the_table_is_asked_by_address_and_model():
    found = price_of(teacher())
    assert found.price is not None
    assert 0 < found.price.prompt < found.price.completion < 1000
    assert found.basis.startswith("genai-prices 0.")
    assert found.basis.endswith("openai o3")
    elsewhere = price_of(teacher("https://openrouter.ai/api/v1", "deepseek/deepseek-r1"))
    assert "openrouter" in elsewhere.basis


def test_a_batch_costs_half():
    live, batch = price_of(teacher()), price_of(teacher(executor="batch"))
    assert batch.price.completion == pytest.approx(live.price.completion / 2)


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("http://localhost:8000/v1", "o3"),
        ("http://127.0.0.1:8000/v1", "deepseek-r1"),
        ("https://api.openai.com/v1", "no-such-model"),
        ("https://models.example.org/v1", "o3"),
    ],
)
def test_what_nobody_has_priced_has_no_price_and_no_cap(url, model):
    assert price_of(teacher(url, model)).price is None
    with pytest.raises(TeacherError, match=r"teacher\.spend_at_most needs a price.*teacher\.price") as caught:
        price_of(teacher(url, model, spend_at_most=5.0))
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "genai_prices":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"genai-prices: pip install 'potstill\[served\]'"):
        price_of(teacher())
    assert price_of(teacher("http://localhost/v1")).price is None


def test_hours_are_charged_while_asking_and_over_reruns():
    counts = Counts(
        rows=1,
        requests=1,
        prompt_tokens=0,
        completion_tokens=0,
        unmetered=0,
        unmetered_bytes=0,
        finishes={"stop": 1},
        failures={},
        seconds=1800.0,
    )
    budget = Budget(teacher(spend_at_most=1.0), recipe.Price(hour=2.0), counts)
    assert budget.spent == pytest.approx(1.0, abs=1e-3)
    assert budget.spent_up
    fresh = Budget(teacher(spend_at_most=1e-6), recipe.Price(hour=3600.0), NOTHING)
    time.sleep(0.01)
    assert 0.01 <= fresh.spent < 5


def test_a_cap_holds_back_what_might_pass_it():
    budget = Budget(
        teacher(spend_at_most=100.0, sampling=recipe.Sampling(max_tokens=40)), recipe.Price(0, 1e6), NOTHING
    )
    assert [budget.reserve(key, 9, 40) for key in "abb"] == [True, True, True], "one that is asked again counts once"
    assert not budget.reserve("c", 9, 40)
    assert not budget.spent_up, "others are in flight"
    assert budget.charge(Completion(key="a", finish="stop", prompt_tokens=3, completion_tokens=10, raw=b"")) == 13
    budget.release("a")
    assert budget.reserve("c", 9, 40)
    for key in "bc":
        budget.charge(Completion(key=key, finish="length", prompt_tokens=3, completion_tokens=40, raw=b""))
        budget.release(key)
    assert not budget.reserve("d", 9, 40)
    assert budget.spent_up, "nothing is in flight, and 10 dollars are too few"
    assert budget.spent == 90


def test_without_a_limit_a_request_is_expected_to_cost_what_others_did():
    budget = Budget(
        teacher(spend_at_most=100.0, sampling=recipe.Sampling(max_tokens=40)), recipe.Price(0, 1e6), NOTHING
    )
    assert [budget.reserve(key, 9, None) for key in "abc"] == [True, True, False]
    budget.charge(Completion(key="a", finish="stop", prompt_tokens=3, completion_tokens=95, raw=b""))
    budget.release("a")
    assert not budget.reserve("c", 9, None)
    budget.release("b")
    assert budget.reserve("c", 9, None), "one alone may pass the cap: nobody knows what it costs"


def test_what_was_in_flight_at_a_kill_counts_under_the_cap(tmp_path):
    ledger = tmp_path / "l.sqlite"

    def begun():
        of = teacher(spend_at_most=100.0)
        return Budget(of, recipe.Price(0, 1e6), NOTHING, None, "teacher", InFlight(ledger))

    killed = begun()
    assert all(killed.reserve(key, 9, 20) for key in "ab")
    after = begun()
    assert after.spent >= 40, "noted before it was sent"
    assert after.spent <= 1.3 * 40, "and a quarter more at most"
    assert after.reserve("a", 9, 20)
    spent = after.spent
    after.end(["a"])
    stopped = begun()
    assert stopped.spent == spent + 20, "at an end that is no kill what was in flight is known"
    stopped.end([])
    assert begun().spent == spent + 20
    InFlight(ledger).path.write_text("{}")
    with pytest.raises(DamageError, match=r"in-flight\.json is damaged"):
        begun()


def test_progress_shows_tokens_dollars_rate_and_time_left(tmp_path):
    shown = io.StringIO()
    wanted = [
        Request(messages=(Message("user", f"What is {n}?"),), model="m", sampling={"max_tokens": 9}, sample=0)
        for n in range(10)
    ]
    with running() as stub, Ledger(tmp_path / "l.sqlite") as ledger:
        progress = Progress("teacher", 20, "requests", stream=shown)
        ServedModel(teacher(stub.url, "m", price=recipe.Price(0.0, 1e5))).collect(wanted, ledger, progress)
        progress.close()
        assert ledger.counts().seconds > 0
    line = shown.getvalue()
    assert line.startswith("teacher: 10/20 requests, ")
    for part in ("/s, ", " left, ", "230 tokens, $20.00, 0 in flight"):
        assert part in line
