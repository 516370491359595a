"""Asks the rows of a file by DataDesigner: python drive_data_designer.py URL ROWS.jsonl FOLDER IN_FLIGHT

It resumes by row groups, which are made as small as two rounds of what is in flight. Runs in DataDesigner's own
environment.
"""

import sys
from pathlib import Path

import data_designer.config as dd
from data_designer.interface import DataDesigner, ResumeMode

url, rows, folder, in_flight = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])


if __name__ == "__main__":
    with rows.open() as file:
        count = sum(1 for _ in file)
    asked = dd.ChatCompletionInferenceParams(temperature=0.6, max_tokens=2048, max_parallel_requests=in_flight)
    teacher = dd.ModelConfig(
        alias="teacher", model="stub", provider="stub", inference_parameters=asked, skip_health_check=True
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[teacher])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(rows)))
    builder.add_column(
        dd.LLMTextColumnConfig(
            name="answer", model_alias="teacher", prompt="{{ question }}", extract_reasoning_content=True
        )
    )
    provider = dd.ModelProvider(name="stub", endpoint=url, provider_type="openai", api_key="none")
    designer = DataDesigner(artifact_path=folder / "artifacts", model_providers=[provider])
    designer.set_run_config(
        dd.RunConfig(disable_early_shutdown=True, otel_metrics_port=None, buffer_size=2 * in_flight)
    )
    designer.create(builder, num_records=count, dataset_name="bench", resume=ResumeMode.IF_POSSIBLE)
