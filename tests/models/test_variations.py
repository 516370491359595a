"""Replies in shapes and spellings that nobody listed: seeded variations of where text stands and how marks are written.

Each has one right reading. What cannot be read may be dropped with a reason; it may never be trained on.
"""

import json
import random

import pytest

from potstill import curate
from potstill.curate.filters import Candidate
from potstill.models.ledger import divided
from potstill.models.replies.dialects import ReplyError, divide
from potstill.models.replies.shapes import read
from potstill.models.requests import Completion, Message, Request
from potstill.models.served.faults import FaultError
from potstill.recipe import Curate, Endpoint, Price
from potstill.records import Problem, Trace
from potstill.teach.samples import trace_of

COUNT = 200
THOUGHT, ANSWER = "First add 3 and 4.\n\nThat makes 7, which is prime.", "The answer is 7."
PROBLEM = Problem(id="p", question="What is 3 + 4?", gold="7")


def completion(message, finish="stop", usage=None, beside=None, top=None):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **(beside or {})}
    return json.dumps({"choices": [choice], "usage": usage or {}, **(top or {})}).encode()


def trace(raw, model="m"):
    reply = read(raw)
    done = Completion(key="k", finish=reply.finish, failure=reply.failure, raw=raw)
    request = Request(messages=(Message("user", PROBLEM.question),), model=model, sampling={}, sample=0)
    return trace_of(PROBLEM, request, divided(done, model), "zero_shot")


def words(text):
    return " ".join(text.split())


def kept(made: Trace):
    """Return None for a trace that may be trained on, else the reason for which it is dropped."""
    case = Candidate(
        trace=made,
        verdict=None,
        problem=PROBLEM,
        held_out=False,
        settings=Curate(drop_unknown=False),
        allow_summaries=False,
    )
    return next((why for check in curate.FILTERS if (why := check(case))), None)


NAMES = ["reasoning", "reasoning_content", "thinking", "reasoning_details", "thinking_blocks", "thought", "thoughts",
         "reasoningContent", "thinking_content", "chain_of_thought", "internal_reasoning", "analysis",
         "reasoning_text"]  # fmt: skip


def shape(dice):
    """Return reasoning in some shape that carries it."""
    paragraphs = THOUGHT.split("\n\n")
    key = dice.choice(["text", "content", "thinking", "reasoning", "value", "thought", "trace", "steps", "output_text"])
    kind = dice.choice([{}, {"type": "reasoning.text"}, {"type": "thinking"}, {"type": "reasoning"}, {"type": "text"}])
    noise = dice.choice(
        [{}, {"index": 0, "id": "rs_1"}, {"format": "unknown", "signature": "EqQB"}, {"status": "done"}]
    )
    block = {**kind, **noise, key: THOUGHT}
    return dice.choice([
        THOUGHT, paragraphs, [THOUGHT], block, [block], {**noise, key: paragraphs}, {key: [{"text": THOUGHT}]},
        [{**kind, key: text + end} for text, end in zip(paragraphs, ("\n\n", ""), strict=True)], {"parts": [block]},
        {str(number): text for number, text in enumerate(paragraphs)}, json.dumps(block), json.dumps([block]),
    ])  # fmt: skip


def answer(dice):
    return dice.choice([
        ANSWER, [ANSWER], {"text": ANSWER}, {"type": "text", "text": ANSWER}, [{"type": "text", "text": ANSWER}],
        {"content": ANSWER}, {"parts": [{"text": ANSWER}]},
        [{"type": "output_text", "text": ANSWER, "annotations": []}],
        ["The answer", " is 7."], [{"type": "text", "text": {"value": ANSWER}}],
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_reasoning_is_read_in_every_shape_and_field(seed):
    dice = random.Random(seed)
    for _ in range(COUNT // 4):
        name, value, content = dice.choice(NAMES), shape(dice), answer(dice)
        places = {
            "message": lambda n, v, c: completion({"content": c, n: v}),
            "gateway": lambda n, v, c: completion({"content": c, "provider_specific_fields": {n: v}}),
            "choice": lambda n, v, c: completion({"content": c}, beside={n: v}),
            "body": lambda n, v, c: completion({"content": c}, top={n: v}),
            "empty others": lambda n, v, c: completion({"reasoning": None, "thinking": "", "content": c, n: v}),
        }
        place = dice.choice([*places])
        raw = places[place](name, value, content)
        made = trace(raw)
        assert (words(made.reasoning), words(made.answer)) == (words(THOUGHT), ANSWER), raw
        assert made.reasoning_kind == "raw", raw


COUNTED = [
    {"completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 880}},
    {"completion_tokens": 900, "reasoning_tokens": 880},
    {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 910},
    {"output_tokens": 900, "output_tokens_details": {"thinking_tokens": 880}},
    {"prompt_tokens": 10, "completion_tokens": 20, "completion_tokens_details": {"thoughts_token_count": 880}},
    {"completion_tokens": 900, "completion_tokens_details": {"reasoningTokens": 880}},
    {"completion_tokens": "900", "completion_tokens_details": {"reasoning_tokens": "880"}},
]


@pytest.mark.parametrize("usage", COUNTED)
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_a_preamble_beside_reasoning_that_is_only_counted_is_no_target(usage, finish):
    made = trace(completion({"content": f"Let me see. I will add.\n\n{ANSWER}", "reasoning": None}, finish, usage))
    assert (made.reasoning, made.reasoning_kind) == ("", "none")
    assert kept(made) in ("no reasoning", "truncated")


def spellings(dice):
    """Return an opening and a closing mark as some server might let them through."""
    name = dice.choice([
        "think", "thinking", "thought", "reasoning", "seed:think", "scratchpad", "inner_monologue", "thinking_process",
        "reflection", "rationale", "think_never_used_51bce0c7", "internal_thoughts",
    ])  # fmt: skip
    name = dice.choice([name, name.upper(), name.title()])
    left, right = dice.choice([("<", ">"), ("< ", " >"), ("<|", "|>"), ("&lt;", "&gt;"), ("＜", "＞"), ("<", "\n>"),
                                ("&amp;lt;", "&amp;gt;"), ("%3C", "%3E"), ("<\u200b", ">")])  # fmt: skip
    return dice.choice([
        (f"{left}{name}{right}", f"{left}/{name}{right}"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|START_THINKING|>", "<|END_THINKING|>"),
        (f'{left}{name} time="3"{right}', f"{left}/{name}{right}"), (f"{left}{name}{right}", f"{left}/ {name}{right}"),
    ])  # fmt: skip


HARMONY = [
    "<|channel|>analysis<|message|>{r}<|end|><|start|>assistant<|channel|>final<|message|>{a}<|return|>",
    "<|start|>assistant<|channel|>analysis<|message|>{r}<|channel|>final<|message|>{a}",
    "analysis{r}assistantfinal{a}", "{r}<|end|><|start|>assistant<|channel|>final<|message|>{a}",
    "|channel|analysis|message|{r}|end||start|assistant|channel|final|message|{a}",
    "<channel>analysis<message>{r}<end><start>assistant<channel>final<message>{a}<return>",
    "<|channel|>analysis<|message|>{r}<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{a}",
    "<|channel>thought\n{r}<channel|>{a}", "<|channel|analysis<|message|>{r}<|end|><|channel|>final{a}",
    "channelanalysismessage{r}endstartassistantchannelfinalmessage{a}",
]  # fmt: skip
PLACES = [
    lambda o, c, r, a: {"content": f"{o}{r}{c}{a}"},
    lambda o, c, r, a: {"content": f"{o}\n{r}\n{c}\n\n{a}{c}"},
    lambda o, c, r, a: {"content": f"{o}{o}{r}{c}{c}{a}"},
    lambda o, c, r, a: {"content": f"{r}{c}\n{c}\n{a}"},
    lambda o, c, r, a: {"content": f"{c}{o}{r}{c}{a}{o}"},
    lambda o, c, r, a: {"content": f"{c}\n{a}{c}", "reasoning": f"{o}{r}"},
    lambda o, c, r, a: {"content": a, "reasoning_content": f"{o}\n{r}\n{c}"},
    lambda o, c, r, a: {"content": f"{o}{c}{a}", "reasoning": f"{r}{c}{c}"},
    lambda o, c, r, a: {"content": f"{o}{r}{c}{a}", "reasoning": r},
    lambda o, c, r, a: {"content": "", "reasoning": f"{o}{r}{c}{a}"},
    lambda o, c, r, a: {"content": [{"type": "text", "text": f"{o}{r}{c}"}, {"type": "text", "text": a}]},
    lambda o, c, r, a: {"content": a, "reasoning": r.replace("\n\n", f"\n{c}\n{o}\n")},
    lambda o, c, r, a: {"content": f"{a} Mind the {o} here.", "reasoning": r},
    lambda o, c, r, a: {"content": a, "reasoning": r.replace("which", f"{c} which")},
    lambda o, c, r, a: {"content": f"<|im_start|>assistant\n{a}<eos><pad>", "reasoning": f"{o}{r}{c}</s>"},
    lambda o, c, r, a: {"content": f"<final_answer>{a}</final_answer>", "reasoning": f"{r}\n/think"},
    lambda o, c, r, a: {"content": f"```thinking\n{r}\n```\n{a}"},
]


@pytest.mark.parametrize("seed", range(4))
def test_marks_divide_or_drop_and_are_never_trained_on(seed):
    dice = random.Random(seed)
    divided_well = 0
    for _ in range(COUNT // 4):
        if dice.random() < 0.3:
            pattern = dice.choice(HARMONY)
            message = {"content": pattern.format(r=THOUGHT, a=ANSWER)}
        else:
            opening, closing = spellings(dice)
            message = dice.choice(PLACES)(opening, closing, THOUGHT, ANSWER)
        made = trace(completion(message))
        reason = kept(made)
        right = (words(made.reasoning), words(made.answer)) == (words(THOUGHT), ANSWER)
        assert right or reason, message
        divided_well += right and reason is None
    assert divided_well > 0.7 * COUNT / 4, "most of them divide"


def test_ordinary_text_holds_no_mark():
    for text in (
        "x < 5 | y > 3",
        "<b>bold</b> and <|x|>",
        "I think [1] that a<b",
        "\\langle \\psi | \\phi \\rangle",
        "a final assistant",
    ):
        made = trace(completion({"content": ANSWER, "reasoning": f"{THOUGHT} {text}"}))
        assert kept(made) is None, text


WHOLE = ["stop", None, "", "eos", "end_turn", "EOS_TOKEN", "stop_sequence", "COMPLETE", "FINISH_REASON_STOP", "Done"]
CUT = [
    "length",
    "MAX_TOKENS",
    "max_output_tokens",
    "model_length",
    "context_length_exceeded",
    "token_limit",
    "truncated",
]
REFUSED = [
    "content_filter",
    "SAFETY",
    "sensitive",
    "PROHIBITED_CONTENT",
    "guardrail_intervened",
    "moderation",
    "tool_use",
]
BROKEN = [
    "error",
    "timeout",
    "time_limit_exceeded",
    "network_error",
    "cancelled",
    "aborted",
    "server_overloaded",
    "preempted",
]
UNKNOWN = ["unknown", "other", "xyzzy", "FINISH_REASON_UNSPECIFIED", 7, ["stop"], "17"]


def ended(**words_):
    try:
        reply = read(
            completion(
                {"content": "The answer is"},
                words_.get("finish"),
                beside={"native_finish_reason": words_.get("native")},
            )
        )
    except FaultError as fault:
        return fault.reason
    return reply.finish, reply.failure


@pytest.mark.parametrize("where", ["finish", "native"])
def test_why_a_reply_ended_in_words_of_every_kind(where):
    assert {ended(**{where: word}) for word in WHOLE} == {("stop", "")}
    assert {ended(**{where: word}) for word in CUT} == {("length", "")}
    for word in REFUSED:
        assert ended(**{where: word}) == ("refused", f"finish_reason {word}")
    for word in BROKEN:
        assert ended(**{where: word}) == f"broken off: finish_reason {word}"
    for word in UNKNOWN:
        finish, failure = ended(**{where: word})
        assert finish == "refused"
        assert "no word that potstill knows" in failure
    assert ended(finish="stop", native="MAX_TOKENS") == ("length", "")
    assert ended(finish="length", native="SAFETY")[0] == "refused"


TEXT = "So it goes on and on. " * 100


@pytest.mark.parametrize(
    ("usage", "paid"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 700}, 700),
        ({"prompt_tokens": 10, "completion_tokens": 600, "total_tokens": 5610}, 5600),
        ({"prompt_tokens": 10, "completion_tokens": 600, "total_tokens": 610,
          "completion_tokens_details": {"reasoning_tokens": 400}}, 600),
        ({"prompt_tokens": 10, "completion_tokens": 600,
          "completion_tokens_details": {"reasoning_tokens": 5000}}, 5600),
        ({"prompt_tokens": 10, "total_tokens": 5010}, 5000),
        ({"input_tokens": 10, "output_tokens": 700}, 700),
        ({"prompt_tokens": 10.0, "completion_tokens": 700.0}, 700),
        ({"promptTokens": 10, "completionTokens": 600, "totalTokens": 5610}, 5600),
        ({"num_prompt_tokens": 10, "num_completion_tokens": 700}, 700),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": 10, "completion_tokens": 1}, None),
        ({"prompt_tokens": 10, "completion_tokens": -700}, None),
        ({"prompt_tokens": 10, "completion_tokens": 10**300}, None),
        ({"prompt_tokens": 10, "completion_tokens": "700"}, 700),
        ({"prompt_tokens": 10, "completion_tokens": "many"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_is_paid_is_the_larger_of_what_the_numbers_say(usage, paid):
    reply = read(completion({"content": TEXT}, usage=usage))
    assert reply.completion_tokens == paid


def test_the_answer_is_there_whatever_stands_beside_it():
    body = completion({"content": ANSWER, "reasoning": THOUGHT}).decode()
    deep = "[" * 5000 + "]" * 5000
    unread = (
        f'"debug": {deep}',
        f'"usage": {{"completion_tokens": {"9" * 6000}}}',
        f'"x": {"9" * 9000}e9999',
        f'"seen": {{"a": {deep}, "b": "]"}}',
        '"bits": [' + "[]," * 1_200_000 + "1]",
    )
    for more in unread:
        for raw in (f"{body[:-1]}, {more}}}", f"{{{more}, {body[1:]}"):
            found = divide(read(raw.encode()), "m")
            assert (found.reasoning, found.content) == (THOUGHT, ANSWER)
    for coded in (body.encode("utf-8-sig"), body.encode("utf-16")):
        assert divide(read(coded), "m").content == ANSWER


@pytest.mark.parametrize("code", ['"' + "5" * 6000 + '"', "5" * 6000, "5" * 4000, '"\u0665\u0660\u0660"'])
def test_an_error_code_of_any_length_is_told(code):
    with pytest.raises(ReplyError) as caught:
        read(f'{{"error": {{"message": "no", "code": {code}}}}}'.encode())
    assert caught.value.status == 500
    assert len(caught.value.message) < 100


def test_every_price_counts_a_reply_without_numbers_by_its_size():
    from potstill.models.budget import Budget
    from potstill.models.ledger_sums import Counts

    budget = Budget(
        Endpoint(base_url="http://x/v1", model="m"),
        Price(1.0, 1e6),
        Counts(
            rows=0,
            requests=0,
            prompt_tokens=0,
            completion_tokens=0,
            unmetered=0,
            unmetered_bytes=0,
            finishes={},
            failures={},
            seconds=0.0,
        ),
    )
    for finish in ("stop", "length", "refused"):
        before = budget.charged
        budget.charge(Completion(key="k", finish=finish, prompt_tokens=5, raw=b"x" * 3000))
        assert budget.charged - before == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize(
    ("field", "cut"),
    [
        ({"finish_details": {"type": "max_tokens"}}, True), ({"stop_type": "limit"}, True), ({"truncated": True}, True),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, True), ({"done_reason": "length"}, True),
        ({"stop_reason": "The limit", "matched_stop": 2, "stop_type": "eos", "truncated": False}, False),
        ({"status": "completed", "stop_reason": None, "finish_details": {"type": "stop", "stop": "x"}}, False),
    ],
)  # fmt: skip
def test_a_limit_that_is_told_beside_the_finish_reason_counts(field, cut):
    for place in ({"beside": field}, {"top": field}):
        assert read(completion({"content": ANSWER}, "stop", **place)).finish == ("length" if cut else "stop")
