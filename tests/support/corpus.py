"""The configurations of tests/corpus, each with its link and what happened, as parameters of tests."""

from pathlib import Path

import pytest
import yaml

CORPUS = Path(__file__).parents[1] / "corpus"
CONFIGURATIONS = [
    pytest.param(each, id=each["id"])
    for file in sorted(CORPUS.glob("*.yaml"))
    for each in yaml.safe_load(file.read_text(encoding="utf-8"))["configurations"]
]
FLAGS = ("image", "instance_type", "instance_count", "region", "model", "model_data", "ami", "startup_seconds",
         "download_seconds", "volume_gb")  # fmt: skip
