"""Settings for all tests: no deadlines of Hypothesis on shared machines, and one thread unless a test asks for more."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from hypothesis import settings

settings.register_profile("potstill", deadline=None, print_blob=True)
settings.load_profile("potstill")
