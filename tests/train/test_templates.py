"""Chat templates in the shapes of well-known students, on small tokenizers of our own: reasoning is rendered right."""

import dataclasses
from datetime import date

import pytest
from train import tiny

from potstill.errors import AuditError
from potstill.models.local.chat import rendered, with_date
from potstill.records import Example
from potstill.train.audit import check_row
from potstill.train.render import Segment, stop_texts
from potstill.train.segments import make_rows, trained


def chatml(system="", thinking="", begun=""):
    """ChatML; `thinking` is what stands for a finished response, `begun` what the generation prompt adds."""
    finished = thinking or "{{ m.content }}"
    return (
        "{% if messages[0].role != 'system' and " + repr(bool(system)) + " %}"
        "{{ '<|im_start|>system\n" + system + "<|im_end|>\n' }}{% endif %}"
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{% if m.role == 'assistant' %}" + finished + "{% else %}{{ m.content }}{% endif %}{{ '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n" + begun + "' }}{% endif %}"
    )


def turns(user, assistant, end, before="", begun="", said="m.content"):
    """A user's and an assistant's turn between fixed texts."""
    return (
        "{{ '" + before + "' }}{% for m in messages %}{% if m.role == 'assistant' %}"
        "{{ '" + assistant + "' + (" + said + ") + '" + end + "' }}"
        "{% else %}{{ '" + user[0] + "' + m.content + '" + user[1] + "' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '" + assistant + begun + "' }}{% endif %}"
    )


REWRITTEN = (  # the content is cut at its marks, and others are written around its parts
    "{% set said = m.content.split('</think>')[-1].lstrip('\n') %}"
    "{% set thought = m.content.split('</think>')[0].split('<think>')[-1] if '</think>' in m.content else '' %}"
    "{{ '<think>\n' + thought.strip('\n') + '\n</think>\n\n' + said }}"
)
AFTER_THINKING = "m.content.split('</think>')[-1].strip()"
DATED = "{{ '<|im_start|>system\nToday is ' + strftime_now('%d %B %Y') + '.<|im_end|>\n' }}"
DEEPSEEK = {"user": ("<｜User｜>", ""), "assistant": "<｜Assistant｜>", "end": "<｜end▁of▁sentence｜>"}
IM, TURN = ("<|im_start|>", "<|im_end|>"), "<end_of_turn>"
OT = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
WHOLE = "<think>\n{r}\n</think>\n{a}"
SHAPES = {
    # name: (template, control tokens, EOS, further stops, a response with reasoning, one without)
    "qwen2.5": (chatml("You are kind."), (*IM, "<|endoftext|>"), "<|im_end|>", ["<|endoftext|>"], WHOLE, "{a}"),
    "qwen3": (
        chatml(thinking=REWRITTEN), IM, "<|im_end|>", [],
        "<think>\n{r}\n</think>\n\n{a}", "<think>\n\n</think>\n\n{a}",
    ),
    "qwen3 that opens": (
        chatml(thinking=REWRITTEN, begun="<think>\n"), IM, "<|im_end|>", [],
        "{r}\n</think>\n\n{a}", "\n</think>\n\n{a}",
    ),
    "llama 3": (
        turns(("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
              "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>", "<|begin_of_text|>",
              said="m.content|trim"),
        ("<|begin_of_text|>", "<|end_of_text|>", *OT), "<|eot_id|>", ["<|end_of_text|>"], WHOLE, "{a}",
    ),
    "gemma 3": (
        turns(("<start_of_turn>user\n", "<end_of_turn>\n"), "<start_of_turn>model\n", "<end_of_turn>\n", "<bos>",
              said="m.content|trim"),
        ("<bos>", "<eos>", "<start_of_turn>", TURN), "<eos>", [TURN], WHOLE, "{a}",
    ),
    "phi 4": (
        turns(("<|im_start|>user<|im_sep|>", "<|im_end|>"), "<|im_start|>assistant<|im_sep|>", "<|im_end|>"),
        (*IM, "<|im_sep|>"), "<|im_end|>", [], WHOLE, "{a}",
    ),
    "smollm 2": (chatml("You are small."), IM, "<|im_end|>", [], WHOLE, "{a}"),
    "smollm 3": (DATED + chatml(thinking="{{ m.content.lstrip('\n') }}"), IM, "<|im_end|>", [], WHOLE, "{a}"),
    "r1 distilled": (
        turns(**DEEPSEEK, begun="<think>\n", said=AFTER_THINKING), (*DEEPSEEK["user"][:1], "<｜Assistant｜>",
        "<｜end▁of▁sentence｜>"), "<｜end▁of▁sentence｜>", [], "{r}\n</think>\n{a}", "\n</think>\n{a}",
    ),
    "r1 at first": (
        turns(**DEEPSEEK, said=AFTER_THINKING), (*DEEPSEEK["user"][:1], "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        "<｜end▁of▁sentence｜>", [], WHOLE, "{a}",
    ),
}  # fmt: skip


def small(template, control, eos, marks=("<think>", "</think>")):
    """A tokenizer of bytes, the control tokens and the marks."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    raw.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=eos, pad_token=eos, chat_template=template, clean_up_tokenization_spaces=False
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reasoning", ["Two and two:\n\n2 + 2 = 4, so…", ""], ids=["reasoning", "answer alone"])
def test_a_response_is_what_the_student_has_to_write_behind_its_own_prompt(shape, reasoning):
    template, control, eos, further, *wanted = SHAPES[shape]
    tokenizer = small(template, control, eos)
    with_date(tokenizer, lambda: date(2026, 11, 29))
    stops = tokenizer.convert_tokens_to_ids([eos, *further])
    answer = "The answer is\n4."
    example = Example(problem_key="p", trace_key="t", question="2 + 2?", reasoning=reasoning, answer=answer)
    found = make_rows([example], ["2 + 2?"], tokenizer, tiny.STUDENT, 4096, stop_texts(tokenizer, stops))
    (row,) = found.rows
    check_row(row, tokenizer, stops)
    prompt = rendered(tokenizer, [{"role": "user", "content": "2 + 2?"}], ask=True)
    places = trained(row)
    assert places == list(range(places[0], places[-1] + 1)), "the whole response, and nothing else"
    assert tokenizer.decode(row.ids[: places[0]]) == prompt
    end = next(stop for stop in [eos, *further] if stop == tokenizer.decode(row.ids[places[-1]]))
    response = wanted[0 if reasoning else 1].format(r=reasoning, a=answer) + end
    assert tokenizer.decode(row.ids[places[0] : places[-1] + 1]) == response
    for segment, text in ((Segment.REASONING, reasoning), (Segment.ANSWER, answer)):
        own = [token for token, code in zip(row.ids, row.segments, strict=True) if code == segment]
        assert tokenizer.decode(own) == text


def test_a_prompt_that_opens_other_marks_than_the_recipe_has_is_refused_with_the_fix():
    template, control, eos, *_ = SHAPES["r1 distilled"]
    tokenizer = small(template, control, eos)
    student = dataclasses.replace(tiny.STUDENT, reasoning_open="<reason>", reasoning_close="</reason>")
    example = Example(problem_key="p", trace_key="t", question="q", reasoning="r", answer="a")
    with pytest.raises(AuditError, match=r"set student\.reasoning_open and reasoning_close to the marks"):
        make_rows([example], ["q"], tokenizer, student, 512, [eos])
