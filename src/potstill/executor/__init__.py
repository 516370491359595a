"""Processes on a Ray cluster: workers of a run, ranks of a training. Who asks decides what they do."""
