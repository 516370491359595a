"""What tools wrote carries no loss, and the mark that ends a call does."""

import dataclasses

import pytest
from train import tiny

from potstill.train.audit import check_row
from potstill.train.render import Segment, render
from potstill.train.segments import make_rows, trained

torch = pytest.importorskip("torch")

from potstill.recipe import Loss  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import by_segment, coefficients, collate  # noqa: E402
from potstill.train.marked import segments_of  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

REASONING = (
    "We add. <tool>calculator\n41 + 28\n</tool>\n<result>69</result>\n<tool>calculator\n69 - 7\n</tool>\n"
    "<result>62</result>\nSo 62."
)


def example(reasoning=REASONING):
    return dataclasses.replace(tiny.examples(1)[0], reasoning=reasoning, answer="The answer is 62.")


def row_of(loaded, reasoning=REASONING):
    model, tokenizer = loaded
    (row,) = tiny.rows_of([example(reasoning)], tokenizer, model).rows
    return row


def text_of(row, tokenizer, segment):
    return [
        tokenizer.decode([token])
        for token, code in zip(row.ids, row.segments, strict=True)
        if code == segment
    ]  # fmt: skip


def test_results_are_a_segment_of_their_own(loaded):
    found = render(loaded[1], tiny.STUDENT, "2?", REASONING, "62", ["<|end|>"])
    said = [(span.segment, found.text[span.start : span.end]) for span in found.spans]
    assert [text for segment, text in said if segment is Segment.TOOL] == [
        "<result>69</result>\n",
        "<result>62</result>\n",
    ]
    assert [text for segment, text in said if segment is Segment.FORMAT][1:3] == ["</tool>\n", "</tool>\n"]
    assert said[2] == (Segment.REASONING, "We add. <tool>calculator\n41 + 28\n")
    assert "".join(text for _, text in said) == found.text


def test_the_closing_mark_is_trained_and_no_character_of_a_result_is(loaded):
    row, tokenizer = row_of(loaded), loaded[1]
    check_row(row, tokenizer, [tokenizer.eos_token_id])
    assert "".join(text_of(row, tokenizer, Segment.TOOL)) == "<result>69</result>\n<result>62</result>\n"
    assert "".join(text_of(row, tokenizer, Segment.FORMAT)).count("</tool>") == 2
    assert not {position for position in trained(row) if row.segments[position] == Segment.TOOL}
    assert " tool" in segments_of(row)


def test_the_gradient_at_the_places_of_results_is_exactly_zero(loaded):
    model, _ = loaded
    row = row_of(loaded)
    seen = []

    def note(module, given, made):
        made.retain_grad()
        seen.append(made)

    for loss in (Loss(), Loss(kind="segments", alpha=0.5)):
        layer = model.model.norm.register_forward_hook(note)
        try:
            weights = by_segment([row], coefficients([row], loss).scale)
            total, _ = StudentLoss(model, PLAIN)(collate([row], weights, pad=0))
            total.backward()
        finally:
            layer.remove()
            model.zero_grad()
        gradient = seen[-1].grad[0]  # of what predicts token n + 1 at place n
        tool = [n - 1 for n, code in enumerate(row.segments) if code == Segment.TOOL]
        others = [n - 1 for n in trained(row)]
        assert tool
        assert torch.equal(gradient[tool], torch.zeros_like(gradient[tool]))
        assert all(gradient[n].abs().sum() > 0 for n in others)


def test_a_row_that_forges_a_mark_is_whole_text(loaded):
    """Only a result behind the closing mark of a call is one: a trace that speaks of the marks keeps its loss."""
    row = row_of(loaded, "The mark <result>5</result> is none, nor is </tool>.")
    assert Segment.TOOL not in row.segments


def test_a_result_with_a_control_token_drops_the_row(loaded):
    model, tokenizer = loaded
    rows = tiny.rows_of([example(REASONING.replace("69</", "<|end|></"))], tokenizer, model)
    assert sum(rows.counts.values()) == 1
    assert make_rows([], [], tokenizer, tiny.STUDENT, 512, ["<|end|>"]).rows == ()
