"""Asks the rows of a file by a flow of sdg_hub: python drive_sdg_hub.py URL ROWS.jsonl FOLDER IN_FLIGHT

With checkpoints after every two rounds of what is in flight; a checkpoint ends a chunk, and chunks run one after the
other. Runs in sdg_hub's own environment.
"""

import sys
from pathlib import Path

import pandas as pd
from sdg_hub.core.blocks.llm import LLMChatBlock
from sdg_hub.core.flow import Flow, FlowMetadata

url, rows, folder, in_flight = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])


if __name__ == "__main__":
    chat = LLMChatBlock(
        block_name="teacher", input_cols="messages", output_cols="response", async_mode=True, temperature=0.6,
        max_tokens=2048,
    )  # fmt: skip
    flow = Flow(blocks=[chat], metadata=FlowMetadata(id="bench", name="bench"))
    flow.set_model_config(model="openai/stub", api_base=url, api_key="none")
    data = pd.read_json(rows, lines=True)
    data["messages"] = [[{"role": "user", "content": question}] for question in data["question"]]
    found = flow.generate(
        data, checkpoint_dir=str(folder / "checkpoints"), save_freq=2 * in_flight, max_concurrency=in_flight
    )
    found.to_json(folder / "traces.jsonl", orient="records", lines=True)
