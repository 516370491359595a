"""Asks the rows of a file by datatrove's inference runner: python drive_datatrove.py URL ROWS.jsonl FOLDER IN_FLIGHT

With checkpoints and the replay cache that they bring. Runs in datatrove's own environment.
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

url, rows, folder, in_flight = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])


async def ask(document, generate):
    """One trace of one problem."""
    return await generate({"messages": [{"role": "user", "content": document.text}]})


if __name__ == "__main__":
    config = InferenceConfig(
        server_type="endpoint",
        model_name_or_path="stub",
        endpoint_url=url.removesuffix("/v1"),
        default_generation_params={"temperature": 0.6, "max_tokens": 2048},
        max_concurrent_generations=in_flight,
    )
    runner = InferenceRunner(
        rollout_fn=ask,
        config=config,
        output_writer=JsonlWriter(str(folder / "traces"), output_filename="${rank}_chunk_${chunk_index}.jsonl"),
        checkpoints_local_dir=str(folder / "checkpoints"),
    )
    reader = JsonlReader(str(rows.parent), glob_pattern=rows.name, text_key="question", id_key="id")
    LocalPipelineExecutor(pipeline=[reader, runner], logging_dir=str(folder / "logs"), tasks=1).run()
