"""Run by the Python of lm-eval's own environment: its tasks ask, and whoever started this process answers.

    python -c "$(cat lm_eval_bridge.py)" '{"tasks": ["gsm8k"], "include": null, "limit": null}'

Lines of JSON go out: `{"ask": [{"messages", "temperature", "top_p", "max_tokens", "turn"}, ...]}`, answered by
`{"texts": [...]}`, and at the end `{"results": {...}}` or `{"error": "..."}`. Needs lm-eval and nothing of potstill.
"""

import json
import os
import sys
from collections import Counter
from typing import Any

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what lm-eval prints is no line of ours


def say(value: Any) -> None:  # noqa: ANN401 - JSON
    """Write one line."""
    out.write(json.dumps(value, default=str) + "\n")
    out.flush()


def main(asked: dict[str, Any]) -> None:
    """Evaluate the tasks."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    class Answering(LM):  # type: ignore[misc]  # lm-eval is not where this is checked
        tokenizer_name = "potstill"

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:  # noqa: ANN401
            turns: Counter[str] = Counter()
            rows = []
            for request in requests:
                context, settings = request.args
                key = context + json.dumps(settings, sort_keys=True)
                drawn = settings.get("do_sample", settings.get("temperature", 0) > 0)
                rows.append({
                    "messages": json.loads(context), "temperature": settings.get("temperature", 0) if drawn else 0,
                    "top_p": settings.get("top_p", 1.0) if drawn else 1.0,
                    "max_tokens": settings.get("max_gen_toks", 256), "turn": turns[key],
                })  # fmt: skip
                turns[key] += 1  # repeats arrive as equal requests, each wants a draw of its own
            say({"ask": rows})
            texts = json.loads(sys.stdin.readline())["texts"]
            return [self.cut(text, request.args[1].get("until") or []) for text, request in zip(texts, requests)]  # noqa: B905

        @staticmethod
        def cut(text: str, stops: Any) -> str:  # noqa: ANN401 - one stop or several
            for stop in [stops] if isinstance(stops, str) else stops:
                text = text.split(stop)[0] if stop else text
            return text

        def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> str:  # noqa: ANN401
            return json.dumps(chat_history)

        def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:  # noqa: ANN401
            raise NotImplementedError("this task compares likelihoods; choose one that generates")

        loglikelihood_rolling = loglikelihood

    include, defaults = asked["include"], not asked["include"]
    manager = TaskManager(include_path=include, include_defaults=defaults)
    unknown = [name for name in asked["tasks"] if name not in manager.all_tasks]
    if unknown:
        raise ValueError(f"lm-eval knows no task {unknown[0]!r}")
    found = simple_evaluate(
        model=Answering(), tasks=asked["tasks"], task_manager=manager, apply_chat_template=True, limit=asked["limit"],
        bootstrap_iters=0, log_samples=False,
    )  # fmt: skip
    say({"results": found["results"]})


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - whatever lm-eval raises is told in one line by who started this
        say({"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
        sys.exit(1)
