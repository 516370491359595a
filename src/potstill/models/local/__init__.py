"""Checkpoints in this process: loaded whole, rendered, sampled in batches, or run by vLLM."""
