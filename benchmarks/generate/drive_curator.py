"""Asks the rows of a file by curator: python drive_curator.py URL ROWS.jsonl FOLDER IN_FLIGHT

Limits are lifted that would hold an unknown server to 200 requests a minute. Runs in curator's own environment.
"""

import json
import sys
from pathlib import Path

from bespokelabs import curator

url, rows, folder, in_flight = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])


class Teacher(curator.LLM):
    """One trace a problem; the whole reply is asked for, since the reasoning is dropped otherwise."""

    return_completions_object = True

    def prompt(self, input):  # noqa: A002 - curator's own name
        """The question."""
        return input["question"]

    def parse(self, input, response):  # noqa: A002 - curator's own name
        """The trace."""
        message = response["choices"][0]["message"]
        return {"id": input["id"], "reasoning": message.get("reasoning_content"), "answer": message["content"]}


if __name__ == "__main__":
    teacher = Teacher(
        model_name="stub",
        backend="openai",
        generation_params={"temperature": 0.6, "max_tokens": 2048},
        backend_params={
            "base_url": url, "max_concurrent_requests": in_flight, "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
        },
    )  # fmt: skip
    with rows.open() as file:
        found = teacher([json.loads(line) for line in file], working_dir=str(folder / "cache"))
    found.dataset.to_json(folder / "traces.jsonl")
