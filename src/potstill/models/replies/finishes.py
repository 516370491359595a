"""Why a reply ended, from the words of servers: whole, cut off, refused, broken off, or nobody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from potstill.models.served.faults import FaultError
from potstill.records import Finish

_PREFIX = re.compile(r"\A(?:finish_?reason|stop_?reason|finish|reason)[_.: ]+(?=.)")
"""The `FINISH_REASON_` of `FINISH_REASON_STOP`."""
_WHOLE = re.compile(
    r"(?:stop(?:ped)?|eos|eot|end|ended|eod|turn)(?:_?(?:token|found|sequence|str|string|word|words|turn|id|reached"
    r"|of_(?:turn|text|sequence|message|stream)))*|completed?|completion|done|finish(?:ed)?|final|normal|natural|success|ok"
)
"""Words of an ordinary end: `stop`, `end_turn`, `eos_token`, `COMPLETE`."""
_BROKEN = re.compile(
    r"error|abort|cancel|time|network|resource|unavailable|overload|rate_?limit|disconnect|connection|fail"
    r"|crash|preempt|shut_?down|kill|evict|deadline|exception|malformed|interrupt|internal|server|lost|invalid|reset"
)
"""Words of a reply that was broken off: `error`, `cancelled`, `insufficient_system_resource`."""
_CUT = re.compile(
    r"length|max(?:imum)?_?(?:\w*_)?(?:tokens?|len|output)|token_?s?_?limit|limit|truncat|context|window|budget|incomplete"
    r"|pause|repetition|repeat|loop|too_long|exceed|cut"
)
"""Words of a limit: `length`, `MAX_TOKENS`, `model_context_window_exceeded`."""
_REFUSED = re.compile(
    r"filter|refus|safety|sensitiv|recit|prohibit|block|spii|moderat|policy|flag|guard|harm|tool|function|copyright"
    r"|censor|risk|unsafe|violat|abuse|image|language|content|eject|illegal|denied"
)
"""Words of a refusal: `content_filter`, `SAFETY`, `tool_calls`."""


_BESIDE = ("finish_details", "incomplete_details", "done_reason", "stop_type", "stop_reason", "status")
"""Fields in which some servers say it too, as a word or an object with one: `{"type": "max_tokens"}`. Others put there
what stopped the model, so that only the words of `_LIMITS` count."""
_LIMITS = frozenset({
    "length", "limit", "max_tokens", "max_output_tokens", "max_new_tokens", "max_completion_tokens", "token_limit",
    "incomplete", "truncated", "context_length_exceeded", "model_context_window_exceeded",
})  # fmt: skip
_FLAGS = ("truncated", "is_truncated", "stopped_limit")


_CALLS = re.compile(r"(?:end_)?(?:tool|function)(?:_?(?:calls?|use))+")
"""`tool_calls`, `tool_use`, `function_call`"""


def ends_in_call(reason: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a server's word for an end is that a tool is called."""
    return isinstance(reason, str) and _CALLS.fullmatch(_PREFIX.sub("", reason.strip().casefold())) is not None


def is_cut(*places: Mapping[str, Any]) -> bool:
    """Return whether some field beside the finish reason, in body, choice or message, says that a limit ended it."""
    for place in places:
        if any(place.get(name) is True for name in _FLAGS):
            return True
        for name in _BESIDE:
            said = place.get(name)
            words = [said.get("type"), said.get("reason")] if isinstance(said, dict) else [said]
            if any(isinstance(word, str) and word.strip().casefold() in _LIMITS for word in words):
                return True
    return False


def finish_of(*reasons: Any) -> tuple[Finish, str]:  # noqa: ANN401 - any JSON values
    """Return the finish that a server's words for it mean, and why where the reply is of no use.

    Several words are the server's own and that of the provider behind it: the worst of them counts. None is no word. A
    word that is none of these is no end that anybody knows: the reply is kept, `refused` under that word, and never
    judged.

    Raises:
        FaultError: the server broke the reply off.
    """
    found: dict[Finish, str] = {}
    for reason in reasons:
        if reason is None or reason == "":
            continue
        said = reason if isinstance(reason, str) else type(reason).__name__
        word = _PREFIX.sub("", said.strip().casefold().replace("-", "_").replace(" ", "_"))
        if _WHOLE.fullmatch(word):
            continue
        if _BROKEN.search(word):
            raise FaultError(f"broken off: finish_reason {said[:80]}", kind="broken")
        if _CUT.search(word):
            found.setdefault("length", "")
        elif _REFUSED.search(word):
            found["refused"] = f"finish_reason {said}"
        else:
            found.setdefault(
                "refused", f"finish_reason {said[:80]}: no word that potstill knows, so the reply is not judged"
            )
    return next(((kind, found[kind]) for kind in ("refused", "length") if kind in found), ("stop", ""))
