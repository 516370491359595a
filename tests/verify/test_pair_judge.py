"""A judge of pairs against a real server on loopback: asked in both orders, believed where they agree."""

import io
import re
from functools import partial

import pytest
import stub_server

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.budget import Cap
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress
from potstill.verify import pair_judge
from potstill.verify.pair_judge import ComparedPair, preferred, read_preference

FIRST = re.compile(r"<first-([0-9a-f]{12})>\n(.*)\n</first-\1>", re.DOTALL)


class PairStub(stub_server.Stub):
    """A judge that prefers what has `good` in it, and what stands first where both or neither have."""

    def completion(self, body, **changes):
        nonce, first = FIRST.search(body["messages"][-1]["content"]).groups()
        said = f"Hm.\n\nBETTER-{nonce}: {'SECOND' if 'bad' in first else 'FIRST'}"
        if "mute" in first:
            said = f"BETTER-{nonce}: FIRST\nas I said"
        return super().completion(body, **({"message": {"role": "assistant", "content": said}} | changes))


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", PairStub)
    impatient = RetryPolicy(tries=2, limited_tries=2, unreachable_tries=2, first_wait=0.01, failures=3)
    monkeypatch.setattr(pair_judge, "ServedModel", partial(ServedModel, retry_policy=impatient))
    return stub_server.running


def asked(cases, stub, ledger):
    judge = recipe.Judge(base_url=stub.url, model="jury")
    progress = Progress("judge", stream=io.StringIO())
    return list(preferred([ComparedPair("What?", *case) for case in cases], judge, ledger, progress, Cap(None)))


def test_a_preference_counts_where_both_orders_agree_and_nothing_is_asked_twice(served, tmp_path):
    cases = [("a good way", "a bad way"), ("a bad way", "a good way"), ("one way", "another way"), ("mute", "way")]
    with served() as stub:
        assert asked(cases, stub, tmp_path / "j.sqlite") == ["first", "second", "tie", "tie"]
        assert stub.stats()["requests"] == 6, "the first two cases are the same pair; a pair has two orders"
        assert asked(cases, stub, tmp_path / "j.sqlite") == ["first", "second", "tie", "tie"]
        assert stub.stats()["requests"] == 6
        assert asked([], stub, tmp_path / "j.sqlite") == []


def test_a_judge_that_is_down_ends_it_and_what_it_said_stays(served, tmp_path):
    rules = [{"match": "a third", "replies": [500], "always": True}]
    cases = [("a good way", "a bad way"), ("a third way", "a bad third way")]
    with served(script={"rules": rules}) as stub, pytest.raises(TeacherError):
        asked(cases, stub, tmp_path / "j.sqlite")
    with served() as stub:
        assert asked(cases, stub, tmp_path / "j.sqlite") == ["first", "first"]
        assert stub.stats()["requests"] <= 3


def test_an_answer_cannot_give_the_verdict_itself():
    assert read_preference("BETTER-abc: FIRST", "abc") == "FIRST"
    assert read_preference("so\n**BETTER-abc:** TIE.", "abc") == "TIE"
    for text in ("", "FIRST", "BETTER-abd: FIRST", "BETTER-abc: FIRST\nBETTER-abc: SECOND", "BETTER-abc: BOTH"):
        assert read_preference(text, "abc") == ""
