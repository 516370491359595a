"""A student that listens: log p and ranks of asked tokens equal those of plain logits, whatever the batches."""

import dataclasses

import pytest
from train import tiny

from potstill.records import Problem, Trace
from potstill.train.render import Segment

torch = pytest.importorskip("torch")

from potstill.train import head, listening  # noqa: E402
from potstill.train.listening import NO_GOLD, TOLD, listened, token_readings  # noqa: E402
from potstill.train.render import stop_texts  # noqa: E402
from potstill.train.segments import RowMaker  # noqa: E402
from potstill.train.students import stop_ids  # noqa: E402
from potstill.train.teacher import live_teacher  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several batches and chunks of the head."""
    monkeypatch.setattr(listening, "BATCH_TOKENS", 300)
    monkeypatch.setattr(head, "LOGITS_AT_ONCE", 300 * 20)


@pytest.fixture
def reader(loaded):
    return live_teacher(loaded[0], "student", "student", "fp32")


def plainly(model, row, wanted):
    """(-log p, rank) of each asked token, from all logits of one row in float64."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row.ids])).logits[0].double()
    places = [at for at, code in enumerate(row.segments) if at and code in wanted]
    found = []
    for at in places:
        its = logits[at - 1]
        found.append((float(its.logsumexp(0) - its[row.ids[at]]), int((its > its[row.ids[at]]).sum()) + 1))
    return found


def test_readings_equal_plain_logits(loaded, reader):
    model, tokenizer = loaded
    rows = tiny.rows_of(tiny.examples(9), tokenizer, model).rows
    wanted = [TOLD if number % 2 else (Segment.ANSWER,) for number in range(len(rows))]
    found = token_readings(reader, rows, wanted, int(tokenizer.pad_token_id))
    for row, segments, one in zip(rows, wanted, found, strict=True):
        plain = plainly(model, row, segments)
        assert one.surprisals == pytest.approx([log for log, _ in plain], rel=1e-4)
        assert one.ranks == tuple(rank for _, rank in plain)


def maker_of(loaded, longest=200):
    model, tokenizer = loaded
    return RowMaker(tokenizer, tiny.STUDENT, longest, stop_texts(tokenizer, stop_ids(model)))


def told(example, number, gold="7"):
    problem = Problem(id=str(number), question=example.question, gold=gold)
    return problem, Trace(
        problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=example.reasoning, answer=example.answer, finish="stop",
    )  # fmt: skip


def test_scores_of_a_trace_are_those_of_its_rows(loaded, reader):
    model, tokenizer = loaded
    maker, pad = maker_of(loaded), int(tokenizer.pad_token_id)
    pairs = [told(example, number) for number, example in enumerate(tiny.examples(5))]
    for (problem, trace), one in zip(pairs, listened(reader, maker, pairs, pad), strict=True):
        example = dataclasses.replace(tiny.examples(1)[0], question=problem.question)

        def plain(reasoning, answer, wanted, example=example, problem=problem):
            row = maker.make(0, dataclasses.replace(example, reasoning=reasoning, answer=answer), problem.question)
            return plainly(model, row, wanted)

        whole = plain(trace.reasoning, trace.answer, TOLD)
        behind, alone = (plain(text, "7", (Segment.ANSWER,)) for text in (trace.reasoning, ""))
        mean = [sum(log for log, _ in part) / len(part) for part in (whole, behind, alone)]
        assert one.surprisal == pytest.approx(mean[0], rel=1e-4)
        ratio = sum(min(rank, 100) for _, rank in whole) / sum(log for log, _ in whole)
        assert one.rank_surprisal == pytest.approx(ratio, rel=1e-4)
        assert one.gain == pytest.approx(mean[2] - mean[1], abs=1e-4)
        assert (one.tokens, one.reason) == (len(whole), "")
    again = [listened(reader, maker, [pair], pad)[0] for pair in pairs]
    assert [one.surprisal for one in again] == pytest.approx(
        [one.surprisal for one in listened(reader, maker, pairs, pad)], rel=1e-5
    )


def test_what_cannot_be_read_has_no_score_and_says_why(loaded, reader):
    example, pad = tiny.examples(1)[0], int(loaded[1].pad_token_id)
    (long,) = listened(reader, maker_of(loaded, 8), [told(example, 0)], pad)
    assert (long.surprisal, long.rank_surprisal, long.gain) == (None, None, None)
    assert long.reason == "over max_length tokens"
    (open_,) = listened(reader, maker_of(loaded), [told(example, 0, None)], pad)
    assert open_.surprisal > 0
    assert (open_.gain, open_.reason) == (None, NO_GOLD)
