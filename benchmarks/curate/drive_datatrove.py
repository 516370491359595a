"""Curates the rows of a folder by datatrove: python drive_datatrove.py ROWS FOLDER PROCESSES repetition|near

`repetition` is its filter of repeated text, `near` its four steps of near duplicates at its own defaults, runs of five
words as ours. ROWS holds as many files as there are processes. Runs in datatrove's own environment.
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.filters import GopherRepetitionFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

rows, folder, processes, what = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def run(name, pipeline, tasks):
    """Run some steps to their end."""
    logs = str(folder / "logs" / name)
    LocalPipelineExecutor(pipeline=pipeline, logging_dir=logs, tasks=tasks, workers=processes).run()


if __name__ == "__main__":
    reader, writer = JsonlReader(rows), JsonlWriter(str(folder / "kept"))
    if what == "repetition":
        run(what, [reader, GopherRepetitionFilter(), writer], processes)
    else:
        config = MinhashConfig()
        signatures, buckets, removed = (str(folder / name) for name in ("signatures", "buckets", "removed"))
        run("signatures", [reader, MinhashDedupSignature(signatures, config)], processes)
        run("buckets", [MinhashDedupBuckets(signatures, buckets, config=config)], config.num_buckets)
        run("clusters", [MinhashDedupCluster(buckets, removed, config=config)], 1)
        run("filter", [reader, MinhashDedupFilter(removed), writer], processes)
