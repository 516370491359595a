"""The chat template in a GGUF file: what a run was trained on byte for byte, with the thinking in a field of its own.

Servers keep thinking apart where a template says between which marks it stands, and Ollama where both marks are in the
template's text. So in front of the student's own template stands a step that puts `reasoning_content` of an answer
between the marks of its training and hands on the message that the student was trained with.
"""

from __future__ import annotations

import json
from typing import Any

from potstill import recipe
from potstill.models.local import chat
from potstill.train.render import is_opened, prompt_text

_BEFORE = """\
{{%- set potstill = namespace(turns=[]) -%}}
{{%- for message in messages -%}}
{{%- if message['role'] == 'assistant' and message['reasoning_content'] -%}}
{{%- set potstill.turns = potstill.turns + [{{'role': 'assistant', 'content': {opening} + message['reasoning_content'] \
+ {closing} + message['content']}}] -%}}
{{%- else -%}}
{{%- set potstill.turns = potstill.turns + [message] -%}}
{{%- endif -%}}
{{%- endfor -%}}
{{%- set messages = potstill.turns -%}}
{{{{- '' }}}}"""


def template_of(tokenizer: Any, student: recipe.Student) -> str:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the template of a student for other programs.

    Where thinking has no marks it is the student's own.
    """
    day = tokenizer.init_kwargs.get(chat.DATE)
    own = (chat.told_day(day) if day else "") + str(tokenizer.get_chat_template())
    if not (student.reasoning_open.strip() and student.reasoning_close.strip()):
        return own
    opening = "" if is_opened(student, prompt_text(tokenizer, "?")) else student.reasoning_open
    return _BEFORE.format(opening=_quoted(opening), closing=_quoted(student.reasoning_close)) + own


def thinks_in_ollama(template: str) -> bool:
    """Whether Ollama takes a file with this template for one that thinks (`server/images.go` of August 2026)."""
    return "<think>" in template and "</think>" in template


def _quoted(text: str) -> str:
    """Return a text as a string of Jinja: its escapes are those of JSON, and marks stand in it letter by letter."""
    return json.dumps(text, ensure_ascii=False)
