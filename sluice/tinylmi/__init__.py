"""Stands in for the LMI container: its contract on a CPU, over a tiny real Qwen3 or any OpenAI-compatible server."""

import os

# numpy's BLAS reads this when it is first imported. At this size more threads only cost time, on a busy machine much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
