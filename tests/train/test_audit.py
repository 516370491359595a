"""The gate before training refuses rows that would train the wrong thing."""

import copy
import dataclasses

import pytest
from train import tiny

from potstill.errors import AuditError
from potstill.recipe import Loss
from potstill.train.audit import audit, check_mask, check_number, check_row
from potstill.train.render import Segment
from potstill.train.segments import trained
from potstill.train.students import stop_ids


def gate(found, tokenizer, stops, loss=Loss()):  # noqa: B008 - a frozen record
    """All that rows pass on their way into training."""
    for row in found.rows:
        check_row(row, tokenizer, stops)
    check_number(len(found.rows), found.counts)
    return audit(found.rows, found.counts, tokenizer, loss)


@pytest.fixture
def found(loaded):
    model, tokenizer = loaded
    return tiny.rows_of(tiny.examples(4), tokenizer, model)


def test_it_shows_one_row_with_its_segments(loaded, found):
    model, tokenizer = loaded
    shown = gate(found, tokenizer, stop_ids(model))
    example = tiny.examples(1)[0]
    assert f"reasoning trained  {example.reasoning!r}" in shown
    assert f"answer    trained  {example.answer!r}" in shown
    assert "prompt    no loss  '<|user|>" in shown
    assert "format    trained  '<|end|>'" in shown


def test_pad_equal_to_eos_trains_eos_and_says_so(loaded, found):
    model, tokenizer = loaded
    same = copy.deepcopy(tokenizer)
    same.pad_token = same.eos_token
    shown = gate(found, same, stop_ids(model))
    assert "pad equals EOS ('<|end|>' (id 1)): EOS is trained all the same" in shown


def test_a_mask_that_derives_from_the_pad_id_is_refused(loaded, found):
    eos = loaded[1].eos_token_id
    row = found.rows[0]
    derived = [position for position in trained(row) if row.ids[position] != eos]
    with pytest.raises(AuditError, match=f"derives from the pad id {eos}"):
        check_mask(row, derived, Loss(), pad=eos)
    with pytest.raises(AuditError, match="differs from the segments"):
        check_mask(row, [0, *trained(row)], Loss(), pad=eos)
    check_mask(row, trained(row), Loss(), pad=eos)


def test_the_gate_looks_at_what_the_collator_really_trains(loaded, found, monkeypatch):
    """A collator that masked by pad id would be caught before a single step."""
    import potstill.train.audit as module

    model, tokenizer = loaded
    eos = tokenizer.eos_token_id
    same = copy.deepcopy(tokenizer)
    same.pad_token = same.eos_token
    real = module.collate

    def by_pad_id(rows, weights, pad, device="cpu"):
        batch = real(rows, weights, pad, device)
        return dataclasses.replace(batch, places=batch.places[batch.targets != eos])

    monkeypatch.setattr(module, "collate", by_pad_id)
    with pytest.raises(AuditError, match="pad id"):
        gate(found, same, stop_ids(model))


def without_eos(row):
    return dataclasses.replace(row, ids=row.ids[:-1], segments=row.segments[:-1])


def recoded(row, old, new):
    return dataclasses.replace(row, segments=bytes(new if code == old else code for code in row.segments))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_eos, "no trained EOS"),
        (lambda row: recoded(row, Segment.ANSWER, Segment.PROMPT), "answer segment is empty"),
        (lambda row: dataclasses.replace(row, segments=bytes(len(row))), "mask covers nothing"),
    ],
)
def test_broken_rows_are_refused(loaded, found, change, said):
    model, tokenizer = loaded
    with pytest.raises(AuditError, match=f"example 2: .*{said}"):
        check_row(change(found.rows[1]), tokenizer, stop_ids(model))


def test_an_eos_at_which_generation_does_not_stop_is_refused(loaded, found):
    with pytest.raises(AuditError, match="not among the generation config's eos_token_id"):
        gate(found, loaded[1], [0])


@pytest.mark.parametrize(
    ("loss", "said"), [(Loss(alpha=0.0, beta=0.0), "covers nothing"), (Loss(beta=0.0), "no trained EOS")]
)
def test_weights_that_train_nothing_or_no_end_are_refused(loaded, found, loss, said):
    model, tokenizer = loaded
    with pytest.raises(AuditError, match=said):
        gate(found, tokenizer, stop_ids(model), loss)


def test_reasoning_without_weight_passes(loaded, found):
    model, tokenizer = loaded
    assert gate(found, tokenizer, stop_ids(model), Loss(alpha=0.0))


def test_all_rows_over_length_says_what_to_raise(loaded):
    model, tokenizer = loaded
    found = tiny.rows_of(tiny.examples(3), tokenizer, model, max_length=5)
    with pytest.raises(AuditError, match=r"3 over max_length tokens; raise train\.max_length"):
        gate(found, tokenizer, stop_ids(model))
